/**
 * Egress to where a modality was seen last: a device that moves (loopback addresses stand for its leases), its certificate,
 * and what becomes of the rest. The device is a raw SCU on the way in and a spy on the way back.
 */
import { join } from 'node:path';
import { expect, it } from '@jest/globals';
import { LocalPlaces } from '../../src/gateway/associationPlaces';
import { LastAddresses } from '../../src/gateway/lastAddresses';
import { testCertificates } from '../support/certificates';
import { proposedContext } from '../support/dicomBytes';
import { type ConfigurationInput, TestGateway } from '../support/gateway';
import { temporaryFolder } from '../support/processes';
import { RawScu } from '../support/rawScu';
import { SpyUpstream } from '../support/spyUpstream';
import { SopClass } from '../support/uids';
import { waitFor } from '../support/waiting';

const { ca, server, client, issue } = testCertificates();
const stranger = issue('other', { issuer: ca, purposes: ['clientAuth'] });
const contexts = [proposedContext(1, SopClass.Verification)];
const notSeen = { kind: 'rejected', result: 2, source: 3, reason: 1 };

type Modality = ConfigurationInput['modalities'][string];

/** The device listens on 127.0.0.1; from anywhere else of 127.0.0.0/8 it is not reached. */
async function setUp(stateDirectory?: string) {
  const archive = await SpyUpstream.start();
  const device = await SpyUpstream.start();
  const configuration = (modality: Partial<Modality> = {}): ConfigurationInput => ({
    listeners: [
      {
        name: 'tls',
        host: '127.0.0.1',
        port: 0,
        tls: {
          certificate: server.certificateFile,
          privateKey: server.privateKeyFile,
          trustedCertificates: ca.certificateFile,
        },
      },
      { name: 'plain', host: '127.0.0.1', port: 0 },
    ],
    upstreams: { ORTHANC: { servers: `127.0.0.1:${archive.port}` } },
    modalities: {
      mobile: {
        callingAeTitle: 'MOBILE',
        from: '127.0.0.0/8',
        listeners: ['tls', 'plain'],
        certificate: 'cn:ct1',
        allow: 'echo',
        address: { host: 'last-seen', port: device.port },
        ...modality,
      },
    },
    egress: { port: 0 },
  });
  const gateway = await TestGateway.start(
    configuration(),
    new LocalPlaces(new LastAddresses(stateDirectory, (text) => expect(text).toBe(''))),
  );
  /** The device calls, from this address. */
  const calls = async (localAddress: string, listener = 'tls', shown = client) => {
    const tls = { ca: ca.cert, cert: shown.cert, key: shown.key };
    const port = gateway.port(listener);
    const scu = await RawScu.connect({ port, localAddress, ...(listener === 'tls' ? { tls } : {}) });
    const answer = await scu.associate({ calling: 'MOBILE', called: 'ORTHANC', contexts });
    if (answer.kind === 'accepted') await scu.release();
    return answer.kind;
  };
  const archiveCalls = async () => {
    const scu = await RawScu.connect({ port: gateway.port('egress') });
    const answer = await scu.associate({ calling: 'ORTHANC', called: 'MOBILE', contexts });
    if (answer.kind === 'accepted') await scu.release();
    return answer;
  };
  return { gateway, device, configuration, calls, archiveCalls };
}

it('refuses the archive until the modality was seen, and then goes to its last address', async () => {
  const { gateway, device, calls, archiveCalls } = await setUp();
  expect(await archiveCalls()).toEqual(notSeen);
  expect(await gateway.event({ event: 'association.rejected' })).toMatchObject({
    direction: 'egress',
    outcome: 'failed',
    reason: 'modality-not-seen',
    modality: 'mobile',
  });
  expect(await calls('127.0.0.1')).toBe('accepted');
  expect((await archiveCalls()).kind).toBe('accepted');
  expect(device.connects).toBe(1);
  // A new lease: nothing listens there, so the archive hears that, and the old address is not tried.
  expect(await calls('127.0.0.9')).toBe('accepted');
  expect(await archiveCalls()).toEqual(notSeen);
  expect(await gateway.event({ reason: 'upstream-unavailable' })).toMatchObject({
    upstream: `127.0.0.9:${device.port}`,
  });
  expect(device.connects).toBe(1);
});

it('learns nothing from a caller without the certificate', async () => {
  const { device, calls, archiveCalls } = await setUp();
  expect(await calls('127.0.0.1', 'tls', stranger)).toBe('rejected');
  expect(await calls('127.0.0.1', 'plain')).not.toBe('closed');
  expect(await archiveCalls()).toEqual(notSeen);
  expect(device.connects).toBe(0);
});

it.each<[string, Partial<Modality>]>([
  ['another certificate', { certificate: 'cn:other' }],
  ['other addresses', { from: '127.0.0.9' }],
])('forgets the address where a reload names %s', async (_what, modality) => {
  const { gateway, device, configuration, calls, archiveCalls } = await setUp();
  await calls('127.0.0.1');
  await gateway.reload(configuration(modality));
  expect(await archiveCalls()).toEqual(notSeen);
  expect(device.connects).toBe(0);
});

it('keeps the address across a restart in the state directory', async () => {
  const folder = join(temporaryFolder(), 'state');
  const first = await setUp(folder);
  await first.calls('127.0.0.1');
  const mobile = { modality: 'mobile', certificate: 'cn:ct1' };
  await waitFor('the file', () => new LastAddresses(folder).of(mobile) === '127.0.0.1');
  const second = await setUp(folder);
  expect((await second.archiveCalls()).kind).toBe('accepted');
  expect(second.device.connects).toBe(1);
});
