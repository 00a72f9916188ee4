/**
 * Reloads of a running gateway, by a signal, over HTTP or because a file has changed: one after the other, so that the
 * last one counts. All or nothing: a configuration that cannot be used changes nothing, and the log says why. What a
 * reload does in the gateway is not known here.
 */
import { resolve } from 'node:path';
import type { Monitoring } from '../admin/monitoring';
import type { ReloadReport } from '../admin/statusReport';
import type { AuditLog } from '../audit/auditLog';
import { describeChanges } from '../config/changes';
import { type LoadedConfiguration, loadConfiguration, textSha256 } from '../config/load';
import type { Configuration } from '../config/schema';
import {
  describeFileChanges,
  readTlsFileStates,
  type TlsFileStates,
  watchedFiles,
} from '../config/tlsFileStates';
import { describeAddresses } from '../gateway/lifeEvents';
import type { ListeningAddress, ReloadOptions, RunningGateway } from '../gateway/runningGateway';
import { ConfigurationError } from '../text/problems';
import { FileWatch } from './fileWatch';
import type { ModalityLocks } from './modalityLocks';
import type { PidFile } from './pidFile';
import { type Say, warn } from './warnings';

export interface Reloadable {
  readonly configuration: Configuration;
  readonly gateway: RunningGateway;
  readonly monitoring: Monitoring;
  readonly pidFile: Pick<PidFile, 'moveTo'>;
  readonly audit: Pick<AuditLog, 'reopen' | 'replace'>;
  readonly locks: Pick<ModalityLocks, 'reread'>;
}

/** Of `aegis start`. */
export interface ReloadsOptions {
  /** Reload without being asked when a file changes. */
  readonly watch?: boolean;
  /** What counts where a reload does not say itself. */
  readonly enforce?: boolean;
}

/** The audit log has a line for each reload, not for each of 10,000 rows of a spreadsheet. */
const MAX_CHANGES_LISTED = 50;

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

  #begin(configuration: Configuration): void {
    this.#known = { configuration, files: readTlsFileStates(configuration) };
    if (this.#options.watch !== true || this.#isClosed) return;
    const files = this.#watchedFiles(configuration);
    this.#watch = new FileWatch(files, () => {
      this.#say('a file has changed');
      this.inTurn().catch(() => {});
    });
    this.#say(`watching ${files.length === 1 ? 'the configuration file' : `${files.length} files`}`);
  }

  #watchedFiles(configuration: Configuration): string[] {
    return [this.#file, ...watchedFiles(configuration)];
  }

  async #reload(
    { gateway, monitoring, pidFile, audit, locks }: Reloadable,
    options: ReloadOptions,
  ): Promise<ReloadReport> {
    // Whatever becomes of the configuration: logrotate may have moved the file, and asks in the same way.
    audit.reopen();
    await locks.reread();
    const { enforce = this.#options.enforce ?? false } = options;
    const file = resolve(this.#file);
    const addresses = gateway.addresses;
    // A file that changes while it is read will be noticed afterwards.
    const filesRead = this.#watch?.states() ?? new Map();
    let loaded: LoadedConfiguration;
    let ended: number;
    try {
      loaded = loadConfiguration(this.#file);
      const takeOver = monitoring.prepareReload(loaded.configuration);
      ({ ended } = await gateway.reload(loaded.configuration, { enforce }));
      takeOver();
      audit.replace(loaded.configuration.audit);
    } catch (error) {
      const detail = error instanceof Error ? error.message : String(error);
      monitoring.record({ event: 'configuration.rejected', outcome: 'failed', detail });
      this.#say(`${this.#file} was not reloaded, the running configuration stays:\n${detail}`);
      return { isReloaded: false, file, problems: this.#withAbsoluteFile(problemsOf(error)) };
    }
    await pidFile.moveTo(loaded.configuration.pidFile);
    const changes = this.#changes(loaded.configuration, monitoring);
    this.#watch?.replace(this.#watchedFiles(loaded.configuration), filesRead);
    const lines = [...changes, ...(ended === 0 ? [] : [`associations ended: ${ended}`])];
    const detail = lines.length === 0 ? 'nothing has changed' : shorten(lines).join('; ');
    monitoring.record({ event: 'configuration.reloaded', outcome: 'info', detail });
    this.#say(`${this.#file} was reloaded${lines.length === 0 ? ', nothing has changed' : ''}`);
    for (const line of shorten(lines)) this.#say(`  ${line}`);
    this.#sayAddresses(addresses, gateway.addresses);
    const problems = this.#withAbsoluteFile(warn(loaded, this.#say));
    return { isReloaded: true, file, sha256: textSha256(loaded.text), problems, changes, ended };
  }

  /** A client of the HTTP is in another directory. A problem can also be in an environment variable. */
  #withAbsoluteFile(problems: ReloadReport['problems']): ReloadReport['problems'] {
    return problems.map((problem) =>
      problem.file === this.#file ? { ...problem, file: resolve(this.#file) } : problem,
    );
  }

  /** What is different from what was known. Remembers the new configuration for the next time. */
  #changes(configuration: Configuration, monitoring: Monitoring): string[] {
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

  #sayAddresses(before: readonly ListeningAddress[], after: readonly ListeningAddress[]): void {
    const [known, open] = [describeAddresses(before), describeAddresses(after)];
    for (const address of open) if (!known.includes(address)) this.#say(`listening on ${address}`);
    for (const address of known) if (!open.includes(address)) this.#say(`no longer listening on ${address}`);
  }
}

function shorten(lines: readonly string[]): readonly string[] {
  if (lines.length <= MAX_CHANGES_LISTED) return lines;
  return [...lines.slice(0, MAX_CHANGES_LISTED), `and ${lines.length - MAX_CHANGES_LISTED} more`];
}

function problemsOf(error: unknown): ReloadReport['problems'] {
  if (error instanceof ConfigurationError) return error.problems;
  return [{ message: error instanceof Error ? error.message : String(error), severity: 'error' }];
}
