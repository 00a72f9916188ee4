/** The text of a first configuration, with a comment for each section. Knows no files and no questions. */
import type { Answers } from './answers';

/** As they stand in the configuration: absolute, or relative to its folder. */
export interface FirstPaths {
  readonly certificate: string | readonly string[];
  readonly privateKey: string | readonly string[];
  readonly trustedCertificates: string;
  /** Absent where there is none. */
  readonly crl?: string;
  readonly tokenFile: string;
  readonly pidFile: string;
  /** Absent where there is none. */
  readonly auditFile?: string;
  /** Absent where it has its default. */
  readonly stateDirectory?: string;
}

/** What a line of "tls" may have, with a comma. */
const LINE_COLUMNS = 72;

export function firstConfigurationText(answers: Answers, paths: FirstPaths): string {
  const { archive, calledAeTitle, isArchiveRemote, adminPort } = answers;
  const { auditFile, stateDirectory } = paths;
  const upstream = isArchiveRemote
    ? `{
      "servers": ${json(archive)},
      // On another machine: DICOM crosses the network between here and there in the clear.
      // Where the archive can do TLS, put this in its place:
      // "tls": { "trustedCertificates": "archive-ca.crt", "certificate": "…", "privateKey": "…" }
      "allowRemotePlaintext": true
    }`
    : `{ "servers": ${json(archive)} }`;
  return `// Aegis: who may come in, from where, and for what. "aegis init" wrote this.
//
// - Relative paths are relative to the folder of this file.
// - After each change: "aegis check", then "aegis reload".
// - docs/configuration.md explains each key.
// - config/aegis.example.jsonc shows all of them.
{
  // For editors, which complete keys and show what they mean.
  "$schema": "./aegis.schema.json",

  // Where modalities connect.
  "listeners": [
${answers.certificates === 'later' ? laterListener(answers) : tlsListener(answers, paths)}
  ],

  // The archive, by the AE title that modalities call.
  "upstreams": {
    ${json(calledAeTitle)}: ${upstream}
  },

  // Who may connect, from where, for what. Nobody else may.
  // "aegis modality add" writes entries here.
  "modalities": {},

  // A device in no entry is refused, and listed by "aegis modality pending".
  // Once every device has its entry, set this to "close": unknown addresses are
  // then closed before they can say anything.
  "unknownAddresses": "reject",
${
  auditFile === undefined
    ? `
  // Who was let in, who was refused and why: on stdout. A file besides it:
  // "audit": { "file": "audit.jsonl" },
`
    : `
  // Who was let in, who was refused and why: one JSON object a line, never
  // patient data. Also on stdout.
  "audit": { "file": ${json(auditFile)} },
`
}
  // What outlives a restart: locks, counters, the inventory. The account of the
  // gateway has to be able to write this folder, and nobody else.
  ${stateDirectory === undefined ? '// "stateDirectory": "state",' : `"stateDirectory": ${json(stateDirectory)},`}

${
  adminPort === undefined
    ? `  // Where the gateway writes its process ID, for "aegis reload".
  "pidFile": ${json(paths.pidFile)}`
    : `  // Status, metrics, pending callers and reload, on this machine only.
  // The token may change things: keep it secret.
  "admin": {
    "port": ${adminPort},
    "tokenFile": ${json(paths.tokenFile)}
  }`
}
}
`;
}

function tlsListener({ port }: Answers, paths: FirstPaths): string {
  const crl =
    paths.crl === undefined
      ? `"trustedCertificates": ${json(paths.trustedCertificates)}

        // Its list of revoked certificates; past its date, it refuses everybody.
        // "crl": "ca.crl"`
      : `"trustedCertificates": ${json(paths.trustedCertificates)},
        "crl": ${json(paths.crl)}`;
  return `    {
      "name": "tls",
      "port": ${port},${port === 2762 ? ' // registered for DICOM over TLS' : ''}
      "tls": {
        // What the gateway shows to modalities. Only the account of the
        // gateway may read the keys.
        ${member('certificate', paths.certificate)},
        ${member('privateKey', paths.privateKey)},

        // The CA that signs the certificates of modalities. Without such a
        // certificate, nobody gets in.
        ${crl}
      }
    }

    // For devices that cannot do TLS: on the address of this machine in their
    // own network, and named in their entries.
    // { "name": "plain", "host": "10.1.0.2", "port": 11112 }`;
}

function laterListener({ port, names }: Answers): string {
  return `    // For tests on this machine, until the CA of the hospital has answered:
    //
    //   aegis pki request${names.map((name) => ` --name ${name}`).join('')}
    //   aegis pki install FILE    (what the CA sends back; it prints the lines for "tls")
    //
    // Then put this in its place:
    // { "name": "tls", "port": ${port}, "tls": { … } }
    { "name": "local", "host": "127.0.0.1", "port": 11112 }`;
}

/** Of "tls": a list that does not fit on its line has a line for each file. */
function member(key: string, value: string | readonly string[]): string {
  const files = [value].flat().map(json);
  const oneLine = `"${key}": ${typeof value === 'string' ? files[0] : `[${files.join(', ')}]`}`;
  if (typeof value === 'string' || oneLine.length < LINE_COLUMNS) return oneLine;
  return `"${key}": [\n          ${files.join(',\n          ')}\n        ]`;
}

function json(value: unknown): string {
  return JSON.stringify(value);
}
