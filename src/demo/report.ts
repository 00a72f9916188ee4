/**
 * What the demo prints: its table, the comparison of the instances, what next, and how to talk to a gateway that goes on
 * running.
 */
import { displayColumns, paint, type Tone } from '../text/display';
import { tableRows, textTable } from '../text/table';
import type { DemoResult, DemoRow } from './demo';
import { ARCHIVE, type DemoSite } from './site';

/** Below this width, a table of all columns would break most of its cells. */
const MIN_TABLE_COLUMNS = 120;

const SENT = 'WHAT WAS SENT';
const WIRE = 'WHAT THE WIRE ANSWERED';
const AUDIT = 'WHAT THE AUDIT LOG SAYS';
const ARCHIVE_GOT = 'ARCHIVE GOT';

export function resultText(result: DemoResult): string {
  const failed = result.rows.filter(({ isOk }) => !isOk);
  return text([
    ...(displayColumns() < MIN_TABLE_COLUMNS ? pairs(result.rows) : wideTable(result.rows)),
    '',
    ...failed.flatMap(failureLines),
    ...instancesLines(result),
    paint(result.isOk ? 'ok' : 'refused', summaryLine(result, failed.length)),
  ]);
}

/** What to do after a demo that went well. `aegis` is how the command was called, e.g. `node dist/cli.js`. */
export function nextText(aegis: string): string {
  return text([
    '',
    paint('heading', 'next:'),
    ...textTable(
      [
        [`${aegis} demo --keep`, 'keeps it running: try it with your own tools'],
        ['README.md, Quick start', 'your archive behind the gateway'],
        ['docs/onboarding.md', 'your first modality'],
      ],
      { fits: ['whole'], indent: 2 },
    ),
  ]);
}

function wideTable(rows: readonly DemoRow[]): string[] {
  const cells = rows.map((row) => [
    row.sent,
    wireOf(row),
    row.outcome.audit,
    row.outcome.archive,
    stateOf(row),
  ]);
  return textTable([[SENT, WIRE, AUDIT, ARCHIVE_GOT, 'OK'], ...cells], { hasHeadings: true, tone });
}

/** Two lines for each thing that was sent: what became of it at both ends, and what was said of it. */
function pairs(rows: readonly DemoRow[]): string[] {
  const upper = rows.map((row) => [stateOf(row), row.sent, row.outcome.archive]);
  const lower = rows.map((row) => ['', wireOf(row), row.outcome.audit]);
  const stateColumns = Math.max(0, ...rows.map((row) => stateOf(row).length));
  const ends = tableRows([['', SENT, ARCHIVE_GOT], ...upper], { hasHeadings: true, tone });
  const words = tableRows([[' '.repeat(stateColumns), WIRE, AUDIT], ...lower], { hasHeadings: true });
  return ends.flatMap((lines, index) => [...lines, ...(words[index] ?? [])]);
}

function tone(cell: string): Tone | undefined {
  return cell === 'ok' ? 'ok' : cell === 'FAILED' ? 'refused' : undefined;
}

function stateOf({ isOk }: DemoRow): string {
  return isOk ? 'ok' : 'FAILED';
}

function wireOf({ outcome, wireDetail }: DemoRow): string {
  return wireDetail === undefined ? outcome.wire : `${outcome.wire} (${wireDetail})`;
}

function failureLines({ sent, expected }: DemoRow): string[] {
  return [
    `FAILED: ${sent}`,
    `  expected on the wire:       ${expected.wire}`,
    `  expected in the audit log:  ${expected.audit}`,
    `  expected at the archive:    ${expected.archive}`,
    '',
  ];
}

function instancesLines({ instances: { count, bytes, equal } }: DemoResult): string[] {
  return [
    `${count} instances, ${bytes.toLocaleString('en')} bytes of data sets with private elements:`,
    equal === count
      ? 'SHA-256 of what was sent and of what was stored are equal'
      : `${equal} of them are stored as they were sent`,
  ];
}

function summaryLine({ rows, notPlayed, durationMs }: DemoResult, failed: number): string {
  const seconds = `in ${(durationMs / 1000).toFixed(1)} s`;
  if (notPlayed > 0) return `interrupted: ${notPlayed} of ${rows.length + notPlayed} were not played`;
  return failed === 0
    ? `all ${rows.length} as expected, ${seconds}`
    : `${failed} of ${rows.length} not as expected, ${seconds}`;
}

/** `aegis` is how the command was called, e.g. `node dist/cli.js`. */
export function invitationText(site: DemoSite, aegis: string): string {
  const { port, folder, certificates, configurationFile, archive } = site;
  const { caFile, ct1, ws1 } = certificates;
  const shown = ({ certificateFile, privateKeyFile }: typeof ct1) =>
    `--certificate ${certificateFile} --private-key ${privateKeyFile}`;
  const dcmtk = ({ certificateFile, privateKeyFile }: typeof ct1, aeTitle: string) =>
    `--enable-tls ${privateKeyFile} ${certificateFile} --add-cert-file ${caFile} --aetitle ${aeTitle} --call ${ARCHIVE} 127.0.0.1 ${port}`;
  return text([
    '',
    `the gateway goes on listening on 127.0.0.1:${port}, with TLS; Ctrl-C ends it`,
    `certificates, configuration and what the archive receives are in ${folder}`,
    '',
    '# answered by the archive',
    `${aegis} --config ${configurationFile} echo --calling WS1 ${shown(ws1)}`,
    `echoscu -v ${dcmtk(ws1, 'WS1')}`,
    `storescu -v ${dcmtk(ct1, 'CT1')} ${archive.storedFiles[0] ?? 'FILE.dcm'}`,
    '',
    '# refused by the gateway',
    `${aegis} --config ${configurationFile} echo --calling INTRUDER ${shown(ct1)}`,
    `echoscu -v ${dcmtk(ct1, 'CT1')}`,
    '',
    '# why',
    `${aegis} --config ${configurationFile} explain --calling CT1 --called ${ARCHIVE} --from 127.0.0.1 --certificate ${ct1.certificateFile} --command c-echo`,
    '',
    'the audit log from here on:',
  ]);
}

function text(lines: readonly string[]): string {
  return `${lines.join('\n')}\n`;
}
