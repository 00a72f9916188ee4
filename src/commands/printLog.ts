/**
 * The work of `aegis log`: reads lines of the audit log, chooses, and shows them with the words of the gateway's own
 * terminal. Holds a chunk of the log at a time. Changes nothing.
 */
import { fstatSync, type Stats, statSync } from 'node:fs';
import { readableConfiguration } from '../admin/adminClient';
import { MAX_LOOK_BACK_BYTES } from '../audit/lastSeen';
import { escapeControls, readableLine, type TimedEvent } from '../audit/readableLine';
import { rotatedFilesOf } from '../audit/rotatedFiles';
import type { Configuration } from '../config/schema';
import { OperatorError } from '../errors';
import {
  type AuditLine,
  findLogFiles,
  inOrderOfTime,
  type LogFile,
  readLines,
  STDIN,
} from '../observe/auditLines';
import { followLog } from '../observe/followLog';
import type { CommandContext, GlobalOptions } from '../terminal/command';
import { countOf, escapeUnsafe, nearestOf, quoteValue } from '../text/quote';
import { canSkip, filterOf, type LogFilter, parseLine } from './recorded/logFilter';

export interface LogOptions extends GlobalOptions, LogFilter {
  readonly follow?: boolean;
  readonly lines?: number;
  /** For tests: ends --follow. */
  readonly signal?: AbortSignal;
}

/** As `tail -f` begins. */
const LINES_BEFORE_FOLLOWING = 10;
/** A program that starts us leaves stdin open, or writes to it at once. */
const STDIN_PATIENCE_MS = 250;
/** Names seen, to find what was probably meant. */
const MAX_NAMES = 10_000;

export async function printLog(context: CommandContext, options: LogOptions, name?: string): Promise<void> {
  const configuration = configurationFor(options, name);
  const file = name ?? ((await isStdinGiven()) ? STDIN : auditFileOf(configuration));
  const printer = new Printer(context, options, configuration);
  if (options.follow === true && file !== STDIN) await follow(file, options, printer, context);
  else await readWhole(file, options, printer);
  printer.end();
}

/** Needed for the name of the file. Else it only helps to find refusals of a modality that name none. */
function configurationFor({ config, isConfigNamed }: LogOptions, name?: string): Configuration | undefined {
  try {
    return readableConfiguration(config);
  } catch (error) {
    if (isConfigNamed === true && name === undefined) throw error;
    return undefined;
  }
}

function auditFileOf(configuration: Configuration | undefined): string {
  if (configuration?.audit.file !== undefined) return configuration.audit.file;
  const why =
    configuration === undefined ? 'there is no configuration that names one' : 'audit.file is not configured';
  throw new OperatorError(
    `${why}, so there is no log to show; name a file, or pipe one: journalctl -u aegis -o cat | aegis log`,
  );
}

/** Something comes through a pipe, or from a file. A service or a job may start us with a stdin that says nothing. */
async function isStdinGiven(): Promise<boolean> {
  const { stdin } = process;
  if (stdin.isTTY === true) return false;
  const status = statusOfStdin();
  if (status === undefined || status.isCharacterDevice()) return false;
  if (status.isFile()) return status.size > 0;
  const patience = status.isSocket() ? STDIN_PATIENCE_MS : undefined;
  return await new Promise((resolve) => {
    const settle = (isGiven: boolean) => {
      clearTimeout(timer);
      stdin.off('readable', look).off('end', ended);
      if (!isGiven) stdin.destroy();
      resolve(isGiven);
    };
    const look = () => {
      if (stdin.readableLength > 0) settle(true);
      // At the end of the input, it is what makes the stream say so.
      else stdin.read();
    };
    const ended = () => settle(false);
    const timer = patience === undefined ? undefined : setTimeout(ended, patience);
    stdin.on('readable', look).once('end', ended);
  });
}

/** Undefined where it is closed. */
function statusOfStdin(): Stats | undefined {
  try {
    return fstatSync(process.stdin.fd);
  } catch {
    return undefined;
  }
}

async function readWhole(file: string, options: LogOptions, printer: Printer): Promise<void> {
  const { since } = options;
  if (since !== undefined && file !== STDIN) await readRotated(file, since, printer);
  for (const log of findLogFiles([file])) await readOne(log, printer);
}

async function readOne(log: LogFile, printer: Printer): Promise<void> {
  printer.begin(log.name);
  for await (const lines of readLines(log)) printer.add(lines);
}

/** What the file was rotated to, where it was written to since then; the oldest first. */
async function readRotated(file: string, since: string, printer: Printer): Promise<void> {
  const names = rotatedFilesOf(file).filter((name) => {
    const status = statSync(name, { throwIfNoEntry: false });
    return status?.isFile() === true && status.mtime.toISOString() >= since;
  });
  for (const log of await inOrderOfTime(findLogFiles(names))) await readOne(log, printer);
}

async function follow(
  file: string,
  { lines, since, signal }: LogOptions,
  printer: Printer,
  { printError }: CommandContext,
): Promise<void> {
  const isWhole = since !== undefined || lines !== undefined;
  if (!isWhole) printer.keepLast(LINES_BEFORE_FOLLOWING);
  printer.begin(file);
  if (since !== undefined) await readRotated(file, since, printer);
  const batches = followLog(file, {
    ...(isWhole ? {} : { lastBytes: MAX_LOOK_BACK_BYTES }),
    signal,
    tell: (message) => printError(`note: ${escapeUnsafe(message)}\n`),
  });
  for await (const batch of batches) {
    if (batch.length === 0) printer.printKept();
    else printer.add(batch);
  }
}

/** Chooses lines and prints them, a batch at a time. */
class Printer {
  readonly #context: CommandContext;
  readonly #options: LogOptions;
  readonly #isWanted: (line: AuditLine) => boolean;
  readonly #isFiltered: boolean;
  /** The last lines only; undefined where all are printed as they come. */
  #kept: { readonly count: number; readonly texts: string[] } | undefined;
  #file = '';
  #lineNumber = 0;
  #shown = 0;
  #others = 0;
  #firstOther = '';
  #cut = 0;
  #firstCut = '';
  readonly #modalities = new Set<string>();

  constructor(context: CommandContext, options: LogOptions, configuration: Configuration | undefined) {
    const { denied, modality, event, connection, since, json, lines } = options;
    this.#context = context;
    this.#options = options;
    this.#isWanted = filterOf(options, configuration);
    this.#isFiltered =
      json === true ||
      denied === true ||
      [modality, event, connection, since].some((value) => value !== undefined);
    if (lines !== undefined) this.keepLast(lines);
  }

  keepLast(count: number): void {
    this.#kept = { count, texts: [] };
  }

  begin(file: string): void {
    this.#file = file;
    this.#lineNumber = 0;
  }

  add(lines: readonly string[]): void {
    const texts: string[] = [];
    for (const line of lines) {
      this.#lineNumber += 1;
      const text = this.#textOf(line);
      if (text !== undefined) texts.push(text);
    }
    this.#shown += texts.length;
    if (this.#kept === undefined) this.#print(texts);
    else this.#keep(this.#kept, texts);
  }

  /** The last lines, and then each line as it comes. */
  printKept(): void {
    const { texts = [], count = 0 } = this.#kept ?? {};
    this.#kept = undefined;
    this.#print(texts.slice(-count));
  }

  /** What was left out goes to stderr: stdout has nothing but the log. */
  end(): void {
    this.printKept();
    const note = (text: string) => this.#context.printError(`note: ${escapeUnsafe(text)}\n`);
    if (this.#cut > 0) {
      note(
        `left out ${countOf(this.#cut, 'line')} not complete (first: ${this.#firstCut}): the gateway was writing it, or the disk was full`,
      );
    }
    if (this.#others > 0) {
      note(`left out ${countOf(this.#others, 'line')} not of the audit log (first: ${this.#firstOther})`);
    }
    if (this.#shown === 0) note(this.#nothingShown());
  }

  #nothingShown(): string {
    const { modality } = this.#options;
    const read = `no line of ${this.#file === STDIN ? 'stdin' : this.#file}`;
    if (!this.#isFiltered) return `${read}: it is empty`;
    if (modality === undefined || this.#modalities.has(modality)) return `${read} is what you asked for`;
    const nearest = nearestOf(modality, [...this.#modalities]);
    const meant = nearest === undefined ? '' : `; did you mean ${quoteValue(nearest)}?`;
    return `${read} is about ${quoteValue(modality)}${meant}`;
  }

  /** Undefined where it is left out. */
  #textOf(text: string): string | undefined {
    if (canSkip(text, this.#options)) return undefined;
    const { line, json } = parseLine(text);
    if (line === undefined) return this.#otherText(json);
    if (typeof line.modality === 'string' && this.#modalities.size < MAX_NAMES)
      this.#modalities.add(line.modality);
    if (!this.#isWanted(line)) return undefined;
    return this.#options.json === true ? json : (describe(line) ?? escapeControls(json));
  }

  /** Words of the gateway that journald has among the lines, or what a full disk has cut. */
  #otherText(text: string): string | undefined {
    if (text.trim() === '') return undefined;
    const place = `${this.#file === STDIN ? 'stdin' : this.#file}:${this.#lineNumber}`;
    if (text.startsWith('{"time":')) {
      this.#cut += 1;
      this.#firstCut ||= place;
      return undefined;
    }
    if (!this.#isFiltered) return escapeControls(text);
    this.#others += 1;
    this.#firstOther ||= place;
    return undefined;
  }

  #print(texts: readonly string[]): void {
    if (texts.length > 0) this.#context.print(`${texts.join('\n')}\n`);
  }

  #keep(
    { count, texts }: { readonly count: number; readonly texts: string[] },
    added: readonly string[],
  ): void {
    for (const text of added) texts.push(text);
    if (texts.length > 2 * count) texts.splice(0, texts.length - count);
  }
}

/**
 * As the gateway has it on its terminal. Not one line where this is a terminal: then it fits the width. Undefined where
 * somebody else wrote the line, and its fields are not what they seem.
 */
function describe(line: AuditLine): string | undefined {
  const width = process.stdout.isTTY ? process.stdout.columns : undefined;
  try {
    return readableLine(line as TimedEvent, width);
  } catch {
    return undefined;
  }
}
