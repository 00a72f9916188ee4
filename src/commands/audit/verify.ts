/**
 * The work of `aegis audit verify`: reads audit logs, the oldest first, and reports what the chain says of them. Holds a
 * chunk at a time. Changes nothing.
 */
import { createPublicKey, type KeyObject } from 'node:crypto';
import { resolve } from 'node:path';
import type { Fault, Place } from '../../audit/chainFaults';
import { type ChainState, readChainState } from '../../audit/chainState';
import { ChainVerifier } from '../../audit/chainVerifier';
import { linkOf } from '../../audit/lineChain';
import { rotatedFilesOf } from '../../audit/rotatedFiles';
import type { Configuration } from '../../config/schema';
import { ExitCode, OperatorError } from '../../errors';
import { readText } from '../../files/read';
import { findLogFiles, inOrderOfTime, type LogFile, readLines, STDIN } from '../../observe/auditLines';
import type { CommandContext, GlobalOptions } from '../../terminal/command';
import { Progress } from '../../terminal/progress';
import { paint } from '../../text/display';
import { countOf, escapeUnsafe } from '../../text/quote';
import { hangingLines } from '../../text/table';
import { readSigningKey } from '../../x509/tlsFiles';
import { auditFilesOf, configurationFor } from '../recorded/readLogs';

interface VerifyOptions extends GlobalOptions {
  readonly key?: readonly string[];
}

/** More faults than these bury the first one. --json has more. */
const MAX_SHOWN = 50;

export async function verifyLogs(
  context: CommandContext,
  options: VerifyOptions,
  names: readonly string[],
): Promise<void> {
  const configuration = configurationFor(options, names);
  const files = await inOrderOfChain(findLogFiles(filesToRead(names, configuration)));
  // Before the files: a gateway that runs goes on writing.
  const remembered = rememberedOf(files, configuration);
  const keys = keysOf(options, configuration);
  const verifier = new ChainVerifier({
    keys,
    remembered: remembered.state,
    isCopy: remembered.isCopy === true,
  });
  const progress = new Progress(files, (text) => context.printError(text), process.stderr.isTTY === true);
  for (const file of files) {
    verifier.begin(file.name);
    for await (const lines of readLines(file, (bytes) => progress.add(bytes), 'latin1')) {
      for (const line of lines) verifier.add(withoutPrefix(line));
    }
  }
  verifier.end();
  progress.end();
  if (verifier.lines === 0 && remembered.state === undefined) {
    throw new OperatorError(
      `no line of ${files.map(({ name }) => shown(name)).join(', ')} has a place in a chain, so nothing can be verified; audit.chain may be off`,
      ExitCode.Failed,
    );
  }
  context.exit(verifier.faults.length === 0 ? ExitCode.Done : ExitCode.Failed);
  const report = { files, verifier, hasKey: keys.length > 0, unknown: remembered.why };
  context.print(options.json === true ? reportJson(report) : reportText(report));
}

function filesToRead(names: readonly string[], configuration: Configuration | undefined): string[] {
  if (names.length === 0) return auditFilesOf(configuration!, 'audit verify');
  return names.flatMap((name) => (name === STDIN ? [name] : [name, ...rotatedFilesOf(name)]));
}

/** By the lowest number at its beginning: the clock of a machine can be set back. */
async function inOrderOfChain(files: readonly LogFile[]): Promise<LogFile[]> {
  const numbered = [];
  for (const file of await inOrderOfTime(files)) numbered.push({ file, seq: await firstNumber(file) });
  return numbered.sort((one, other) => one.seq - other.seq).map(({ file }) => file);
}

/** A file without a chain is older than the chain. */
async function firstNumber(file: LogFile): Promise<number> {
  if (file.name === STDIN) return Number.POSITIVE_INFINITY;
  for await (const lines of readLines(file, () => {}, 'latin1')) {
    return (
      lines.reduce((least, line) => Math.min(least, linkOf(line)?.seq ?? least), Number.MAX_SAFE_INTEGER) %
      Number.MAX_SAFE_INTEGER
    );
  }
  return 0;
}

/** A syslog server writes the time and the machine in front of the line. */
function withoutPrefix(text: string): string {
  const at = text.startsWith('{') ? 0 : text.indexOf('{"time":"');
  return at > 0 ? text.slice(at) : text;
}

interface Remembered {
  readonly state?: ChainState;
  /** Why it is not known how the log ended. */
  readonly why?: string;
  readonly isCopy?: boolean;
}

function rememberedOf(files: readonly LogFile[], configuration: Configuration | undefined): Remembered {
  const file = configuration?.audit.file;
  if (file === undefined || !files.some(({ name }) => resolve(name) === file)) {
    return { why: 'not the audit.file of the configuration, so nothing is known of its end', isCopy: true };
  }
  const state = readChainState(configuration!.stateDirectory, file);
  if (state === undefined) return { why: 'stateDirectory has no audit-chain.json of this file' };
  return 'unreadable' in state ? { why: state.unreadable } : { state };
}

function keysOf({ key: files }: VerifyOptions, configuration: Configuration | undefined): KeyObject[] {
  if (files !== undefined) return files.map(readPublicKey);
  const file = configuration?.audit.chain?.key;
  try {
    return file === undefined ? [] : [createPublicKey(readSigningKey(file))];
  } catch {
    // Only the account of the gateway can read it. The report says that nothing was compared with it.
    return [];
  }
}

function readPublicKey(file: string): KeyObject {
  const text = readText(file, { exitCode: ExitCode.Usage });
  try {
    return createPublicKey(text);
  } catch {
    throw new OperatorError(
      `${escapeUnsafe(file)} holds neither a public key nor a certificate; write one with "openssl pkey -in KEY -pubout -out site.pub"`,
    );
  }
}

interface Report {
  readonly files: readonly LogFile[];
  readonly verifier: ChainVerifier;
  readonly hasKey: boolean;
  readonly unknown: string | undefined;
}

function reportText({ files, verifier, hasKey, unknown }: Report): string {
  const { faults, moreFaults, notes, first, last, lines } = verifier;
  const names = files.map(({ name }) => shown(name)).join(', ');
  const range =
    first === undefined
      ? ''
      : `, numbers ${first.seq} to ${last!.seq} of the chain, ${first.time} to ${last!.time}`;
  const more = faults.length - Math.min(faults.length, MAX_SHOWN) + moreFaults;
  return [
    ...hangingLines(`read ${countOf(lines, 'line')} of ${names}${range}`, 2),
    ...notes.slice(0, MAX_SHOWN).flatMap((note) => hangingLines(`note: ${placeOf(note)} ${note.detail}`, 2)),
    ...hangingLines(describeSignatures(verifier, hasKey), 2),
    ...(unknown === undefined ? [] : hangingLines(`the end was not compared: ${unknown}`, 2)),
    ...(faults.length === 0 ? [] : ['', ...faults.slice(0, MAX_SHOWN).flatMap(describeFault)]),
    ...(more > 0 ? [`and ${more} more (--json)`] : []),
    '',
    faults.length === 0
      ? 'ok: every line is as the gateway wrote it'
      : `NOT as the gateway wrote it: ${countOf(faults.length + moreFaults, 'place')}`,
    '',
  ].join('\n');
}

function describeFault(fault: Fault): string[] {
  const place = `${escapeUnsafe(placeOf(fault))}  ${fault.time ?? ''}`.trimEnd();
  return [`${paint('refused', fault.kind)}  ${place}`, ...hangingLines(`  ${fault.detail}`, 2)];
}

function describeSignatures({ signed, signatures, last }: ChainVerifier, hasKey: boolean): string {
  if (!hasKey) {
    return signatures === 0
      ? 'not signed: who can write the files and stateDirectory can write all of it again'
      : `${countOf(signatures, 'signature')} not verified: name the public key with --key`;
  }
  if (signed === undefined) return 'not signed with this key';
  const behind = last!.seq - signed.seq;
  const rest =
    behind === 0
      ? ''
      : `; ${countOf(behind, 'line')} behind it ${behind === 1 ? 'is' : 'are'} not signed yet`;
  return `signed up to number ${signed.seq}, ${signed.time}${rest}`;
}

function reportJson({ files, verifier, hasKey, unknown }: Report): string {
  const { faults, moreFaults, notes, first, last, signed, signatures, lines } = verifier;
  const at = (line: typeof first) => (line === undefined ? undefined : { seq: line.seq, time: line.time });
  const ok = faults.length === 0;
  const signedJson = { upTo: at(signed), signatures, verified: hasKey };
  return `${JSON.stringify(
    {
      ok,
      files: files.map(({ name }) => name),
      lines,
      first: at(first),
      last: at(last),
      signed: signedJson,
      endNotCompared: unknown,
      faults,
      moreFaults,
      notes: notes.map(({ file, line, time, detail }) => ({ file, line, time, detail })),
    },
    undefined,
    2,
  )}\n`;
}

function placeOf({ file, line }: Pick<Place, 'file' | 'line'>): string {
  return `${shown(file)}:${line}`;
}

function shown(name: string): string {
  return name === STDIN ? 'stdin' : name;
}
