/**
 * What the demo prints: its table, the comparison of the instances, and how to talk to a gateway that goes on running.
 */
import { textTable } from '../text/table';
import type { DemoResult, DemoRow } from './demo';
import { ARCHIVE, type DemoSite } from './site';

const headings = ['what was sent', 'what the wire answered', 'what the audit log says', 'archive got', 'ok'];

/** A table where it fits into `columns`; where it does not, four lines for each thing that was sent. */
export function resultText(result: DemoResult, columns = Number.POSITIVE_INFINITY): string {
  const rows = result.rows.map(cells);
  const rule = headings.map((heading, column) =>
    '-'.repeat(Math.max(heading.length, ...rows.map((row) => row[column]!.length))),
  );
  const table = textTable([headings, rule, ...rows]);
  const failed = result.rows.filter(({ isOk }) => !isOk);
  return text([
    ...(table.some(({ length }) => length > columns) ? rows.flatMap(stacked) : table),
    '',
    ...failed.flatMap(failureLines),
    instancesLine(result),
    summaryLine(result, failed.length),
  ]);
}

function stacked([sent, wire, audit, archive, ok]: readonly string[]): string[] {
  return [`${ok}: ${sent}`, `  wire     ${wire}`, `  audit    ${audit}`, `  archive  ${archive}`];
}

function cells({ sent, outcome, wireDetail, isOk }: DemoRow): string[] {
  const wire = wireDetail === undefined ? outcome.wire : `${outcome.wire} (${wireDetail})`;
  return [sent, wire, outcome.audit, outcome.archive, isOk ? 'ok' : 'FAILED'];
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

function instancesLine({ instances: { count, bytes, equal } }: DemoResult): string {
  const what = `${count} instances, ${bytes.toLocaleString('en')} bytes of data sets with private elements`;
  return equal === count
    ? `${what}: SHA-256 of what was sent and of what was stored are equal`
    : `${what}: ${equal} of them are stored as they were sent`;
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
