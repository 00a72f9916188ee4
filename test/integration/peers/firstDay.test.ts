/**
 * The first day: from an empty folder to a stored image over TLS, with the commands that docs/onboarding.md shows and
 * nothing else, their questions answered at a terminal.
 */
import { existsSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { registerInit } from '../../../src/commands/init/init';
import { registerModality } from '../../../src/commands/modality/modality';
import { ExitCode } from '../../../src/errors';
import type { RegisterCommand } from '../../../src/terminal/command';
import { runCommand } from '../../support/commandLine';
import { Storescp, storescu } from '../../support/dcmtk';
import { type Instance, writePart10 } from '../../support/dicomFiles';
import { Orthanc } from '../../support/orthanc';
import { describeWithPeers } from '../../support/peers';
import { freePort, startProcess, temporaryFolder } from '../../support/processes';
import { syntheticInstance } from '../../support/syntheticInstances';
import { openTerminal, type Terminal } from '../../support/terminal';
import { SopClass, TransferSyntax } from '../../support/uids';

const cli = resolve(__dirname, '../../../dist/cli.js');

function image(): Instance {
  return syntheticInstance('ct', SopClass.CTImageStorage, TransferSyntax.ExplicitVrLittleEndian);
}

let terminal: Terminal;
beforeEach(() => {
  terminal = openTerminal();
});
afterEach(() => {
  terminal.close();
});

/** Everything that a person types, in a folder that is empty at first. Returns what storescu was answered. */
async function firstDay(archivePort: number, instance: Instance) {
  const folder = temporaryFolder();
  const config = join(folder, 'config', 'aegis.jsonc');
  const certs = join(folder, 'certs');
  const aegis = (register: RegisterCommand, ...words: string[]) =>
    runCommand(register, ['--config', config, ...words, '--dir', certs]);
  const port = await freePort();

  terminal.answers = [
    ...[`127.0.0.1:${archivePort}`, 'ORTHANC', 'localhost 127.0.0.1', 'new'],
    ...[String(await freePort()), join(folder, 'audit.jsonl')],
  ];
  const written = await aegis(registerInit, 'init', '--port', String(port));
  expect(written).toMatchObject({
    exitCode: ExitCode.Done,
    printedErrors: expect.stringContaining(`127.0.0.1:${archivePort} answered the C-ECHO to ORTHANC\n`),
  });

  const gateway = startProcess(process.execPath, [cli, '--config', config, 'start']);
  await gateway.waitForOutput(/\(admin HTTP\)\n/);

  // Its title, name, address, commands, objects; a certificate, nowhere to call it; write it, and reload.
  terminal.answers = ['CT2', '', '127.0.0.1', 'echo store', '', 'y', '', 'y', 'y'];
  const added = await aegis(registerModality, 'modality', 'add', '--no-sheet', ...password(folder));
  expect(terminal.answers).toEqual([]);
  expect(added.printed).toMatch(
    /\nthe gateway has reloaded .*\n {2}modality "ct2" added: CT2 from 127\.0\.0\.1/,
  );

  const result = await storescu(
    {
      ...{ port, callingAeTitle: 'CT2', calledAeTitle: 'ORTHANC' },
      tls: {
        certificate: { certificateFile: join(certs, 'ct2.crt'), privateKeyFile: join(certs, 'ct2.key') },
        ca: { certificateFile: join(certs, 'ca.crt') },
      },
    },
    [writePart10(folder, instance)],
  );
  expect(existsSync(join(folder, 'audit.jsonl'))).toBe(true);
  return result;
}

/** Asked for without an echo, which the terminal of tests does not see. */
function password(folder: string): string[] {
  const file = join(folder, 'p12.password');
  writeFileSync(file, 'correct horse', { mode: 0o600 });
  return ['--p12-password-file', file];
}

describeWithPeers(['storescu', 'storescp'], 'the first day, with storescp as the archive', () => {
  it('ends with the first image stored over TLS', async () => {
    const archive = await Storescp.start({ aeTitle: 'ORTHANC' });
    const instance = image();
    expect(await firstDay(archive.port, instance)).toMatchObject({ exitCode: 0, statuses: [0] });
    expect(archive.instances.map(({ sha256 }) => sha256)).toEqual([instance.sha256]);
  });
});

describeWithPeers(['storescu', 'Orthanc'], 'the first day, with Orthanc as the archive', () => {
  it('ends with the first image stored over TLS', async () => {
    const archive = await Orthanc.start();
    const instance = image();
    expect(await firstDay(archive.dicomPort, instance)).toMatchObject({ exitCode: 0, statuses: [0] });
    const stored = await archive.storedInstance(instance.sopInstanceUid);
    expect(stored?.sha256).toBe(instance.sha256);
  });
});
