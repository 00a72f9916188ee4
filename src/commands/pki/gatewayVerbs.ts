/**
 * `aegis pki request` and `install`: certificates of the gateway from the CA of the hospital. Options only; gateway.ts does
 * the work.
 */
import { Option } from 'commander';
import { requestKeys } from '../../x509/algorithms';
import { type Register, repeated, verb } from './define';
import type { InstallOptions, RequestOptions } from './gateway';

const directory = new Option('--dir <directory>', 'folder of the certificates of the gateway').default(
  'certs',
);

export const gatewayVerbs: readonly Register[] = [
  verb<RequestOptions>({
    name: 'request',
    description: 'make a key and a request for the CA of the hospital (server.csr, or server-ecdsa.csr)',
    options: [
      directory,
      repeated('--name <DNS-or-IP>', 'name or address that modalities dial; may be repeated'),
      new Option('--key <kind>', 'kind and length of the key').choices(requestKeys).default('rsa-2048'),
      repeated('--subject <KEY=value>', 'part of the subject: C, ST, L, O, OU, CN; may be repeated'),
      new Option('--force', 'replace a request that is out; its answer becomes worthless'),
    ],
    examples: [
      'aegis pki request --name aegis.hospital.example --name 10.1.2.3',
      'aegis pki request --name aegis.hospital.example --key rsa-3072 --subject "O=Example Hospital" --subject C=CH',
      'aegis pki request --name aegis.hospital.example --key ecdsa-p256    (beside the RSA pair)',
    ],
    exitCodes: [
      '0  done',
      '1  failed: a request is out, or a file cannot be written',
      '2  wrong usage, or a name that cannot be in a certificate',
    ],
    load: async () => (await import('./gateway')).request,
  }),
  verb<InstallOptions, readonly string[]>({
    name: 'install',
    description: 'install what the CA of the hospital sends back: PEM, DER, .p7b, .pfx, in any order',
    argument: ['<FILE...>', 'certificate, its chain and its CA, in one or more files'],
    options: [
      directory,
      repeated(
        '--name <DNS-or-IP>',
        'name that it must have, instead of those of the request; may be repeated',
      ),
      new Option('--trust', 'also write its CA (server-ca.crt), for "trustedCertificates"'),
      new Option(
        '--password-file <file>',
        'password of a .pfx file (default: FILE.password, AEGIS_P12_PASSWORD, or asked for)',
      ),
    ],
    examples: [
      'aegis pki install certnew.p7b',
      'aegis pki install server.cer issuing-ca.cer root-ca.cer --trust',
      'aegis pki install gateway.pfx --password-file password.txt',
    ],
    exitCodes: [
      '0  done',
      '1  it cannot be used: another key, other names, expired, a missing CA …; nothing was written',
      '2  wrong usage, or the password is missing',
    ],
    load: async () => (await import('./gateway')).install,
  }),
];
