/**
 * A configuration file for the tests of `aegis modality`, in a folder of its own, with a comment in every place where
 * one may get lost.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { registerModality } from '../../../../src/commands/modality/modality';
import type { TestCertificate } from '../../../support/certificates';
import { type CommandRun, runCommand } from '../../../support/commandLine';
import { temporaryFolder } from '../../../support/processes';

export interface ModalityFile {
  readonly folder: string;
  readonly file: string;
  readonly text: string;
  /** `aegis --config FILE modality …`, with the global options in front. */
  run(commandArguments: readonly string[], ...globalOptions: string[]): Promise<CommandRun>;
}

export interface ModalityFileParts {
  readonly server: TestCertificate;
  readonly ca: TestCertificate;
  /** More keys of the root. */
  readonly more?: string;
  /** More keys of the entry. */
  readonly ct1?: string;
}

export function modalityFile({ server, ca, more = '', ct1 = '' }: ModalityFileParts): ModalityFile {
  const folder = temporaryFolder();
  const file = join(folder, 'aegis.jsonc');
  const text = `// the gateway of radiology
{
  "listeners": [
    {
      "name": "tls", "port": 2762, // the registered one
      "tls": {
        "certificate": "${server.certificateFile}",
        "privateKey": "${server.privateKeyFile}",
        "trustedCertificates": "${ca.certificateFile}"
      }
    },
    { "name": "plain", "host": "127.0.0.1", "port": 11112 }
  ],
  "upstreams": { "ORTHANC": { "servers": ["127.0.0.1:4242"] } },${more}
  "modalities": {
    // the first scanner
    "ct1": {
      "callingAeTitle": "CT1", // as on its label
      "from": "10.1.2.10",${ct1}
      "allow": ["echo", "store"]
    }
    // room for more
  }
}
`;
  writeFileSync(file, text);
  return {
    folder,
    file,
    text,
    run: (commandArguments, ...globalOptions) =>
      runCommand(registerModality, ['--config', file, ...globalOptions, 'modality', ...commandArguments]),
  };
}
