/**
 * The text of an import: the modalities and their archive, or a whole configuration around them. The files that
 * it names may be missing still; everything else has to be right.
 */
import { dirname } from 'node:path';
import { configuredPath } from '../files/paths';
import { isLoopback } from '../text/hostAndPort';
import { escapeUnsafe } from '../text/quote';
import type { ImportedAddress, ImportedModality, OrthancImport } from './import';
import { formatComment, formatMembers, type Member, MemberList } from './jsoncText';

/** Where `aegis pki` puts what it makes, and where people keep the configuration. */
const CERTIFICATES = 'certs';
const CONFIGURATION = 'config/aegis.jsonc';
/** As aegis init has it. */
const AUDIT_FILE = 'audit.jsonl';

/** dicom-tls, as IANA has it. */
const TLS_PORT = 2762;
const EGRESS_PORT = 4243;

/** What goes into a configuration that is there already. */
export function formatFragment(imported: OrthancImport): string {
  const members = [upstreams(imported), modalities(imported, CONFIGURATION)];
  return `${formatMembers(new MemberList([...strictness(imported), ...members]))}\n`;
}

/** A whole configuration, to be written to `output`. */
export function formatConfiguration(
  imported: OrthancImport,
  sources: readonly string[],
  output: string,
): string {
  const file = tlsFileNames(imported, output);
  const listener = new MemberList([
    { key: 'name', value: 'tls' },
    { key: 'port', value: freePort(TLS_PORT, imported) },
    {
      key: 'tls',
      value: new MemberList([
        { key: 'certificate', value: file.certificate },
        { key: 'privateKey', value: file.privateKey },
        { key: 'trustedCertificates', value: file.trustedCertificates },
      ]),
    },
  ]);
  const members: Member[] = [
    {
      key: 'listeners',
      value: [listener],
      comments: [
        'Every modality has to come with TLS. For one that cannot: a listener without tls on an address of its own',
        'network, and its name in "listeners" of that modality.',
      ],
    },
    upstreams(imported),
    {
      key: 'egress',
      value: { host: '127.0.0.1', port: freePort(EGRESS_PORT, imported) },
      comments: ['Where Orthanc sends to: aegis orthanc export writes it into DicomModalities.'],
    },
    ...strictness(imported),
    modalities(imported, output),
    {
      key: 'audit',
      value: { file: configuredPath(dirname(output), AUDIT_FILE) },
      comments: ['Who was let in, who was refused and why. aegis log and aegis observe report read it.'],
    },
  ];
  const preamble = [
    `By aegis orthanc import, from ${sources.join(', ')}.`,
    'Complete it, run aegis check, and then aegis orthanc export for the other side.',
  ];
  return [...preamble.map(formatComment), formatMembers(new MemberList(members)), ''].join('\n');
}

/** The gateway cannot listen where Orthanc does, or a modality on the same machine. */
function freePort(wanted: number, { port, modalities }: OrthancImport): number {
  const local = modalities
    .filter(({ address }) => isLoopback(address.host))
    .map(({ address }) => address.port);
  const taken = new Set([port, ...local]);
  let free = wanted;
  while (taken.has(free)) free += 1;
  return free;
}

function upstreams({ aeTitle, port }: OrthancImport): Member {
  return {
    key: 'upstreams',
    value: new MemberList([{ key: aeTitle, value: { servers: [`127.0.0.1:${port}`] } }]),
  };
}

function strictness({ strictAeTitles }: OrthancImport): Member[] {
  return strictAeTitles ? [{ key: 'strictAeTitles', value: true }] : [];
}

function modalities(imported: OrthancImport, output: string): Member {
  const file = tlsFileNames(imported, output);
  const members = imported.modalities.map((modality) => entry(modality, file, imported.isObserved));
  return {
    key: 'modalities',
    value: new MemberList(members),
    comments: [
      'Without "certificate", any that the listener trusts will do. "cn:NAME" is one that aegis pki client NAME makes.',
    ],
  };
}

function entry(modality: ImportedModality, file: TlsFileNames, isObserved: boolean): Member {
  const { name, place, callingAeTitle, from, allow, isLeftOut, isAddressLeftOut, comments } = modality;
  const address: Member = { key: 'address', value: addressOf(modality.address, file) };
  return {
    key: name,
    isCommentedOut: isLeftOut,
    comments: [`From ${escapeUnsafe(place.file)}:${place.line}:${place.column}.`, ...comments],
    value: new MemberList([
      { key: 'callingAeTitle', value: callingAeTitle },
      { key: 'from', value: from.length === 1 ? from[0] : from },
      { key: 'certificate', value: `cn:${name}`, isCommentedOut: true },
      { key: 'allow', value: allow },
      ...(isObserved ? [{ key: 'mode', value: 'observe' }] : []),
      { ...address, isCommentedOut: isAddressLeftOut && !isLeftOut },
    ]),
  };
}

function addressOf({ host, port, callingAeTitle, hasTls }: ImportedAddress, file: TlsFileNames): unknown {
  const plain = { host, port, ...(callingAeTitle === undefined ? {} : { callingAeTitle }) };
  if (!hasTls) return plain;
  const tls = {
    trustedCertificates: file.trustedCertificates,
    certificate: file.clientCertificate,
    privateKey: file.clientPrivateKey,
  };
  return new MemberList(Object.entries({ ...plain, tls }).map(([key, value]) => ({ key, value })));
}

interface TlsFileNames {
  readonly certificate: string;
  readonly privateKey: string;
  readonly trustedCertificates: string;
  /** What the gateway shows where it is the client. */
  readonly clientCertificate: string;
  readonly clientPrivateKey: string;
}

/**
 * Those of Orthanc, which uses one certificate both as a server and as a client, else those that `aegis pki` makes;
 * relative to the folder of the configuration.
 */
function tlsFileNames({ tlsFiles }: OrthancImport, output: string): TlsFileNames {
  const fromOutput = (file: string | undefined, byDefault: string): string =>
    configuredPath(dirname(output), file ?? `${CERTIFICATES}/${byDefault}`);
  const { certificate, privateKey, trustedCertificates } = tlsFiles;
  return {
    certificate: fromOutput(certificate, 'server.crt'),
    privateKey: fromOutput(privateKey, 'server.key'),
    trustedCertificates: fromOutput(trustedCertificates, 'ca.crt'),
    clientCertificate: fromOutput(certificate, 'aegis.crt'),
    clientPrivateKey: fromOutput(privateKey, 'aegis.key'),
  };
}
