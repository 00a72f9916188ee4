/** Each modality at the archive from a loopback address of its own, and the archive back to it at the same address. */
import { describe, expect, it } from '@jest/globals';
import { localAddresses } from '../../src/policy/localAddresses';
import { proposedContext } from '../support/dicomBytes';
import { type ConfigurationInput, TestGateway } from '../support/gateway';
import { RawScu } from '../support/rawScu';
import { SpyUpstream } from '../support/spyUpstream';
import { SopClass } from '../support/uids';

const contexts = [proposedContext(1, SopClass.Verification)];
const addresses = localAddresses(['ct1', 'mr1']);

async function setUp(host: string, rest: Partial<ConfigurationInput> = {}) {
  const [archive, scanner] = [await SpyUpstream.start(), await SpyUpstream.start()];
  const entry = { from: '127.0.0.1', listeners: 'plain', allow: 'echo' } as const;
  const address = { host: '127.0.0.1', port: scanner.port };
  const gateway = await TestGateway.start({
    listeners: [{ name: 'plain', host: '127.0.0.1', port: 0 }],
    upstreams: { ARCHIVE: { servers: [`${host}:${archive.port}`], localAddress: 'per-modality' } },
    modalities: {
      ct1: { callingAeTitle: 'CT1', ...entry, address },
      mr1: { callingAeTitle: 'MR1', ...entry },
    },
    egress: { port: 0 },
    ...rest,
  });
  const associate = async (calling: string) => {
    const scu = await RawScu.connect({ port: gateway.port() });
    expect((await scu.associate({ calling, called: 'ARCHIVE', contexts })).kind).toBe('accepted');
    await scu.release();
  };
  return { archive, scanner, gateway, associate };
}

describe('localAddress "per-modality"', () => {
  // A name could lead to ::1 first, where 127.x.y.z cannot come from.
  it.each(['127.0.0.1', 'localhost'])('shows the archive at %s who is calling', async (host) => {
    const { archive, associate } = await setUp(host);
    await associate('CT1');
    await associate('MR1');
    await associate('CT1');
    const [ct1, mr1] = [addresses.get('ct1'), addresses.get('mr1')];
    expect(archive.connections.map(({ remoteAddress }) => remoteAddress)).toEqual([ct1, mr1, ct1]);
  });

  it('leads the archive back to a modality that has an address, at the one that it knows it by', async () => {
    const { scanner, gateway } = await setUp('127.0.0.1');
    const port = gateway.port('egress');
    expect(gateway.gateway.addresses.filter(({ name }) => name === 'egress')).toEqual([
      { name: 'egress', host: '127.0.0.1', port },
      { name: 'egress', host: addresses.get('ct1'), port },
    ]);
    const scu = await RawScu.connect({ host: addresses.get('ct1')!, port });
    const answer = await scu.associate({ calling: 'ARCHIVE', called: 'CT1', contexts });
    expect(answer.kind).toBe('accepted');
    await scu.release();
    expect(scanner.connects).toBe(1);
    await expect(RawScu.connect({ host: addresses.get('mr1')!, port })).rejects.toMatchObject({
      code: 'ECONNREFUSED',
    });
  });

  it('opens and closes the ways back with the modalities of a reload', async () => {
    const { archive, scanner, gateway } = await setUp('127.0.0.1');
    const port = gateway.port('egress');
    const entry = { from: '127.0.0.1', listeners: 'plain', allow: 'echo' } as const;
    await gateway.reload({
      listeners: [{ name: 'plain', host: '127.0.0.1', port: 0 }],
      upstreams: { ARCHIVE: { servers: [`127.0.0.1:${archive.port}`], localAddress: 'per-modality' } },
      modalities: {
        mr1: { callingAeTitle: 'MR1', ...entry, address: { host: '127.0.0.1', port: scanner.port } },
      },
      egress: { port: 0 },
    });
    const scu = await RawScu.connect({ host: addresses.get('mr1')!, port });
    expect((await scu.associate({ calling: 'ARCHIVE', called: 'MR1', contexts })).kind).toBe('accepted');
    await scu.release();
    await expect(RawScu.connect({ host: addresses.get('ct1')!, port })).rejects.toMatchObject({
      code: 'ECONNREFUSED',
    });
  });
});
