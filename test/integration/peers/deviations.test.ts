/**
 * Odd but valid inputs, sent to DCMTK and Orthanc directly and through the gateway: the same contexts are accepted, the
 * same statuses come, and the same instances are stored. ODD_RUNS changes how many random ones (`ODD_RUNS=10000 npx jest …/deviations`), ODD_SEED repeats
 * a run. Inputs of a folder `shared/cases` are sent too where one lies beside the repository.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { beforeAll, expect, it } from '@jest/globals';
import { Random } from '../../fuzz/random';
import { echoscu, Storescp } from '../../support/dcmtk';
import {
  CommandField,
  type CommandSet,
  messagePdus,
  PduType,
  type ProposedContext,
  proposedContext,
  releaseRq,
} from '../../support/dicomBytes';
import type { Instance } from '../../support/dicomFiles';
import { plainConfiguration, TestGateway } from '../../support/gateway';
import { type OddInput, oddInput, sendableDeviations } from '../../support/oddInputs';
import { Orthanc } from '../../support/orthanc';
import { describeWithPeers } from '../../support/peers';
import { RawScu } from '../../support/rawScu';
import { SpyUpstream } from '../../support/spyUpstream';
import { SopClass } from '../../support/uids';

const RUNS = Number(process.env.ODD_RUNS ?? 40);
const SEED = Number(process.env.ODD_SEED ?? Date.now() % 1_000_000);

interface Outcome {
  readonly accepted: readonly string[];
  readonly statuses: readonly (number | undefined)[];
}

/** What an input brings: the contexts that are accepted, and the status of each C-STORE. */
async function outcomeOf(
  port: number,
  { associateRq, messages }: Pick<OddInput, 'associateRq' | 'messages'>,
) {
  const scu = await RawScu.connect({ port });
  await scu.send(associateRq);
  const answer = await scu.readAssociateAnswer();
  if (answer.kind !== 'accepted') throw new Error(`not accepted: ${JSON.stringify(answer)}`);
  const accepted = answer.ac.contexts
    .filter(({ result }) => result === 0)
    .map(({ id, transferSyntax }) => `${id} ${transferSyntax}`);
  const statuses: (number | undefined)[] = [];
  for (const message of messages) {
    await scu.send(message);
    statuses.push((await scu.readMessage()).command.Status);
  }
  await scu.send(releaseRq());
  await scu.readPdu();
  scu.end();
  return { accepted, statuses } satisfies Outcome;
}

/** An archive, and a gateway in front of it that lets everything pass. */
interface Way {
  /** What was stored since the last time. */
  readonly takeInstances: () => Instance[] | Promise<Instance[]>;
  /** The archive accepts every abstract syntax, even if it is not a UID. */
  readonly isPromiscuous: boolean;
  readonly direct: number;
  readonly gateway: TestGateway;
}

async function way(archive: Orthanc | Storescp, direct: number, isPromiscuous: boolean): Promise<Way> {
  return {
    takeInstances: () => archive.takeInstances(),
    isPromiscuous,
    direct,
    gateway: await TestGateway.start(plainConfiguration(direct, { allow: ['echo', 'store'] })),
  };
}

/** The same input on both ways: the same contexts are accepted, the same statuses come, the same instances are stored. */
async function expectSame(way: Way, seed: number, only?: OddInput['names']): Promise<void> {
  const input = oddInput(new Random(seed), `1.2.826.0.1.${seed}`, only);
  const which = `${input.names.join(', ')}; repeat with ODD_RUNS=1 ODD_SEED=${seed}`;
  const expected = await storedBy(way, way.direct, input);
  expect([which, expected.stored.length]).toEqual([which, input.messages.length]);
  const foreign = way.isPromiscuous ? input.foreignContextIds.map((id) => `${id} `) : [];
  const accepted = expected.accepted.filter((line) => !foreign.some((id) => line.startsWith(id)));
  expect([which, await storedBy(way, way.gateway.port(), input)]).toEqual([which, { ...expected, accepted }]);
}

async function storedBy(
  { takeInstances }: Way,
  port: number,
  input: Pick<OddInput, 'associateRq' | 'messages'>,
): Promise<Outcome & { readonly stored: readonly string[] }> {
  const outcome = await outcomeOf(port, input);
  const taken = (await takeInstances()).map(
    ({ sopClassUid, sopInstanceUid, sha256 }) => `${sopClassUid} ${sopInstanceUid} ${sha256}`,
  );
  return { ...outcome, stored: taken.sort() };
}

describeWithPeers(['Orthanc', 'storescp'], 'what is odd', () => {
  let orthanc: Orthanc;
  let ways: readonly Way[];
  beforeAll(async () => {
    orthanc = await Orthanc.start();
    const storescp = await Storescp.start();
    ways = [await way(orthanc, orthanc.dicomPort, false), await way(storescp, storescp.port, true)];
  });

  it.each(sendableDeviations)('%s: brings the same as it does directly', async (name) => {
    for (const one of ways) for (let seed = 1; seed <= 5; seed += 1) await expectSame(one, seed, [name]);
  });

  it.each<[string, number, (id: number) => ProposedContext]>([
    ['abstract syntaxes', 3, (id) => proposedContext(id, 'CT')],
    ['transfer syntaxes', 4, (id) => proposedContext(id, SopClass.CTImageStorage, ['x'])],
  ])(
    'is accepted without a context where no %s are UIDs, and good for a release only',
    async (_of, ours, of) => {
      const contexts = [of(1), of(3)];
      const seen = async (port: number) => {
        const sender = await RawScu.associated(port, { contexts });
        await sender.release();
        const scu = await RawScu.connect({ port });
        const answer = await scu.associate({ calling: 'CT1', called: 'ARCHIVE', contexts });
        await scu.send(...messagePdus(1, { CommandField: CommandField.CEchoRq, MessageID: 1 }));
        const end = await scu.readAssociateAnswer();
        scu.end();
        return [answer.kind === 'accepted' && answer.ac.contexts.map(({ result }) => result), end.kind];
      };
      for (const { direct, gateway, isPromiscuous } of ways) {
        expect(await seen(gateway.port())).toEqual([[ours, ours], 'aborted']);
        // One accepts what is not a UID, the other does not say what is wrong with transfer syntaxes.
        const theirs = isPromiscuous ? (ours === 4 ? 4 : 0) : 3;
        expect(await seen(direct)).toEqual([[theirs, theirs], theirs === 0 ? expect.anything() : 'aborted']);
      }
    },
  );

  it(
    `brings the same in any mixture: ${RUNS} from seed ${SEED} on`,
    async () => {
      for (let seed = SEED; seed < SEED + RUNS; seed += 1)
        for (const one of ways) await expectSame(one, seed);
    },
    60_000 + RUNS * 5_000,
  );

  const folder = resolve(__dirname, '../../../../shared/cases');
  const cases = existsSync(folder)
    ? readdirSync(folder).filter((name) => name.endsWith('.1-associate-rq.hex'))
    : [];
  const read = (name: string) =>
    Buffer.from(readFileSync(join(folder, name), 'utf8').replaceAll(/#.*|[^0-9a-f]/gi, ''), 'hex');

  it('is stored where it comes from the folder of cases', async () => {
    for (const name of cases) {
      const associateRq = read(name);
      const messages = [read(name.replace('.1-associate-rq', '.2-c-store'))];
      for (const one of ways) {
        const { direct, gateway, isPromiscuous } = one;
        // The cases call ORTHANC.
        await gateway.reload(
          plainConfiguration(
            0,
            { allow: ['echo', 'store'] },
            { upstreams: { ORTHANC: { servers: [`127.0.0.1:${direct}`] } } },
          ),
        );
        const directly = await storedBy(one, direct, { associateRq, messages });
        const relayed = await storedBy(one, gateway.port(), { associateRq, messages });
        expect([name, directly.stored.length]).toEqual([name, 1]);
        const accepted = isPromiscuous ? relayed.accepted : directly.accepted;
        expect([name, relayed]).toEqual([name, { ...directly, accepted }]);
      }
    }
  });
});

describeWithPeers(['Orthanc', 'echoscu'], 'a response', () => {
  const complete = {
    CommandField: 0x8030,
    MessageIDBeingRespondedTo: 1,
    CommandDataSetType: 0x0101,
    Status: 0,
  };

  it.each<[string, CommandSet, boolean]>([
    ['SOP class is enough', complete, true],
    ['status is none', { ...complete, Status: undefined }, false],
    ['message ID is none', { ...complete, MessageIDBeingRespondedTo: undefined }, false],
  ])('without a %s, for DCMTK and Orthanc and through the gateway', async (_what, response, isEnough) => {
    const spy = await SpyUpstream.start({
      script: {
        onRequest: (connection, { contextId }) => connection.send(...messagePdus(contextId, response)),
      },
    });
    const gateway = await TestGateway.start(plainConfiguration(spy.port));
    for (const port of [spy.port, gateway.port()]) {
      const { statuses } = await echoscu({ port, callingAeTitle: 'CT1', calledAeTitle: 'ARCHIVE' });
      expect(statuses).toEqual(isEnough ? [0] : []);
    }
    const modality = { AET: 'SPY', Host: '127.0.0.1', Port: spy.port };
    const orthanc = await Orthanc.start({ modalities: { SPY: modality } });
    expect(await orthanc.echoes('SPY')).toBe(isEnough);
    const lastPdu = isEnough ? PduType.ReleaseRq : PduType.Abort;
    expect(spy.connections.slice(0, 2).map(({ pduTypes }) => pduTypes.at(-1))).toEqual([lastPdu, lastPdu]);
  });
});
