/**
 * The work of `aegis support-bundle`: gathers texts, each of which may fail for itself, and writes one new file. Opens no
 * private key.
 */
import { rm } from 'node:fs/promises';
import { availableParallelism, freemem, release, version as systemVersion, totalmem, type } from 'node:os';
import { version } from '../../package.json';
import { linesFromTheEnd } from '../audit/lastSeen';
import { readConfiguration } from '../config/load';
import type { Configuration } from '../config/schema';
import { PUT_IN_PLACE, secretsIn, withoutSecrets } from '../config/withoutSecrets';
import { fileError } from '../files/systemErrors';
import { type TarEntry, tarGzip } from '../files/tar';
import { openNew } from '../files/write';
import { parseAuditLine } from '../observe/auditLines';
import type { CommandContext, GlobalOptions } from '../terminal/command';
import { escapeUnsafe } from '../text/quote';
import { askedGateway } from './askedGateway';
import { check } from './findProblems';

interface BundleOptions extends GlobalOptions {
  readonly url?: string;
}

const MAX_LINES = 1000;

export async function makeBundle(
  context: CommandContext,
  options: BundleOptions,
  file: string,
): Promise<void> {
  const failed = (cause: unknown): never => {
    throw fileError('write', cause, file);
  };
  // First: nobody waits for a bundle that cannot be written.
  const handle = await openNew(file);
  try {
    const entries = await gather(options);
    const now = new Date();
    await handle.writeFile(tarGzip([readMe(entries, now), ...entries], now)).catch(failed);
    if (options.json === true) {
      context.print(`${JSON.stringify({ file, entries: entries.map(({ name }) => name) })}\n`);
      return;
    }
    context.print(
      `${[
        `${escapeUnsafe(file)} was written, for your account alone:`,
        ...entries.map(({ name, content }) => `  ${name.padEnd(20)} ${firstWords(content)}`),
        'names, AE titles, addresses and UIDs are in it: look at it before you send it',
      ].join('\n')}\n`,
    );
  } catch (error) {
    await rm(file, { force: true });
    throw error;
  } finally {
    await handle.close();
  }
}

async function gather(options: BundleOptions): Promise<TarEntry[]> {
  const configuration = attempt(() => readConfiguration(options.config).configuration);
  const isRead = typeof configuration === 'object';
  const secrets = isRead ? secretsIn(configuration) : [];
  const entries = [
    { name: 'versions.txt', content: versions() },
    {
      name: 'configuration.json',
      content: isRead
        ? json(withoutSecrets(configuration))
        : `not read: ${configuration ?? 'it has errors'}\n`,
    },
    { name: 'check.txt', content: await checkText(options) },
    ...(await ofGateway(options)),
    { name: 'audit.jsonl', content: isRead ? lastLines(configuration) : 'not read: no configuration\n' },
  ];
  // An older version wrote a token into the log where a reload changed it.
  return entries.map(({ name, content }) => ({
    name,
    content: secrets.reduce((text, secret) => text.replaceAll(secret, PUT_IN_PLACE), content),
  }));
}

function versions(): string {
  return `${[
    `aegis ${version}`,
    `node ${process.version}, OpenSSL ${process.versions.openssl}, V8 ${process.versions.v8}`,
    `${type()} ${release()} ${process.arch}: ${systemVersion()}`,
    `${availableParallelism()} cores, ${mebibytes(totalmem())} MiB of memory, ${mebibytes(freemem())} MiB free`,
  ].join('\n')}\n`;
}

function mebibytes(bytes: number): number {
  return Math.round(bytes / 1024 / 1024);
}

async function checkText({ config }: BundleOptions): Promise<string> {
  let text = '';
  const add = (more: string) => {
    text += more;
  };
  try {
    await check({ print: add, printError: add, exit: () => {} }, { config, offline: true });
  } catch (error) {
    add(`${(error as Error).message}\n`);
  }
  return text;
}

/** What a gateway that runs says of itself; why not, where it says nothing. */
async function ofGateway(options: BundleOptions): Promise<TarEntry[]> {
  const ask = async (question: (client: ReturnType<typeof askedGateway>) => Promise<string>) => {
    try {
      return await question(askedGateway(options));
    } catch (error) {
      return `not read: ${(error as Error).message}\n`;
    }
  };
  return [
    { name: 'status.json', content: await ask(async (client) => json(await client.status())) },
    { name: 'metrics.txt', content: await ask((client) => client.metrics()) },
    { name: 'errors.json', content: await ask(async (client) => json(await client.errors())) },
  ];
}

function lastLines({ audit }: Configuration): string {
  if (audit.file === undefined)
    return 'not read: audit.file is not configured, so the log is on stdout only\n';
  const { file } = audit;
  const tail = attempt(() => tailOf(file));
  if (!Array.isArray(tail)) return `not read: ${tail}\n`;
  return tail
    .filter((line) => parseAuditLine(line) !== undefined)
    .map((line) => `${line}\n`)
    .join('');
}

function tailOf(file: string): string[] {
  const lines: string[] = [];
  for (const line of linesFromTheEnd(file)) if (lines.push(line) === MAX_LINES) break;
  return lines.reverse();
}

function attempt<T>(read: () => T): T | string {
  try {
    return read();
  } catch (error) {
    return (error as Error).message;
  }
}

function json(value: unknown): string {
  return `${JSON.stringify(value, undefined, 2)}\n`;
}

function readMe(entries: readonly TarEntry[], now: Date): TarEntry {
  const content = [
    `Made by "aegis support-bundle" at ${now.toISOString()}.`,
    'No tokens, passwords, private keys or patient data are in it.',
    'Names of modalities, AE titles, addresses and UIDs are.',
    '',
    ...entries.map(({ name }) => name),
  ];
  return { name: 'README.txt', content: `${content.join('\n')}\n` };
}

/** Why it is not there, or how long it is. */
function firstWords(content: string): string {
  const [line = ''] = content.split('\n', 1);
  return line.startsWith('not read: ')
    ? escapeUnsafe(line.slice(0, 200))
    : `${Buffer.byteLength(content)} bytes`;
}
