/**
 * TLS handshakes of attackers: somebody else's certificate with a key of one's own, and early data. Nothing of DICOM is
 * read, and the archive is not connected to.
 */
import { createPrivateKey, createPublicKey, X509Certificate } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { connect as tlsConnect } from 'node:tls';
import { beforeAll, describe, expect, it } from '@jest/globals';
import type { TestCertificate } from '../support/certificates';
import { associateRq, proposedContext } from '../support/dicomBytes';
import { describeWithPeers } from '../support/peers';
import { runProcess, temporaryFolder } from '../support/processes';
import { RawScu } from '../support/rawScu';
import { type SecuredArchive, secureArchive } from '../support/securedArchive';
import { SpyUpstream } from '../support/spyUpstream';
import { SopClass } from '../support/uids';

const request = associateRq({
  calling: 'CT1',
  called: 'ORTHANC',
  contexts: [proposedContext(1, SopClass.Verification)],
});

let spy: SpyUpstream;
let secured: SecuredArchive;
beforeAll(async () => {
  spy = await SpyUpstream.start();
  secured = await secureArchive(spy.port);
});

/** A key that looks like that of the certificate, so that OpenSSL takes the two for a pair; it signs with `own`. */
function keyFor({ cert }: TestCertificate, own: TestCertificate): string {
  const shown = createPublicKey(new X509Certificate(cert).publicKey.export({ type: 'spki', format: 'pem' }));
  const secret = createPrivateKey(own.key).export({ format: 'jwk' });
  const forged = createPrivateKey({ key: { ...secret, ...shown.export({ format: 'jwk' }) }, format: 'jwk' });
  const type = shown.asymmetricKeyType === 'rsa' ? 'pkcs1' : 'sec1';
  return forged.export({ type, format: 'pem' }) as string;
}

describe('a certificate whose key the client does not have', () => {
  const kinds = ['ecdsa', 'rsa'] as const;
  const versions = ['TLSv1.2', 'TLSv1.3'] as const;
  const cases = kinds.flatMap((kind) => versions.map((version) => [kind, version] as const));

  it.each(cases)('(%s) is refused over %s, with what was sent behind it', async (keyKind, version) => {
    const { certificates, gateway, rawTls } = secured;
    const { ca, issue } = certificates;
    const shown = issue(`ct1-${keyKind}`, { issuer: ca, purposes: ['clientAuth'], keyKind });
    const own = issue(`attacker-${keyKind}`, { keyKind });
    const before = gateway.events.length;
    const socket = tlsConnect({
      ...{ host: '127.0.0.1', port: rawTls.port, ca: ca.cert, minVersion: version, maxVersion: version },
      ...{ cert: shown.cert, key: keyFor(shown, own) },
    });
    const failed = new Promise((resolve) => socket.resume().once('error', resolve));
    socket.write(request);
    await expect(failed).resolves.toMatchObject({ message: expect.stringContaining('alert decrypt error') });
    await gateway.waitFor('a line', () => gateway.events[before]);
    expect(gateway.events.slice(before)).toMatchObject([
      { event: 'connection.refused', outcome: 'denied', reason: 'tls-handshake-failed' },
    ]);
    expect(spy.connects).toBe(0);
  });
});

describeWithPeers(['openssl'], 'early data of TLS 1.3', () => {
  it('cannot be sent: no session that is given out allows it', async () => {
    const { rawTls } = secured;
    const scu = await RawScu.connect({ ...rawTls, tls: { ...rawTls.tls, minVersion: 'TLSv1.3' } });
    const sessions: Buffer[] = [];
    scu.socket.on('session', (session: Buffer) => sessions.push(session));
    const contexts = [proposedContext(1, SopClass.Verification)];
    expect((await scu.associate({ calling: 'CT1', called: 'ORTHANC', contexts })).kind).toBe('accepted');
    // Sessions come before the first answer.
    expect(await scu.echo(1)).toBe(0);
    await scu.release();
    for (const session of sessions) {
      const file = join(temporaryFolder(), 'session.der');
      writeFileSync(file, session);
      const { output } = await runProcess('openssl', [
        ...['sess_id', '-inform', 'DER', '-in', file, '-noout', '-text'],
      ]);
      expect(output).toMatch(/Max Early Data: 0\n/);
    }
  });
});
