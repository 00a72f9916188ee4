/**
 * `aegis init`: a first configuration, the certificates and the token that it names. Everything is checked before the
 * first file is written, and what was written goes again where a later file fails.
 */
import { randomBytes } from 'node:crypto';
import { lstatSync } from 'node:fs';
import { mkdir, rm, rmdir } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { inspectTlsFiles } from '../../config/files';
import { generateSchema } from '../../config/generateSchema';
import { parseConfiguration } from '../../config/load';
import { ExitCode, OperatorError } from '../../errors';
import { configuredPath } from '../../files/paths';
import { fileError } from '../../files/systemErrors';
import { type FileToWrite, PUBLIC_MODE, SECRET_MODE, writeFiles } from '../../files/write';
import { authorityFiles, createFolder, openFolder, pemPaths } from '../../pki/folder';
import { SERVER_TARGETS, writeServerCertificates } from '../../pki/folderCertificates';
import type { CommandContext } from '../../terminal/command';
import { escapeUnsafe, safeLines } from '../../text/quote';
import { commandLine } from '../reload/offerReload';
import { type Answers, answersFor, type InitOptions } from './answers';
import { type FirstPaths, firstConfigurationText } from './text';

export async function init(context: CommandContext, options: InitOptions): Promise<void> {
  refuseExisting([options.config]); // Before the questions.
  const answers = await answersFor(context, options);
  const plan = planOf(options, answers);
  refuseExisting(plan.newFiles);
  refuseUnusable(options, answers, plan);
  await writeAll(options, answers, plan);
  context.exit(ExitCode.Done);
  if (options.json === true) {
    const { names, certificates } = answers;
    const facts = { ok: true, file: options.config, names, certificates, written: plan.newFiles };
    context.print(`${JSON.stringify(facts, undefined, 2)}\n`);
    return;
  }
  context.print(safeLines(reportLines(options, answers, plan)));
}

interface Plan {
  readonly text: string;
  readonly tokenFile: string;
  readonly schemaFile: string;
  /** Every file that will be there and is not there yet; the configuration is the last one. */
  readonly newFiles: readonly string[];
}

function planOf({ config, dir }: InitOptions, answers: Answers): Plan {
  const { certificates, files, auditFile, stateDirectory, adminPort } = answers;
  const seen = (path: string) => configuredPath(dirname(config), path);
  const authority = authorityFiles(dir);
  const pairs = SERVER_TARGETS.map(({ fileName }) => pemPaths(dir, fileName));
  const tokenFile = join(dir, 'admin.token');
  const schemaFile = join(dirname(config), 'aegis.schema.json');
  const isNew = certificates === 'new';
  const paths: FirstPaths = {
    certificate: isNew ? pairs.map(([certificate]) => seen(certificate)) : seen(files.certificate),
    privateKey: isNew ? pairs.map(([, privateKey]) => seen(privateKey)) : seen(files.privateKey),
    trustedCertificates: seen(isNew ? authority.certificate : files.ca),
    ...(isNew ? { crl: seen(authority.revocationList) } : {}),
    tokenFile: seen(tokenFile),
    pidFile: seen('aegis.pid'),
    ...(auditFile === undefined ? {} : { auditFile: seen(auditFile) }),
    ...(stateDirectory === undefined ? {} : { stateDirectory: seen(stateDirectory) }),
  };
  return {
    text: firstConfigurationText(answers, paths),
    tokenFile,
    schemaFile,
    newFiles: [
      ...(isNew ? [...Object.values(authority), ...pairs.flat()] : []),
      ...(adminPort === undefined ? [] : [tokenFile]),
      ...(isThere(schemaFile) ? [] : [schemaFile]),
      config,
    ],
  };
}

/** Also what a broken link stands for. Nothing is behind a file that stands where a folder should. */
function isThere(file: string): boolean {
  try {
    return lstatSync(file, { throwIfNoEntry: false }) !== undefined;
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOTDIR') return false;
    throw fileError('read', cause, file, {}, ExitCode.Usage);
  }
}

function refuseExisting(files: readonly string[]): void {
  const existing = files.filter(isThere).map(escapeUnsafe);
  if (existing.length === 0) return;
  throw new OperatorError(
    `${existing.join(', ')} ${existing.length === 1 ? 'exists and was left as it is' : 'exist and were left as they are'}; nothing was written. Move what is not needed away, or name other places with --config and --dir`,
  );
}

/** What does not need the files that will be made: the text itself, and files that are there. */
function refuseUnusable({ config }: InitOptions, { certificates }: Answers, { text }: Plan): void {
  const { configuration, problems, place } = parseConfiguration(text, config);
  const ofFiles =
    configuration === undefined || certificates !== 'files' ? [] : place(inspectTlsFiles(configuration));
  const errors = [...problems, ...ofFiles].filter(({ severity }) => severity === 'error');
  if (errors.length === 0) return;
  // Without the place: nobody sees this text.
  const lines = errors.map(({ path, message }) => escapeUnsafe(`${path} ${message}`));
  throw new OperatorError([...lines, 'nothing was written'].join('\n'));
}

async function writeAll(
  options: InitOptions,
  { certificates, names, adminPort }: Answers,
  plan: Plan,
): Promise<void> {
  const { config, dir } = options;
  const { newFiles, schemaFile, tokenFile, text } = plan;
  let isInterrupted = false;
  const interrupt = () => {
    isInterrupted = true;
  };
  const madeFolders: string[] = [];
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, interrupt);
  const goOn = async () => {
    if (isInterrupted) throw new OperatorError('interrupted; nothing was written', ExitCode.Failed);
  };
  try {
    const isInFolder = certificates === 'new' || adminPort !== undefined;
    if (isInFolder) await makeFolder(dir, 0o700, madeFolders);
    await makeFolder(dirname(config), 0o755, madeFolders);
    if (certificates === 'new') {
      await createFolder(dir, {});
      await goOn();
      const authority = await openFolder(dir, async () => undefined);
      await writeServerCertificates(dir, authority, { names });
      await goOn();
    }
    const token = `${randomBytes(32).toString('hex')}\n`;
    const files: FileToWrite[] = [
      { path: tokenFile, content: token, mode: SECRET_MODE },
      { path: schemaFile, content: generateSchema(), mode: PUBLIC_MODE },
      { path: config, content: text, mode: PUBLIC_MODE },
    ];
    await writeFiles(
      files.filter(({ path }) => newFiles.includes(path)),
      goOn,
    );
  } catch (error) {
    for (const file of newFiles) await rm(file, { force: true }).catch(() => undefined);
    for (const folder of madeFolders.reverse()) await rmdir(folder).catch(() => undefined);
    throw error;
  } finally {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.off(signal, interrupt);
  }
}

/** Each folder that was not there before is put on record as it is made. */
async function makeFolder(folder: string, mode: number, made: string[]): Promise<void> {
  const missing: string[] = [];
  // A drive of Windows that is not there has no folder above it.
  for (let path = resolve(folder); !isThere(path) && !missing.includes(path); path = dirname(path)) {
    missing.push(path);
  }
  // Not `recursive`: on a file system that takes no folders, such as /proc, Node then never comes back.
  for (const path of missing.reverse()) {
    await mkdir(path, { mode }).catch((cause: unknown) => {
      throw fileError('write', cause, path);
    });
    made.push(path);
  }
}

function reportLines(
  options: InitOptions,
  { certificates }: Answers,
  { newFiles, tokenFile }: Plan,
): string[] {
  const { dir, config } = options;
  const row = (label: string, value: string) => `  ${label.padEnd(14)}${value}`;
  const authority = authorityFiles(dir);
  const isNew = certificates === 'new';
  return [
    `wrote ${config}`,
    ...(isNew
      ? [
          row('CA', `${authority.certificate}, its key ca.key and its list ca.crl`),
          row('certificates', `${join(dir, 'server.crt')} (RSA) and ${join(dir, 'server-ecdsa.crt')}`),
        ]
      : []),
    ...(newFiles.includes(tokenFile) ? [row('admin token', tokenFile)] : []),
    ...(isNew
      ? ['', `${authority.privateKey} makes certificates: anyone who reads it can let in any device`]
      : []),
    '',
    'next:',
    ...(certificates === 'later'
      ? ['  send a request to the CA of the hospital: see "listeners" in the file']
      : []),
    `  ${commandLine(options, 'check')}`,
    `  ${commandLine(options, 'modality add')}    (the first device; it asks)`,
    `  ${commandLine(options, 'start')}`,
  ];
}
