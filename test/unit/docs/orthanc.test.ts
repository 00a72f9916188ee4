/**
 * Does what docs/orthanc.md shows, and compares what comes out with what it shows.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { registerOrthanc } from '../../../src/commands/orthanc/orthanc';
import { parseSourceText } from '../../../src/config/sourceText';
import { lintCodes } from '../../../src/orthanc/lintFinding';
import { runCommand } from '../../support/commandLine';
import { temporaryFolder } from '../../support/processes';

const text = readFileSync(join(__dirname, '../../../docs/orthanc.md'), 'utf8');
const blocks = [...text.matchAll(/^```\w*\n([\s\S]*?)^```$/gm)].map(([, code]) => code!);
const [archive, importing, entry, , completed, , exported, , , linting] = blocks as [
  ...[string, string, string, string, string],
  ...[string, string, string, string, string],
];

const folder = temporaryFolder();
mkdirSync(join(folder, 'config'));
const file = join(folder, 'orthanc.json');
writeFileSync(file, archive);
const configuration = join(folder, 'config/aegis.jsonc');

function shown(output: string) {
  return output.replaceAll(`${folder}/`, '');
}

/** Runs what stands behind `aegis`, with the files of the page; paths are printed as in the page. */
async function run(commandLine: string) {
  const words = commandLine.split(' ').map((word) => (/\.jsonc?$/.test(word) ? join(folder, word) : word));
  const { printed, printedErrors } = await runCommand(registerOrthanc, ['--config', configuration, ...words]);
  return { printed: shown(printed), printedErrors: shown(printedErrors) };
}

/** The command of a block, and the output that it shows. */
function shownIn(block: string): { command: string; output: string } {
  const [, command, output] = /^aegis ([^\n]+)\n\n([\s\S]*)$/.exec(block)!;
  return { command: command!, output: output! };
}

describe('docs/orthanc.md', () => {
  it('shows an import as it is, and the configuration that it writes', async () => {
    const { command, output } = shownIn(importing);
    expect((await run(command)).printedErrors).toBe(output);
    expect(shown(readFileSync(configuration, 'utf8'))).toContain(entry.trimEnd());
  });

  it('shows the export of the completed entries', async () => {
    const { value } = parseSourceText(readFileSync(configuration, 'utf8'));
    const entries = parseSourceText(`{ ${completed} }`).value as object;
    writeFileSync(configuration, JSON.stringify({ ...(value as object), ...entries }));
    const { printed, printedErrors } = await run('orthanc export --keep orthanc.json');
    expect(printed.slice(0, exported.length)).toBe(exported);
    expect(parseSourceText(printed).value).toMatchObject({ DicomModalities: { ws1: { Timeout: 60 } } });
    expect(printedErrors).toBe('');
  });

  it('shows what lint finds', async () => {
    const { command, output } = shownIn(linting);
    expect((await run(command)).printed).toBe(output);
  });

  it('explains every code of lint, and no other', () => {
    const table = text.slice(text.indexOf('| code |'), text.indexOf('## What Orthanc sees'));
    const codes = [...table.matchAll(/^\| `([\w-]+)` \|/gm)].map(([, code]) => code!);
    expect(codes.sort()).toEqual(Object.keys(lintCodes).sort());
  });
});
