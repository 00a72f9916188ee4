/**
 * Reloads of a running gateway, by a signal, over HTTP or because a file has changed: one after the other, so that the
 * last one counts. All or nothing: a configuration that cannot be used changes nothing, and the log says why. What a
 * reload does in the gateway is not known here.
 */
import { resolve } from 'node:path';
import type { Monitoring } from '../admin/monitoring';
import type { ReloadReport } from '../admin/statusReport';
import type { AuditExport } from '../atna/auditExport';
import type { AuditLog } from '../audit/auditLog';
import type { ReloadRequester } from '../audit/events';
import { describeChanges } from '../config/changes';
import {
  type ConfigurationReading,
  type LoadedConfiguration,
  readConfiguration,
  textSha256,
  withoutErrors,
} from '../config/load';
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
import type { ListRefresh } from './listRefresh';
import type { ModalityLocks } from './modalityLocks';
import type { PidFile } from './pidFile';
import type { Systemd } from './systemd';
import { type Say, warn } from './warnings';

export interface Reloadable {
  readonly configuration: Configuration;
  readonly gateway: RunningGateway;
  readonly monitoring: Monitoring;
  readonly pidFile: Pick<PidFile, 'moveTo'>;
  readonly audit: Pick<AuditLog, 'reopen' | 'replace'>;
  readonly auditExport: Pick<AuditExport, 'prepareReload'>;
  readonly lists: Pick<ListRefresh, 'prepare'>;
  readonly locks: Pick<ModalityLocks, 'reread'>;
  readonly systemd?: Pick<Systemd, 'reloading' | 'reloaded'> | undefined;
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

  inTurn(
    options: ReloadOptions = {},
    requestedBy: ReloadRequester = { by: 'signal' },
  ): Promise<ReloadReport> {
    const reloaded = this.#last.then(async () => {
      const running = await this.#starting;
      running.systemd?.reloading();
      let problems = 1;
      try {
        const report = await this.#reload(running, options, requestedBy);
        problems = report.isReloaded ? 0 : report.problems.length;
        return report;
      } finally {
        // Whatever came of it: systemd waits for the word.
        running.systemd?.reloaded(problems);
      }
    });
    this.#last = reloaded.catch(() => {});
    return reloaded;
  }

  /** Takes over revocation lists that were fetched. The configuration stays what it is, whatever its file holds now. */
  takeOverLists(): Promise<void> {
    const taken = this.#last.then(async () => {
      const { gateway, monitoring, auditExport } = await this.#starting;
      if (this.#known === undefined) throw new Error('the gateway has not started');
      const { configuration } = this.#known;
      const takeOver = monitoring.prepareReload(configuration);
      const takeOverExport = await auditExport.prepareReload(configuration);
      await gateway.reload(configuration, { enforce: this.#options.enforce ?? false });
      takeOver();
      takeOverExport();
    });
    this.#last = taken.catch(() => {});
    return taken;
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
      this.inTurn({}, { by: 'watch' }).catch(() => {});
    });
    this.#say(`watching ${files.length === 1 ? 'the configuration file' : `${files.length} files`}`);
  }

  #watchedFiles(configuration: Configuration): string[] {
    return [this.#file, ...watchedFiles(configuration)];
  }

  async #reload(
    { gateway, monitoring, pidFile, audit, auditExport, lists, locks }: Reloadable,
    options: ReloadOptions,
    requestedBy: ReloadRequester,
  ): Promise<ReloadReport> {
    // Whatever becomes of the configuration: logrotate may have moved the file, and asks in the same way.
    audit.reopen();
    await locks.reread();
    const { enforce = this.#options.enforce ?? false } = options;
    const file = resolve(this.#file);
    const addresses = gateway.addresses;
    // A file that changes while it is read will be noticed afterwards.
    const filesRead = this.#watch?.states() ?? new Map();
    let reading: ConfigurationReading | undefined;
    let loaded: LoadedConfiguration;
    let ended: number;
    try {
      reading = readConfiguration(this.#file);
      loaded = withoutErrors(reading);
      const takeOverLists = await lists.prepare(loaded.configuration, true);
      const takeOver = monitoring.prepareReload(loaded.configuration);
      const takeOverExport = await auditExport.prepareReload(loaded.configuration);
      ({ ended } = await gateway.reload(loaded.configuration, { enforce }));
      takeOver();
      takeOverLists();
      takeOverExport();
      audit.replace(loaded.configuration.audit);
    } catch (error) {
      const detail = error instanceof Error ? error.message : String(error);
      monitoring.record({
        event: 'configuration.rejected',
        outcome: 'failed',
        detail,
        sha256: reading && textSha256(reading.text),
        requestedBy,
        changes: shorten(this.#changesOf(reading)),
      });
      this.#say(`${this.#file} was not reloaded, the running configuration stays:\n${detail}`);
      return { isReloaded: false, file, problems: this.#withAbsoluteFile(problemsOf(error)) };
    }
    await pidFile.moveTo(loaded.configuration.pidFile);
    const changes = this.#changes(loaded.configuration, monitoring);
    this.#watch?.replace(this.#watchedFiles(loaded.configuration), filesRead);
    const lines = [...changes, ...(ended === 0 ? [] : [`associations ended: ${ended}`])];
    const detail = lines.length === 0 ? 'nothing has changed' : shorten(lines).join('; ');
    const sha256 = textSha256(loaded.text);
    monitoring.record({
      event: 'configuration.reloaded',
      outcome: 'info',
      detail,
      sha256,
      requestedBy,
      changes: shorten(changes),
    });
    this.#say(`${this.#file} was reloaded${lines.length === 0 ? ', nothing has changed' : ''}`);
    for (const line of shorten(lines)) this.#say(`  ${line}`);
    this.#sayAddresses(addresses, gateway.addresses);
    const problems = this.#withAbsoluteFile(warn(loaded, this.#say));
    return { isReloaded: true, file, sha256, problems, changes, ended };
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

  /** What a file would have changed that was refused; nothing where it could not be understood as a whole. */
  #changesOf(reading: ConfigurationReading | undefined): string[] {
    if (reading?.configuration === undefined || reading.isPartial || this.#known === undefined) return [];
    return describeChanges(this.#known.configuration, reading.configuration);
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
