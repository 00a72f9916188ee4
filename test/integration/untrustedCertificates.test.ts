/**
 * Certificates that no trusted CA stands behind: shown in the pending list, taken where an entry names the very key, and
 * good for nothing else. With one and with two workers.
 */
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import type { PendingCaller } from '../../src/admin/pendingCaller';
import { registerModality } from '../../src/commands/modality/modality';
import { askAdmin } from '../support/adminHttp';
import { type TestCertificate, testCertificates } from '../support/certificates';
import { runCommand } from '../support/commandLine';
import { Storescp, storescu } from '../support/dcmtk';
import { proposedContext } from '../support/dicomBytes';
import { writePart10 } from '../support/dicomFiles';
import type { ConfigurationInput } from '../support/gateway';
import { GatewayProcess } from '../support/gatewayProcess';
import { describeWithPeers } from '../support/peers';
import { freePort, temporaryFolder } from '../support/processes';
import { RawScu } from '../support/rawScu';
import { SpyUpstream } from '../support/spyUpstream';
import { syntheticInstance } from '../support/syntheticInstances';
import { SopClass, TransferSyntax } from '../support/uids';

const certificates = testCertificates();
const device = certificates.issue('device');
const contexts = [proposedContext(1, SopClass.Verification)];
const REJECTED = { kind: 'rejected', result: 1, source: 1, reason: 3 };
/** A refused handshake: closed before or after the request was written. */
const NO_ASSOCIATION = 'no association';

function pinOf({ x509 }: TestCertificate): string {
  return `sha256:${x509.fingerprint256}`;
}

async function configurationWith(
  archivePort: number,
  changes: Partial<ConfigurationInput> = {},
  trustedCertificates?: string,
): Promise<ConfigurationInput> {
  const { certificateFile: certificate, privateKeyFile: privateKey } = certificates.server;
  const tls = {
    certificate,
    privateKey,
    ...(trustedCertificates === undefined ? {} : { trustedCertificates }),
  };
  return {
    listeners: [{ name: 'tls', host: '127.0.0.1', port: 0, tls }],
    upstreams: { ORTHANC: { servers: [`127.0.0.1:${archivePort}`] } },
    modalities: {},
    unknownAddresses: 'reject',
    admin: { port: await freePort(), token: 'a-token-without-spaces' },
    stateDirectory: join(temporaryFolder(), 'state'),
    timeouts: { closeSeconds: 0.5 },
    ...changes,
  };
}

async function start(configuration: ConfigurationInput): Promise<GatewayProcess> {
  const gateway = await GatewayProcess.start(configuration);
  await gateway.process.waitForOutput(/\(admin HTTP\)\n/);
  return gateway;
}

async function answerTo(gateway: GatewayProcess, calling: string, { cert, key }: TestCertificate) {
  try {
    const tls = { ca: certificates.ca.cert, cert, key, servername: 'localhost' };
    const scu = await RawScu.connect({ port: gateway.port('tls'), tls });
    const answer = await scu.associate({ calling, called: 'ORTHANC', contexts });
    scu.end();
    return answer.kind === 'closed' ? NO_ASSOCIATION : answer;
  } catch {
    return NO_ASSOCIATION;
  }
}

function modality(gateway: GatewayProcess, ...words: string[]) {
  return runCommand(registerModality, ['--config', gateway.configurationFile, 'modality', ...words]);
}

async function pendingOf(gateway: GatewayProcess): Promise<PendingCaller[]> {
  return JSON.parse((await askAdmin(gateway, '/api/v1/pending')).body).callers;
}

describeWithPeers(['storescu', 'storescp'], 'a device with a certificate that it signed itself', () => {
  it.each([1, 2])('stores its first image after three commands, with %d worker(s)', async (workers) => {
    const archive = await Storescp.start({ aeTitle: 'ORTHANC' });
    const gateway = await start(await configurationWith(archive.port, { workers }));
    const instance = syntheticInstance('ct', SopClass.CTImageStorage, TransferSyntax.ExplicitVrLittleEndian);
    const file = writePart10(temporaryFolder(), instance);
    const send = (callingAeTitle: string, certificate: TestCertificate) =>
      storescu(
        {
          ...{ port: gateway.port('tls'), callingAeTitle, calledAeTitle: 'ORTHANC' },
          tls: { certificate, ca: certificates.ca },
        },
        [file],
      );
    const notRecognised = { rejection: expect.stringContaining('Calling AE Title Not Recognized') };
    expect(await send('CT9', device)).toMatchObject(notRecognised);

    const { printed } = await modality(gateway, 'pending');
    expect(printed).toMatch(/^[0-9a-f]{4} {2}CT9@127\.0\.0\.1 to ORTHANC\n/);
    expect(printed).toMatch(
      /certificate +CN=device, issued by CN=device, serial number \w+, from \d{4}-\d\d-\d\d, until /,
    );
    expect(printed).toContain('not trusted: it signed itself; its key: ECDSA P-256');
    expect(printed.replaceAll(/\n +/g, '')).toContain(pinOf(device));
    const id = printed.slice(0, 4);
    await expect(modality(gateway, 'approve', id, '--allow', 'store', '--no-certificate')).rejects.toThrow(
      'so it has to be pinned; do not leave it out',
    );
    const approved = await modality(gateway, 'approve', id, '--allow', 'echo,store', '--reload');
    expect(approved.printed).toMatch(/"certificate": "spki-sha256:/);
    expect(approved.printed).toContain('its key alone is trusted, and no CA');

    expect(await send('CT9', device)).toMatchObject({ exitCode: 0, statuses: [0] });
    expect(archive.instances.map(({ sha256 }) => sha256)).toEqual([instance.sha256]);
    expect(await pendingOf(gateway)).toEqual([]);

    // Neither under another title, nor another certificate under this one, nor one that its key has signed.
    expect(await send('CT8', device)).toMatchObject(notRecognised);
    expect(await send('CT9', certificates.issue('other device'))).toMatchObject(notRecognised);
    const signed = certificates.issue('signed by the device', { issuer: device, purposes: ['clientAuth'] });
    expect(await send('CT9', signed)).toMatchObject(notRecognised);
    expect(archive.instances).toHaveLength(1);
    const reasons = (await gateway.events('association.rejected', 4)).map(({ reason }) => reason);
    expect(new Set(reasons)).toEqual(new Set(['calling-ae-title-unknown', 'certificate-mismatch']));
  });
});

describe('a pin', () => {
  const expired = certificates.issue('expired device', { validFromDays: -30, validToDays: -1 });
  const early = certificates.issue('early device', { validFromDays: 1 });
  const weak = certificates.issue('weak device', { keyKind: 'rsa-weak' });
  const forServers = certificates.issue('server device', { purposes: ['serverAuth'] });
  const entry = (callingAeTitle: string, certificate?: string | string[]) => ({
    callingAeTitle,
    from: '127.0.0.1',
    allow: 'echo' as const,
    ...(certificate === undefined ? {} : { certificate }),
  });

  it.each(['close', 'reject'] as const)(
    'needs no CA, and with unknown addresses "%s" opens nothing else',
    async (unknownAddresses) => {
      const spy = await SpyUpstream.start();
      const modalities = {
        pinned: entry('PINNED', pinOf(device)),
        unpinned: entry('UNPINNED'),
        named: entry('NAMED', ['cn:device', 'cn:self-made']),
        expired: entry('EXPIRED', pinOf(expired)),
        early: entry('EARLY', pinOf(early)),
        weak: entry('WEAK', pinOf(weak)),
        server: entry('SERVER', pinOf(forServers)),
      };
      const configuration = await configurationWith(
        spy.port,
        { unknownAddresses, modalities },
        certificates.ca.certificateFile,
      );
      const gateway = await start(configuration);
      expect(await answerTo(gateway, 'PINNED', device)).toMatchObject({ kind: 'accepted' });
      expect(await answerTo(gateway, 'UNPINNED', certificates.client)).toMatchObject({ kind: 'accepted' });
      const [accepted] = await gateway.events('association.accepted', 2);
      expect(accepted).toMatchObject({
        modality: 'pinned',
        tls: { untrusted: 'it signed itself', key: 'ECDSA P-256' },
      });
      const heard = spy.connects;
      // The key of PINNED proves nothing to entries that do not name it, whatever its certificate says.
      expect(await answerTo(gateway, 'UNPINNED', device)).toMatchObject(REJECTED);
      expect(await answerTo(gateway, 'NAMED', device)).toMatchObject(REJECTED);
      for (const [title, certificate] of [
        ['EXPIRED', expired],
        ['EARLY', early],
        ['WEAK', weak],
        ['SERVER', forServers],
      ] as const) {
        expect([title, await answerTo(gateway, title, certificate)]).toEqual([title, NO_ASSOCIATION]);
      }
      expect((await gateway.events('connection.refused', 4)).map(({ reason }) => reason)).toEqual([
        'certificate-expired',
        'certificate-not-yet-valid',
        'certificate-invalid',
        'certificate-purpose',
      ]);
      const stranger = await answerTo(gateway, 'PINNED', certificates.issue('self-made'));
      if (unknownAddresses === 'reject') expect(stranger).toMatchObject(REJECTED);
      else {
        expect(stranger).toBe(NO_ASSOCIATION);
        expect((await gateway.events('connection.refused', 5))[4]).toMatchObject({
          reason: 'certificate-untrusted',
          tls: { untrusted: 'it signed itself' },
        });
      }
      expect(spy.connects).toBe(heard);
    },
  );

  it('that a reload takes out of the entry ends the association with --enforce, and one that stays does not', async () => {
    const spy = await SpyUpstream.start();
    const pinned = { ...entry('PINNED', pinOf(device)) };
    const configuration = await configurationWith(spy.port, {
      unknownAddresses: 'close',
      modalities: { pinned },
    });
    const gateway = await start(configuration);
    const scu = await RawScu.connect({
      port: gateway.port('tls'),
      tls: { ca: certificates.ca.cert, cert: device.cert, key: device.key, servername: 'localhost' },
    });
    expect(await scu.associate({ calling: 'PINNED', called: 'ORTHANC', contexts })).toMatchObject({
      kind: 'accepted',
    });
    const enforce = () =>
      askAdmin(gateway, '/api/v1/reload?enforce=true', {
        method: 'POST',
        headers: { authorization: 'Bearer a-token-without-spaces' },
      });
    expect(JSON.parse((await enforce()).body)).toMatchObject({ ended: 0 });
    expect(await scu.echo(1)).toBe(0x0000);
    const other = { ...entry('PINNED', pinOf(certificates.client)) };
    gateway.reload({ ...configuration, modalities: { pinned: other } });
    await gateway.events('configuration.reloaded', 2);
    expect(JSON.parse((await enforce()).body)).toMatchObject({ ended: 1 });
    expect((await scu.readPdu())[0]).toBe(0x07);
  });
});
