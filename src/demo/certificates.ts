/**
 * The throw-away CA of the demo and the certificates of its gateway and modalities. The key of the CA is never
 * written anywhere.
 */
import { join } from 'node:path';
import { PUBLIC_MODE, SECRET_MODE, writeFiles } from '../files/write';
import { createCertificateAuthority } from '../pki/authority';
import {
  type IssuedCertificate,
  issueClientCertificate,
  issueServerCertificate,
} from '../pki/leafCertificates';

export interface DemoIdentity {
  /** PEM. */
  readonly certificate: string;
  readonly privateKey: string;
  readonly certificateFile: string;
  readonly privateKeyFile: string;
}

export interface DemoCertificates {
  /** PEM. */
  readonly ca: string;
  readonly caFile: string;
  readonly server: DemoIdentity;
  readonly ct1: DemoIdentity;
  readonly ws1: DemoIdentity;
}

/** Makes them and writes them into the folder, which exists; keys are readable by their owner only. */
export async function makeCertificates(folder: string): Promise<DemoCertificates> {
  const authority = await createCertificateAuthority({ commonName: 'Aegis demo CA' });
  const [server, ct1, ws1] = await Promise.all([
    issueServerCertificate(authority, { names: ['localhost', '127.0.0.1'] }),
    issueClientCertificate(authority, { name: 'ct1' }),
    issueClientCertificate(authority, { name: 'ws1' }),
  ]);
  const caFile = join(folder, 'ca.crt');
  await writeFiles([{ path: caFile, content: authority.certificatePem, mode: PUBLIC_MODE }]);
  return {
    ca: authority.certificatePem,
    caFile,
    server: await writeIdentity(folder, 'server', server),
    ct1: await writeIdentity(folder, 'ct1', ct1),
    ws1: await writeIdentity(folder, 'ws1', ws1),
  };
}

async function writeIdentity(folder: string, name: string, issued: IssuedCertificate): Promise<DemoIdentity> {
  const certificateFile = join(folder, `${name}.crt`);
  const privateKeyFile = join(folder, `${name}.key`);
  await writeFiles([
    { path: privateKeyFile, content: issued.privateKeyPem, mode: SECRET_MODE },
    { path: certificateFile, content: issued.certificatePem, mode: PUBLIC_MODE },
  ]);
  return {
    certificate: issued.certificatePem,
    privateKey: issued.privateKeyPem,
    certificateFile,
    privateKeyFile,
  };
}
