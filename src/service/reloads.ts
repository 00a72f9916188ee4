/**
 * Reloads of a running gateway, by a signal or over HTTP: one after the other, so that the last one counts. All or
 * nothing: a configuration that can't be used changes nothing, and the log says why.
 */
import { resolve } from 'node:path';
import type { Monitoring } from '../admin/monitoring';
import type { ReloadReport } from '../admin/statusReport';
import type { LoadedConfiguration } from '../config/load';
import type { Configuration } from '../config/schema';
import type { TlsFileStates } from '../config/tlsFileStates';
import type { ListeningAddress, ReloadOptions, RunningGateway } from '../gateway/gateway';
import type { FileWatch } from './fileWatch';
import { openFilesWarning } from './openFiles';

type Say = (text: string) => void;

export interface Reloadable {
  readonly configuration: Configuration;
  readonly gateway: RunningGateway;
  readonly monitoring: Monitoring;
}

/** Of `aegis start`. */
export interface ReloadsOptions {
  /** Reload by itself when a file changes. */
  readonly watch?: boolean;
  /** What counts where a reload does not say itself. */
  readonly enforce?: boolean;
}

/** The audit log has a line for each reload, not for each of 10,000 rows of a spreadsheet. */
const MAX_CHANGES_TOLD = 50;

interface Known {
  readonly configuration: Configuration;
  readonly files: TlsFileStates;
}

export class Reloads {
  readonly #file: string;
  readonly #options: ReloadsOptions;
  readonly #say: Say;
  readonly #starting: Promise<Reloadable>;
  #last: Promise<unknown>;
  #known: Known | undefined;
  #watch: FileWatch | undefined;
  #isClosed = false;

  /** Reloads wait for the start; where that fails, they reject as it did. */
  constructor(file: string, starting: Promise<Reloadable>, options: ReloadsOptions, say: Say) {
    this.#file = file;
    this.#options = options;
    this.#say = say;
    this.#starting = starting;
    this.#last = starting.then(({ configuration }) => this.#begin(configuration)).catch(() => {});
  }

  inTurn(options: ReloadOptions = {}): Promise<ReloadReport> {
    const reloaded = this.#last.then(async () => await this.#reload(await this.#starting, options));
    this.#last = reloaded.catch(() => {});
    return reloaded;
  }

  close(): void {
    this.#isClosed = true;
    this.#watch?.close();
  }

  async #begin(configuration: Configuration): Promise<void> {
    const { readTlsFileStates } = await import('../config/tlsFileStates');
    this.#known = { configuration, files: readTlsFileStates(configuration) };
    if (this.#options.watch !== true || this.#isClosed) return;
    const { FileWatch } = await import('./fileWatch');
    const files = await this.#watchedFiles(configuration);
    this.#watch = new FileWatch(files, () => {
      this.#say('a file has changed');
      this.inTurn().catch(() => {});
    });
    this.#say(`watching ${files.length === 1 ? 'the configuration file' : `${files.length} files`}`);
  }

  async #watchedFiles(configuration: Configuration): Promise<string[]> {
    const { watchedFiles } = await import('../config/tlsFileStates');
    return [this.#file, ...watchedFiles(configuration)];
  }

  async #reload({ gateway, monitoring }: Reloadable, options: ReloadOptions): Promise<ReloadReport> {
    const { loadConfiguration, textSha256 } = await import('../config/load');
    const { enforce = this.#options.enforce ?? false } = options;
    const file = resolve(this.#file);
    const addresses = gateway.addresses;
    // What changes while it is being read, will be noticed afterwards.
    const filesRead = this.#watch?.states() ?? new Map();
    let loaded: LoadedConfiguration;
    let ended: number;
    try {
      loaded = loadConfiguration(this.#file);
      const takeOver = monitoring.prepareReload(loaded.configuration);
      ({ ended } = await gateway.reload(loaded.configuration, { enforce }));
      takeOver();
    } catch (error) {
      const detail = error instanceof Error ? error.message : String(error);
      monitoring.record({ event: 'configuration.rejected', outcome: 'failed', detail });
      this.#say(`${this.#file} was not reloaded, the running configuration stays:\n${detail}`);
      return { isReloaded: false, file, problems: this.#withAbsoluteFile(await problemsOf(error)) };
    }
    const changes = await this.#changes(loaded.configuration, monitoring);
    this.#watch?.replace(await this.#watchedFiles(loaded.configuration), filesRead);
    const told = [...changes, ...(ended === 0 ? [] : [`associations ended: ${ended}`])];
    const detail = told.length === 0 ? 'nothing has changed' : shorten(told).join('; ');
    monitoring.record({ event: 'configuration.reloaded', outcome: 'info', detail });
    this.#say(`${this.#file} was reloaded${told.length === 0 ? ', nothing has changed' : ''}`);
    for (const line of shorten(told)) this.#say(`  ${line}`);
    await this.#sayAddresses(addresses, gateway.addresses);
    const problems = this.#withAbsoluteFile(await warn(loaded, this.#say));
    return { isReloaded: true, file, sha256: textSha256(loaded.text), problems, changes, ended };
  }

  /** Whoever asks over HTTP is in another directory. Problems may also be in an environment variable. */
  #withAbsoluteFile(problems: ReloadReport['problems']): ReloadReport['problems'] {
    return problems.map((problem) =>
      problem.file === this.#file ? { ...problem, file: resolve(this.#file) } : problem,
    );
  }

  /** What is different from what was known; that is what is known from now on. */
  async #changes(configuration: Configuration, monitoring: Monitoring): Promise<string[]> {
    const { describeChanges } = await import('../config/changes');
    const { describeFileChanges, readTlsFileStates } = await import('../config/tlsFileStates');
    const before = this.#known;
    const files = readTlsFileStates(configuration);
    this.#known = { configuration, files };
    if (before === undefined) return [];
    const fileChanges = describeFileChanges(before.files, files);
    for (const detail of fileChanges) {
      monitoring.record({ event: 'certificate.reloaded', outcome: 'info', detail });
    }
    return [...describeChanges(before.configuration, configuration), ...fileChanges];
  }

  async #sayAddresses(
    before: readonly ListeningAddress[],
    after: readonly ListeningAddress[],
  ): Promise<void> {
    const { describeAddresses } = await import('../gateway/lifeEvents');
    const [known, open] = [describeAddresses(before), describeAddresses(after)];
    for (const address of open) if (!known.includes(address)) this.#say(`listening on ${address}`);
    for (const address of known) if (!open.includes(address)) this.#say(`no longer listening on ${address}`);
  }
}

function shorten(lines: readonly string[]): readonly string[] {
  if (lines.length <= MAX_CHANGES_TOLD) return lines;
  return [...lines.slice(0, MAX_CHANGES_TOLD), `and ${lines.length - MAX_CHANGES_TOLD} more`];
}

async function problemsOf(error: unknown): Promise<ReloadReport['problems']> {
  const { ConfigurationError } = await import('../text/problems');
  if (error instanceof ConfigurationError) return error.problems;
  return [{ message: error instanceof Error ? error.message : String(error), severity: 'error' }];
}

/** What does not keep the gateway from starting: an expired certificate still serves peers that do not look. */
export async function warn({ configuration, problems, place }: LoadedConfiguration, say: Say) {
  const { inspectTlsFiles } = await import('../config/files');
  const { formatProblem } = await import('../text/problems');
  const expiring = place(inspectTlsFiles(configuration)).filter(({ kind }) => kind === 'expiry');
  const all = [...problems, ...expiring];
  for (const problem of all) say(`warning: ${formatProblem(problem)}`);
  const openFiles = openFilesWarning(configuration.limits.maxAssociations);
  if (openFiles !== undefined) say(`warning: ${openFiles}`);
  return all;
}
