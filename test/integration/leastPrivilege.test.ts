/**
 * Presentation contexts on which the entry allows nothing: refused when the association is negotiated, never proposed to
 * the other end. Requests on them that come all the same are refused by themselves.
 */
import { describe, expect, it } from '@jest/globals';
import { CommandField, proposedContext } from '../support/dicomBytes';
import { type ConfigurationInput, plainConfiguration, TestGateway } from '../support/gateway';
import { finalStatus, RawScu } from '../support/rawScu';
import { SpyUpstream } from '../support/spyUpstream';
import { SopClass } from '../support/uids';

const contexts = [
  proposedContext(1, SopClass.Verification),
  proposedContext(3, SopClass.CTImageStorage),
  proposedContext(5, SopClass.StudyRootFind),
];
const instance = {
  sopClassUid: SopClass.CTImageStorage,
  sopInstanceUid: '1.2.9',
  dataSet: Buffer.alloc(64, 9),
};
const find = { CommandField: CommandField.CFindRq, AffectedSOPClassUID: SopClass.StudyRootFind, Priority: 0 };

type Entry = Partial<ConfigurationInput['modalities'][string]>;

async function setUp(entry: Entry, rest: Partial<ConfigurationInput> = {}) {
  const spy = await SpyUpstream.start();
  const gateway = await TestGateway.start(plainConfiguration(spy.port, { dataSets: 'off', ...entry }, rest));
  const associated = async (proposed = contexts) => {
    const scu = await RawScu.connect({ port: gateway.port('plain') });
    const answer = await scu.associate({ calling: 'CT1', called: 'ARCHIVE', contexts: proposed });
    if (answer.kind !== 'accepted') throw new Error(answer.kind);
    return { scu, results: answer.ac.contexts.map(({ id, result }) => [id, result]) };
  };
  const proposedUpstream = () => spy.connections.at(-1)?.associateRq?.contexts.map(({ id }) => id);
  return { spy, gateway, associated, proposedUpstream };
}

describe('a context on which the entry allows nothing', () => {
  it('is answered with result 1, and the archive never hears of it', async () => {
    const { gateway, associated, proposedUpstream } = await setUp({ allow: ['echo'] });
    const { scu, results } = await associated();
    expect(results).toEqual([
      [1, 0],
      [3, 1],
      [5, 1],
    ]);
    expect(proposedUpstream()).toEqual([1]);
    expect(await scu.echo(1)).toBe(0x0000);
    await scu.release();
    expect(await gateway.event({ event: 'association.accepted' })).toMatchObject({
      outcome: 'allowed',
      detail: 'the entry allows nothing on CTImageStorage and 1 other SOP class',
      refusedContexts: [
        { sopClass: 'CTImageStorage', result: 'user rejection', reason: 'command-not-allowed' },
        {
          sopClass: 'StudyRootQueryRetrieveInformationModelFind',
          result: 'user rejection',
          reason: 'command-not-allowed',
        },
      ],
    });
    await gateway.event({ event: 'association.released' });
    expect(gateway.events.map(({ event }) => event)).not.toContain('association.unusable');
  });

  it('goes by storeSopClasses too', async () => {
    const { gateway, associated } = await setUp({
      allow: ['echo', 'store'],
      storeSopClasses: 'MRImageStorage',
    });
    const { scu, results } = await associated();
    expect(results).toContainEqual([3, 1]);
    await scu.release();
    const { refusedContexts } = await gateway.event({ event: 'association.accepted' });
    expect(refusedContexts?.[0]?.reason).toBe('sop-class-not-allowed');
  });

  it('refuses each request that comes on it all the same, and the association stays', async () => {
    const { spy, gateway, associated } = await setUp({ allow: ['echo'] });
    const { scu } = await associated();
    const before = spy.connections.at(-1)!.receivedBytes;
    expect(await scu.store(3, instance)).toBe(0x0124);
    expect(finalStatus(await scu.request(5, find, Buffer.alloc(70_000, 1)))).toBe(0x0124);
    expect(spy.connections.at(-1)!.receivedBytes).toBe(before);
    expect(await gateway.event({ event: 'command.refused' })).toMatchObject({
      reason: 'command-not-allowed',
    });
    expect(await scu.echo(1)).toBe(0x0000);
    await scu.release();
  });

  it('stays closed where a reload allows more: the archive does not know it', async () => {
    const { spy, gateway, associated } = await setUp({ allow: ['echo'] });
    const { scu } = await associated();
    await gateway.reload(plainConfiguration(spy.port, { allow: ['echo', 'store'], dataSets: 'off' }));
    expect(await scu.store(3, instance)).toBe(0x0124);
    expect(await scu.echo(1)).toBe(0x0000);
    await scu.release();
    const again = await associated();
    expect(await again.scu.store(3, instance)).toBe(0x0000);
    await again.scu.release();
  });

  it('is named in the log where the modality leaves without a request', async () => {
    const { gateway, associated } = await setUp({ allow: ['echo'] });
    const { scu } = await associated();
    await scu.release();
    expect(await gateway.event({ event: 'association.unusable' })).toMatchObject({
      outcome: 'denied',
      reason: 'command-not-allowed',
      modality: 'ct1',
      detail:
        'it was released without a request; the entry allows nothing on CTImageStorage and 1 other SOP class',
    });
  });

  it('is named in the log where the modality breaks off, as storescu does', async () => {
    const { gateway, associated } = await setUp({ allow: ['echo'] });
    const { scu } = await associated();
    expect(await scu.echo(1)).toBe(0x0000);
    await scu.abort();
    expect(await gateway.event({ event: 'association.unusable' })).toMatchObject({
      outcome: 'denied',
      detail: 'its peer broke it off; the entry allows nothing on CTImageStorage and 1 other SOP class',
    });
  });
});

describe('every context is passed on', () => {
  it.each<[string, Entry, number[]]>([
    ['where none would be left', { allow: ['move'] }, [1, 3, 5]],
    ['in observe mode', { allow: ['echo'], mode: 'observe' }, [1, 3, 5]],
    ['where the entry says so', { allow: ['echo'], presentationContexts: 'proposed' }, [1, 3, 5]],
    ['where all are of use', { allow: ['echo', 'store', 'find'] }, [1, 3, 5]],
  ])('%s', async (_when, entry, ids) => {
    const { spy, associated, proposedUpstream } = await setUp(entry);
    const { scu, results } = await associated();
    expect(results).toEqual(ids.map((id) => [id, 0]));
    expect(proposedUpstream()).toEqual(ids);
    if (entry.mode !== 'observe' && entry.allow?.includes('store') !== true) {
      const before = spy.connections.at(-1)!.receivedBytes;
      expect(await scu.store(3, instance)).toBe(0x0124);
      expect(spy.connections.at(-1)!.receivedBytes).toBe(before);
    }
    await scu.release();
  });
});

describe('egress', () => {
  it('refuses what egressAllow has no use for, and the modality never hears of it', async () => {
    const modality = await SpyUpstream.start();
    const { gateway } = await setUp(
      { egressAllow: ['echo'], address: { host: '127.0.0.1', port: modality.port } },
      { egress: { port: 0 } },
    );
    const scu = await RawScu.connect({ port: gateway.port('egress') });
    const answer = await scu.associate({ calling: 'ARCHIVE', called: 'CT1', contexts });
    const results =
      answer.kind === 'accepted' ? answer.ac.contexts.map(({ id, result }) => [id, result]) : [];
    expect(results).toEqual([
      [1, 0],
      [3, 1],
      [5, 1],
    ]);
    expect(modality.connections[0]?.associateRq?.contexts.map(({ id }) => id)).toEqual([1]);
    expect(await scu.store(3, instance)).toBe(0x0124);
    expect(await scu.echo(1)).toBe(0x0000);
    await scu.release();
  });
});
