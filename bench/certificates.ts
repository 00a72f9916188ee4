/**
 * The throw-away certificates of a run, the same for every peer: one CA, a server with RSA-2048 and one with ECDSA
 * P-256, and a modality `ct1` with RSA-2048.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createCertificateAuthority } from '../src/pki/authority';
import {
  type IssuedCertificate,
  issueClientCertificate,
  issueServerCertificate,
} from '../src/pki/leafCertificates';
import type { KeyType } from '../src/x509/algorithms';

export type { KeyType } from '../src/x509/algorithms';

export interface BenchCertificate {
  /** PEM. */
  readonly certificate: string;
  readonly privateKey: string;
  readonly certificateFile: string;
  readonly privateKeyFile: string;
  /** Certificate and key in one file, which HAProxy wants. */
  readonly bothFile: string;
}

export interface BenchCertificates {
  /** PEM. */
  readonly ca: string;
  readonly caFile: string;
  readonly server: Readonly<Record<KeyType, BenchCertificate>>;
  readonly client: BenchCertificate;
}

/** Writes them into the folder, which exists. */
export async function makeCertificates(folder: string): Promise<BenchCertificates> {
  const authority = await createCertificateAuthority({ commonName: 'Aegis benchmark CA' });
  const names = ['localhost', '127.0.0.1'];
  const caFile = join(folder, 'ca.crt');
  writeFileSync(caFile, authority.certificatePem);
  const server = async (keyType: KeyType) =>
    store(folder, `server-${keyType}`, await issueServerCertificate(authority, { names, keyType }));
  return {
    ca: authority.certificatePem,
    caFile,
    server: { rsa: await server('rsa'), ecdsa: await server('ecdsa') },
    client: store(folder, 'ct1', await issueClientCertificate(authority, { name: 'ct1', keyType: 'rsa' })),
  };
}

function store(folder: string, name: string, issued: IssuedCertificate): BenchCertificate {
  const { certificatePem: certificate, privateKeyPem: privateKey } = issued;
  const file = (extension: string) => join(folder, `${name}.${extension}`);
  writeFileSync(file('crt'), certificate);
  writeFileSync(file('key'), privateKey, { mode: 0o600 });
  writeFileSync(file('pem'), certificate + privateKey, { mode: 0o600 });
  return {
    certificate,
    privateKey,
    certificateFile: file('crt'),
    privateKeyFile: file('key'),
    bothFile: file('pem'),
  };
}
