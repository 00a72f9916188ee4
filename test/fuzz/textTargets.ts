/** Texts that an operator brings along or a program writes: the configuration, spreadsheets, Orthanc's files, audit lines. */
import { isDeepStrictEqual } from 'node:util';
import { readableLine, type TimedEvent } from '../../src/audit/readableLine';
import { canSkip, filterOf, parseLine } from '../../src/commands/recorded/logFilter';
import {
  addModalities,
  type ConfigurationEdit,
  type ConfigurationSource,
  changeModalities,
  removeModality,
} from '../../src/config/editConfiguration';
import { parseConfiguration } from '../../src/config/load';
import { configurationSchema } from '../../src/config/schema';
import { parseSourceText } from '../../src/config/sourceText';
import { OperatorError } from '../../src/errors';
import { LineSplitter } from '../../src/observe/auditLines';
import { Observations } from '../../src/observe/observations';
import { CsvFault, decodeSpreadsheet, formatCsv, parseCsv } from '../../src/onboarding/csvCells';
import { exportCsv, readCsvTable } from '../../src/onboarding/csvTable';
import { planImport } from '../../src/onboarding/importPlan';
import { parseOrthancConfiguration } from '../../src/orthanc/configuration';
import { importOrthanc } from '../../src/orthanc/import';
import { formatConfiguration, formatFragment } from '../../src/orthanc/importText';
import { lint } from '../../src/orthanc/lint';
import { formatProblem } from '../../src/text/problems';
import type { Random } from './random';
import { Finding, type FuzzTarget, unlessRefused } from './target';

const FILE = 'aegis.jsonc';
const CONFIGURATION = `// A comment.
{
  "listeners": [{ "name": "plain", "host": "127.0.0.1", "port": 11112 }], // behind it
  "upstreams": { "ORTHANC": { "servers": "127.0.0.1:4242", "maxAssociations": 8 } },
  "modalities": {
    // Above an entry.
    "ct1": {
      "callingAeTitle": ["CT1", "CT1B"], "from": "127.0.0.0/8", "listeners": "plain",
      "allow": ["echo", "store"], /* inside */ "storeRules": [{ "refuse": { "Modality": ["SR", "O*"] } }]
    },
    "ws1": { "callingAeTitle": "WS1", "from": ["127.0.0.2"], "listeners": ["plain"], "allow": "find",
      "address": { "host": "127.0.0.2", "port": 104 } }
  },
  "limits": { "maxAssociations": 20 }, "timeouts": {}, "egress": { "host": "127.0.0.1", "port": 4243 },
  "admin": { "host": "127.0.0.1", "port": 9762, "token": "\${TOKEN:-0123456789abcdef}" },
}
`;
// biome-ignore-start lint/suspicious/noTemplateCurlyInString: references to variables are part of the language.
const jsoncWords = [
  ...[
    '"',
    '{',
    '}',
    '[',
    ']',
    ',',
    ':',
    '//',
    '/*',
    '*/',
    '\n',
    '\\u',
    '\\',
    '0',
    '-1',
    '1e9',
    'null',
    'true',
    '""',
  ],
  ...[
    '"__proto__"',
    '"constructor"',
    '${HOME}',
    '${',
    '${X:-',
    '"*"',
    '"modalities"',
    '"ct1"',
    '"from"',
    '"allow"',
  ],
  ...['"callingAeTitle"', '"::/0"', '"10.1.2.10"', '"10.1.2.0/24"', '\u{e9}', '\x1b[31m', '"port"', '"tls"'],
];
// biome-ignore-end lint/suspicious/noTemplateCurlyInString: references to variables are part of the language.

function sourceOf(text: string): ConfigurationSource {
  return { file: FILE, text, env: {}, reading: parseConfiguration(text, FILE, {}) };
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** As openConfiguration does for a file. */
function isEditable({ text }: ConfigurationSource): boolean {
  const { value } = parseSourceText(text);
  return isObject(value) && (value.modalities === undefined || isObject(value.modalities));
}

/** What a text shows to people must not move a cursor, and says where in the text it is. */
function expectShown(text: string, lines: readonly string[]): void {
  const rows = text.split(/\r\n|\n|\r/).length;
  for (const line of lines) {
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for.
    if (/[\x00-\x08\x0b-\x1f\x7f-\x9f]/.test(line))
      throw new Finding(`control characters: ${JSON.stringify(line)}`);
    const [, row = '1'] = /:(\d+):\d+ /.exec(line) ?? [];
    if (Number(row) > rows) throw new Finding(`a place behind the text: ${line}`);
  }
}

/** The entries as they are written, but for one. */
function entriesIn(text: string, without: string): unknown {
  const value = parseSourceText(text).value as { modalities?: Record<string, unknown> };
  const { [without]: _, ...others } = value.modalities ?? {};
  return { ...value, modalities: others };
}

function expectOthersKept(edit: ConfigurationEdit, name: string): void {
  if (!isDeepStrictEqual(entriesIn(edit.source.text, name), entriesIn(edit.text, name))) {
    throw new Finding('an edit changed something else than its entry');
  }
}

function checkConfiguration(input: Buffer, random: Random): void {
  const text = input.toString('utf8');
  const source = sourceOf(text);
  const { problems, configuration } = source.reading;
  expectShown(text, problems.map(formatProblem));
  const isRight = problems.every(({ severity }) => severity !== 'error');
  if (isRight && configuration === undefined) throw new Finding('there is no problem and no configuration');
  // Takes ten times as long as the rest.
  if (random.below(8) !== 0 || !isEditable(source)) return;
  const entry = { callingAeTitle: 'FUZZ', from: '127.9.9.9', listeners: 'plain', allow: ['echo'] } as const;
  const added = unlessRefused([OperatorError], () => addModalities(source, { fuzzed: entry }));
  if (added === undefined) return;
  expectOthersKept(added, 'fuzzed');
  const again = sourceOf(added.text);
  const changed = changeModalities(again, {
    added: [],
    changed: new Map([['fuzzed', [[['allow'], ['store']]]]]),
  });
  expectOthersKept(changed, 'fuzzed');
  const removed = unlessRefused([OperatorError], () => removeModality(sourceOf(changed.text), 'fuzzed'));
  if (removed === undefined) return;
  expectOthersKept(removed, 'fuzzed');
}

export const configurationTarget: FuzzTarget = {
  name: 'configuration',
  invariant: 'problems or a configuration; an edit changes nothing but its entry',
  seeds: [Buffer.from(CONFIGURATION), Buffer.from('{}'), Buffer.from('{"modalities":{}}')],
  words: jsoncWords,
  maxInputMs: 150,
  check: checkConfiguration,
};

const CSV = [
  'name,callingAeTitle,from,listeners,allow,moveDestinations\r\nct2,CT2,127.0.0.3,plain,echo store,\r\n',
  'Name;Calling AE Title;From;Allow\nus1;"US;1";127.1.0.0/16;find "quoted"\n\n',
  "sep=\t\nname\tcallingAeTitle\tfrom\tallow\nmr1\t'=MR1\t127.0.0.9|::1\techo|store\n",
  `\ufeff${exportCsv(sourceOf(CONFIGURATION))}`,
];
const importing = sourceOf(CONFIGURATION);

function checkCsv(input: Buffer, random: Random): void {
  const text = decodeSpreadsheet(input);
  if (text === undefined) return;
  const cells = unlessRefused([CsvFault], () => parseCsv(text))?.map((line) => line.cells);
  if (cells === undefined) return;
  // Its delimiter is found in the first line, which has none of the characters that could be one.
  const header = ['name', 'callingAeTitle'];
  const [, ...again] = parseCsv(formatCsv([header, ...cells])).map((line) => line.cells);
  if (!isDeepStrictEqual(again, cells))
    throw new Finding(`cells are read differently: ${JSON.stringify([cells, again])}`);
  const table = readCsvTable(text);
  if (random.below(8) !== 0) return;
  const plan = planImport(importing, table, true);
  if (plan.findings.length > 0 || table.problems.length > 0) return;
  if (plan.rows.some(({ action }) => action === 'refuse')) return;
  const edit = changeModalities(importing, plan.edits);
  const { modalities } = edit.result.configuration;
  const missing = table.rows.find(({ name }) => !Object.hasOwn(modalities, name));
  if (missing !== undefined) throw new Finding(`${missing.name} was imported and is not there`);
}

export const csvTarget: FuzzTarget = {
  name: 'csv',
  invariant:
    'a CsvFault or cells, which are read again as the same; a plan that can be carried out as it says',
  seeds: CSV.map((text) => Buffer.from(text)),
  words: [
    ',',
    ';',
    '\t',
    '"',
    '""',
    '\r\n',
    '\n',
    'sep=;',
    "'=",
    '=',
    'name',
    'from',
    'allow',
    '${',
    '}',
    '__proto__',
  ],
  // csv-parse makes an error object for each line with another number of cells: 16,000 of them take two seconds of the
  // person who imports.
  maxInputMs: 5000,
  check: checkCsv,
};

const ORTHANC = `{
  "Name" : "Orthanc", "DicomAet" : "ORTHANC", "DicomPort" : 4242, // a comment
  "DicomAlwaysAllowStore" : true, "DicomCheckCalledAet" : false, "RemoteAccessAllowed" : true,
  "HttpPort" : 8042, "RegisteredUsers" : { "alice" : "\${PASSWORD}" },
  "DicomModalities" : {
    "ct1" : [ "CT1", "127.0.0.1", 104, "GE" ],
    "ws1" : { "AET" : "WS1", "Host" : "10.1.2.3", "Port" : 11112, "AllowEcho" : true, "AllowGet" : false,
      "AllowTranscoding" : false, "UseDicomTls" : true, "LocalAet" : "ORTHANC" }
  },
  "Plugins" : [ "./libOrthancDicomWeb.so" ], "DicomWeb" : { "Enable" : true }
}`;

function checkOrthanc(input: Buffer): void {
  const text = input.toString('utf8');
  const parsed = unlessRefused([OperatorError], () =>
    parseOrthancConfiguration([{ file: 'orthanc.json', text }], {}),
  );
  if (parsed === undefined) return;
  expectShown(
    text,
    lint(parsed).map(({ line, column, message }) => `orthanc.json:${line}:${column} ${message}`),
  );
  const imported = unlessRefused([OperatorError], () => importOrthanc(parsed, { keepDefaults: false }));
  if (imported === undefined) return;
  const fragment = formatFragment(imported);
  for (const written of [fragment, formatConfiguration(imported, ['orthanc.json'], FILE)]) {
    const { faults, value } = parseSourceText(written);
    if (value === undefined || faults.length > 0)
      throw new Finding(`what is written cannot be read: ${written}`);
    const { modalities = {} } = value as { modalities?: object };
    const wanted = imported.modalities.filter(({ isLeftOut }) => !isLeftOut).map(({ name }) => name);
    if (!isDeepStrictEqual(Object.keys(modalities).sort(), wanted.sort())) {
      throw new Finding(`entries are missing or added: ${written}`);
    }
  }
}

export const orthancTarget: FuzzTarget = {
  name: 'orthanc',
  invariant: 'an OperatorError, or an import whose text can be read and has its entries',
  seeds: [Buffer.from(ORTHANC), Buffer.from('{"DicomModalities":{}}')],
  words: [
    ...jsoncWords,
    '"DicomModalities"',
    '"AET"',
    '"Host"',
    '"Port"',
    '"AllowStore"',
    '*/',
    '\r',
    '\u2028',
  ],
  maxInputMs: 50,
  check: checkOrthanc,
};

const auditLines = [
  '{"time":"2026-11-23T19:36:10.292Z","event":"gateway.started","outcome":"info"}',
  '{"time":"2026-11-23T19:36:11.292Z","event":"association.accepted","outcome":"allowed","connectionId":"00aa","modality":"ct1","listener":"plain","direction":"ingress","sourceAddress":"127.0.0.1","callingAeTitle":"CT1","calledAeTitle":"ORTHANC","upstream":"127.0.0.1:4242"}',
  '{"time":"2026-11-23T19:36:12.292Z","event":"command.completed","outcome":"would-deny","reason":"command-not-allowed","connectionId":"00aa","modality":"ct1","command":"C-MOVE","sopClass":"1.2.840.10008.5.1.4.1.2.2.2","moveDestination":"WS1","status":"0000"}',
  '{"time":"2026-11-23T19:36:13.292Z","event":"connection.refused","outcome":"denied","reason":"certificate-untrusted","sourceAddress":"10.9.9.9","detail":"x\\u001b[31m","tls":{"subject":"CN=a","fingerprint256":"AA:BB"}}',
  '{"MESSAGE":"{\\"time\\":\\"2026-11-23T19:36:13.292Z\\",\\"event\\":\\"a\\",\\"outcome\\":\\"denied\\"}"}',
];
const auditConfiguration = configurationSchema.parse(parseSourceText(CONFIGURATION).value);

/** As `aegis log` shows a line: undefined where the line is another's. */
function shown(text: string): string | undefined {
  const { line } = parseLine(text);
  if (line === undefined) return undefined;
  try {
    return readableLine(line as TimedEvent);
  } catch {
    return undefined;
  }
}

function linesOf(chunks: readonly string[]): string[] {
  const splitter = new LineSplitter();
  return [...chunks.flatMap((chunk) => splitter.add(chunk)), ...splitter.end()];
}

function checkAuditLines(input: Buffer, random: Random): void {
  const text = input.toString('utf8');
  const lines = linesOf([text]);
  const cut = random.below(text.length + 1);
  const inTwo = linesOf([text.slice(0, cut), text.slice(cut)]);
  if (!isDeepStrictEqual(lines, inTwo)) throw new Finding('other lines when the text comes in two chunks');
  const observations = new Observations(auditConfiguration);
  const filters = [
    { modality: 'ct1' },
    { denied: true, since: '2026' },
    { event: ['command'], connection: '00' },
  ];
  const wanted = filters.map((filter) => filterOf(filter, auditConfiguration));
  // Once for all of them: it counts the rows of the text.
  expectShown(
    text,
    lines.map((one) => shown(one) ?? ''),
  );
  for (const one of lines) {
    const { line } = parseLine(one);
    if (line === undefined) continue;
    observations.add(line);
    for (const [index, isWanted] of wanted.entries()) {
      if (isWanted(line) && canSkip(one, filters[index]!))
        throw new Finding('a line that is wanted is skipped');
    }
  }
}

export const auditLinesTarget: FuzzTarget = {
  name: 'audit-lines',
  invariant:
    'the same lines however they come; no control characters shown; no line that is wanted is skipped',
  seeds: [...auditLines, auditLines.join('\n')].map((text) => Buffer.from(text)),
  words: [
    '"',
    ',',
    '{',
    '}',
    '[',
    ']',
    ':',
    '\n',
    'null',
    '1',
    '"tls"',
    '"time"',
    '"reason"',
    '"__proto__"',
    '\x1b[2J',
  ],
  maxInputMs: 50,
  check: checkAuditLines,
};
