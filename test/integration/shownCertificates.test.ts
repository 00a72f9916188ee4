/**
 * The end of a certificate that a modality shows: in the audit log when it is shown, and in `aegis check`, which asks the
 * running gateway.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { registerCheck } from '../../src/commands/check';
import { ExitCode } from '../../src/errors';
import { testCertificates } from '../support/certificates';
import { runCommand } from '../support/commandLine';
import { proposedContext } from '../support/dicomBytes';
import type { ConfigurationInput } from '../support/gateway';
import { GatewayProcess } from '../support/gatewayProcess';
import { freePort, temporaryFolder } from '../support/processes';
import { RawScu } from '../support/rawScu';
import { SpyUpstream } from '../support/spyUpstream';
import { SopClass } from '../support/uids';

const certificates = testCertificates();
const { ca } = certificates;
const shown = certificates.issue('ends-soon', { issuer: ca, purposes: ['clientAuth'], validToDays: 4.5 });

async function startSite() {
  const archive = await SpyUpstream.start();
  const configuration: ConfigurationInput = {
    listeners: [
      {
        name: 'tls',
        host: '127.0.0.1',
        port: 0,
        tls: {
          certificate: certificates.server.certificateFile,
          privateKey: certificates.server.privateKeyFile,
          trustedCertificates: ca.certificateFile,
        },
      },
    ],
    upstreams: { ARCHIVE: { servers: [`127.0.0.1:${archive.port}`] } },
    modalities: { ct1: { callingAeTitle: 'CT1', from: '127.0.0.1', allow: 'echo' } },
    admin: { port: await freePort() },
  };
  return { configuration, gateway: await GatewayProcess.start(configuration) };
}

async function associate(gateway: GatewayProcess): Promise<void> {
  const { cert, key } = shown;
  const tls = { ca: ca.cert, cert, key, servername: 'localhost' };
  const scu = await RawScu.connect({ port: gateway.port('tls'), tls });
  await scu.associate({
    calling: 'CT1',
    called: 'ARCHIVE',
    contexts: [proposedContext(1, SopClass.Verification)],
  });
  await scu.release();
}

async function problemsOf(file: string, ...options: string[]) {
  const { printed, exitCode } = await runCommand(registerCheck, [
    ...['--config', file, '--json', 'check', ...options],
  ]);
  const { problems } = JSON.parse(printed) as { problems: { path: string; severity: string }[] };
  return { problems: problems.filter(({ path }) => /^modalities|^admin$/.test(path)), exitCode };
}

const finding = {
  path: 'modalities.ct1',
  message: expect.stringMatching(
    /^the certificate that it showed last expires in 4 days, on [-\d]{10}; install a new one there/,
  ),
};

describe('a certificate that a modality shows and that ends soon', () => {
  it('is reported once when it is shown, and by "aegis check" as long as the gateway runs', async () => {
    const { gateway } = await startSite();
    const file = gateway.configurationFile;
    expect((await problemsOf(file)).problems).toEqual([]);
    await associate(gateway);
    await associate(gateway);
    expect(await gateway.event('certificate.expiring')).toMatchObject({
      modality: 'ct1',
      detail: expect.stringMatching(
        /^the certificate that was last shown by modality ct1 ends in 4 days, at /,
      ),
    });
    expect((await problemsOf(file)).problems).toEqual([
      expect.objectContaining({ ...finding, severity: 'warning' }),
    ]);
    expect(await problemsOf(file, '--expiring-within', '20')).toMatchObject({
      exitCode: ExitCode.Failed,
      problems: [{ ...finding, severity: 'error' }],
    });
    expect((await problemsOf(file, '--offline')).problems).toEqual([]);
    await gateway.process.stop();
    const reported = gateway.auditLines.filter(
      ({ event, modality }) => event === 'certificate.expiring' && modality,
    );
    expect(reported).toHaveLength(1);
    expect((await problemsOf(file)).problems).toEqual([]);
  });

  it('is left out with a warning where the gateway wants another token', async () => {
    const { configuration } = await startSite();
    const admin = { host: '0.0.0.0', port: await freePort(), token: 'the-token-of-the-gateway' };
    await GatewayProcess.start({ ...configuration, admin });
    const file = join(temporaryFolder(), 'aegis.jsonc');
    const other = { ...configuration, admin: { ...admin, token: 'another-token-here' } };
    writeFileSync(file, JSON.stringify(other));
    expect((await problemsOf(file)).problems).toEqual([
      expect.objectContaining({
        path: 'admin',
        severity: 'warning',
        message: expect.stringMatching(/wants a token, or another one/),
      }),
    ]);
  });
});
