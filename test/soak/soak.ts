/**
 * The soak: rounds of load, each with a fault or two, and after each everything is counted: what was acknowledged is
 * stored, what the log says is what peers were answered, nothing is left open, and everybody is served. Owns the order of a
 * round and the findings; the report is report.ts's.
 */
import { renameSync, rmSync } from 'node:fs';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import { Random } from '../fuzz/random';
import { CommandField } from '../support/dicomBytes';
import type { AuditLine } from '../support/gatewayProcess';
import { waitFor } from '../support/waiting';
import { takeFailures } from './archives';
import { allFaults, type Fault } from './faults';
import { Hospital } from './hospital';
import { disagreements, type Harm, type Stored, type Target } from './ledger';
import { Modalities } from './modalities';
import { pause } from './pause';
import { type Line, parsedLine } from './soakedGateway';

export interface SoakOptions {
  readonly seed: number;
  readonly workers: number;
  readonly node: string;
  /** Only faults whose names have this text. */
  readonly only?: string;
  /** For a test that runs with all others: faults are short, and long ones are left out. */
  readonly isShort?: boolean;
}

export interface Finding {
  readonly round: number;
  readonly faults: readonly string[];
  readonly what: string;
  /** The longest time in this round that this process, which does nothing for long, had to wait for a processor. */
  waitedMs: number;
}

/** Bytes of memory at the end of each round, of the first process and of the largest worker. */
export interface MemorySample {
  readonly primaryBytes: number;
  readonly workerBytes: number;
}

export interface FaultCount {
  times: number;
  /** Until everybody was served again, at most. */
  longestRecoveryMs: number;
}

const WARM_UP_MS = 500;
const AFTER_MS = 300;
/** Every timer of the gateway has run out by then. */
const SERVED_DEADLINE_MS = 30_000;
const SETTLED_DEADLINE_MS = 20_000;
const LINES_DEADLINE_MS = 5000;
/** Half of the shortest time that the gateway waits for a peer. */
const MAX_WAIT_MS = 2500;
const MAX_ATTEMPTS = 3;
/** Longer than every wait in a step: whatever still runs then hangs. */
const STEP_DEADLINE_MS = 60_000;
/** The handles of an accept or of a health probe that is under way. */
const SPARE_SOCKETS = 2;
const SPARE_TIMERS = 3;
/** Each round says no more of its kind. */
const MAX_FINDINGS_A_ROUND = 10;

export class Soak {
  readonly #hospital: Hospital;
  readonly #modalities: Modalities;
  /** Of the faults alone: the load takes numbers of its own, so that the seed repeats the order of the faults. */
  readonly #random: Random;
  readonly #options: SoakOptions;
  readonly findings: Finding[] = [];
  readonly memory: MemorySample[] = [];
  readonly countByFault = new Map<string, FaultCount>();
  readonly stored: Record<Target, number> = { ORTHANC: 0, ARCHIVE: 0 };
  acknowledged = 0;
  associations = 0;
  linesChecked = 0;
  moved = 0;
  rounds = 0;
  #baseline: { readonly sockets: readonly number[]; readonly timers: number } | undefined;
  #now: readonly string[] = [];
  readonly #delay = monitorEventLoopDelay();

  private constructor(hospital: Hospital, options: SoakOptions) {
    this.#hospital = hospital;
    this.#modalities = new Modalities(hospital, options.seed + 2);
    this.#random = new Random(options.seed);
    this.#options = options;
  }

  static async open(options: SoakOptions): Promise<Soak> {
    const hospital = await Hospital.open(options);
    const soak = new Soak(hospital, options);
    soak.#watchWorkstation();
    // Twice: the first one loads what is loaded on first use.
    await soak.round([]);
    await soak.round([]);
    soak.#baseline = await soak.#held();
    return soak;
  }

  get operations(): ReadonlyMap<string, { readonly sent: number; readonly answered: number }> {
    return this.#modalities.counts;
  }

  /** In words, for the line of progress. */
  get progress(): string {
    const now = this.#now.length === 0 ? 'no fault' : this.#now.join(' and ');
    return `round ${this.rounds}: ${now}; ${this.associations} associations, ${this.acknowledged} stored, ${this.findings.length} findings`;
  }

  /** Faults that cannot happen here, each with the reason. */
  get missing(): { readonly name: string; readonly why: string }[] {
    return allFaults.flatMap(({ name, missing }) => {
      const why = missing?.(this.#scene, this.#options.workers);
      return why === undefined ? [] : [{ name, why }];
    });
  }

  get #possible(): Fault[] {
    const missing = new Set(this.missing.map(({ name }) => name));
    return allFaults.filter(({ name }) => !missing.has(name) && name.includes(this.#options.only ?? ''));
  }

  get #scene() {
    const { isShort = false } = this.#options;
    return { hospital: this.#hospital, modalities: this.#modalities, random: this.#random, isShort };
  }

  /** Rounds until it is over. Each kind of fault comes before any comes again; every third round has two at once. */
  async run(isOver: () => boolean): Promise<void> {
    let left: Fault[] = [];
    const next = () => {
      if (left.length === 0) left = this.#possible;
      return left.splice(this.#random.below(left.length), 1)[0]!;
    };
    while (!isOver()) {
      const faults = [next()];
      if (this.#random.below(3) === 0) faults.push(next());
      await this.round(faults);
    }
  }

  /** One round of each kind, up to the first that finds something. */
  async runEachOnce(): Promise<void> {
    for (const fault of this.#possible) {
      if (this.findings.length > 0) return;
      if (!(this.#options.isShort && fault.isLong)) await this.#fairRound([fault]);
    }
  }

  /** Again where this process itself had to wait longer than the gateway does: nobody is at fault then. */
  async #fairRound(faults: readonly Fault[]): Promise<void> {
    for (let attempt = 1; attempt < MAX_ATTEMPTS; attempt += 1) {
      const firstFinding = this.findings.length;
      if ((await this.round(faults)) < MAX_WAIT_MS || this.findings.length === firstFinding) return;
      this.findings.splice(firstFinding);
    }
    await this.round(faults);
  }

  /** Gives the longest time, in ms, that this process had to wait for a processor. */
  async round(faults: readonly Fault[]): Promise<number> {
    this.#now = faults.map(({ name }) => name);
    this.#delay.reset();
    this.#delay.enable();
    const firstFinding = this.findings.length;
    this.#modalities.start();
    await pause(WARM_UP_MS);
    await Promise.all(faults.map((fault) => this.#happen(fault)));
    const fromMs = performance.now();
    await this.#attempt('everybody is served again', () =>
      waitFor('', () => this.#modalities.areServed(), SERVED_DEADLINE_MS),
    );
    const recoveryMs = performance.now() - fromMs;
    await pause(AFTER_MS);
    await this.#attempt('every modality goes', () => this.#modalities.stop());
    await this.#attempt('the gateway is ready and healthy', async () => {
      const { gateway } = this.#hospital;
      if (!(await gateway.isHealthy())) throw new Error('/healthz does not answer 200');
      await waitFor('/readyz: 200', () => gateway.isReady());
    });
    await this.#settle();
    await this.#reconcile(faults);
    for (const { name } of faults) {
      const count = this.countByFault.get(name) ?? { times: 0, longestRecoveryMs: 0 };
      count.times += 1;
      count.longestRecoveryMs = Math.max(count.longestRecoveryMs, recoveryMs);
      this.countByFault.set(name, count);
    }
    this.rounds += 1;
    this.findings.splice(firstFinding + MAX_FINDINGS_A_ROUND);
    const waitedMs = Math.round(this.#delay.max / 1e6);
    for (const finding of this.findings.slice(firstFinding)) finding.waitedMs = waitedMs;
    return waitedMs;
  }

  async #happen(fault: Fault): Promise<void> {
    await this.#attempt(`${fault.name} happens and is undone`, () => fault.happen(this.#scene));
  }

  async #attempt(what: string, attempt: () => Promise<unknown>): Promise<void> {
    try {
      await inTime(attempt());
    } catch (error) {
      this.#find(`it was not so that ${what}: ${(error as Error).message}`);
    }
  }

  #find(what: string): void {
    this.findings.push({ round: this.rounds, faults: this.#now, what, waitedMs: 0 });
  }

  /** Sub-operations of C-MOVEs of Orthanc, which come through egress. */
  #watchWorkstation(): void {
    const { workstation, keptByUid } = this.#hospital;
    workstation.script = {
      onRequest: (connection, request) => {
        const { CommandField: field, AffectedSOPInstanceUID: uid = '' } = request.command;
        if (field === CommandField.CStoreRq) {
          this.moved += 1;
          if (keptByUid.get(uid) !== request.sha256) this.#find(`a C-MOVE brought other bytes of ${uid}`);
        }
        connection.respond(request);
      },
    };
  }

  /** No association is open, and nothing is held that was not held before the first fault. */
  async #settle(): Promise<void> {
    const { gateway } = this.#hospital;
    await this.#attempt('every association ends', () =>
      waitFor(
        'the end of every association',
        async () => (await gateway.metric('aegis_associations_active')) === 0,
        SETTLED_DEADLINE_MS,
      ),
    );
    const baseline = this.#baseline;
    if (baseline !== undefined) {
      let held = await this.#held();
      const isSettled = async () => {
        held = await this.#held();
        return (
          held.timers <= baseline.timers + SPARE_TIMERS &&
          held.sockets.every((count, index) => count <= baseline.sockets[index]! + SPARE_SOCKETS)
        );
      };
      await this.#attempt('no socket and no timer is left', () =>
        waitFor(
          () => `${JSON.stringify(baseline)}; there are ${JSON.stringify(held)}`,
          isSettled,
          SETTLED_DEADLINE_MS,
        ),
      );
    }
    const [primary, ...workers] = gateway.held().map(({ residentBytes }) => residentBytes);
    this.memory.push({ primaryBytes: primary!, workerBytes: Math.max(0, ...workers) });
  }

  async #held() {
    const { gateway } = this.#hospital;
    return {
      sockets: gateway.held().map(({ sockets }) => sockets),
      timers: await gateway.metric('nodejs_active_resources', 'type="Timeout"'),
    };
  }

  async #reconcile(faults: readonly Fault[]): Promise<void> {
    const { archive, storage, gateway, workstation } = this.#hospital;
    const wasKilled = faults.some(({ kills }) => kills === true);
    const { associations, faults: wrong } = this.#modalities.take();
    const stored = {
      ORTHANC: this.#withoutLink(await storage.take()),
      ARCHIVE: this.#withoutLink(archive.take()),
    };
    const harms = new Set<Harm>(faults.map((fault) => fault.harms));
    const lines: Line[] = [];
    const found = async () => {
      lines.push(...gateway.takeLines());
      const { missing, isWrong } = this.#compare(lines, wasKilled);
      const all = lines.map(({ parsed }) => parsed).concat(missing);
      return [...disagreements({ associations, stored, lines: all, harms, wasKilled }), ...isWrong];
    };
    let left = await found();
    // Lines are written before answers, but those of stdout come through a pipe of their own.
    const deadlineMs = performance.now() + LINES_DEADLINE_MS;
    while (left.length > 0 && performance.now() < deadlineMs) {
      await pause(100);
      left = await found();
    }
    for (const what of [...left, ...wrong, ...archive.failures(), ...takeFailures(workstation)])
      this.#find(what);
    for (const text of gateway.rubbish.splice(0)) this.#find(`stdout has what is not a line: ${text}`);
    for (const { parsed } of lines) {
      if (parsed.reason === 'gateway-error') this.#find(`a defect of the gateway: ${parsed.detail}`);
    }
    if (/defect of the gateway/.test(gateway.stderr)) this.#find(gateway.stderr);
    this.#count(associations, stored, lines.length);
    await this.#moveFile();
  }

  /**
   * The audit log file has the lines of stdout, less those that `audit.resumed` counts. Gives the lines that only the file
   * has: a process that was killed had written them there, and not to stdout, whose reader was slow.
   */
  #compare(lines: readonly Line[], wasKilled: boolean) {
    const { auditFileText } = this.#hospital;
    const inFile = new Set(auditFileText.split('\n').filter((text) => text !== ''));
    const onStdout = new Set(lines.map(({ text }) => text));
    const expected = lines
      .filter(({ parsed }) => isGapOfFile(parsed))
      .reduce((sum, { parsed }) => sum + Number(parsed.count), 0);
    const count = [...onStdout].filter((text) => !inFile.has(text)).length;
    // A disk that runs full may keep half of a line.
    const missing = [...inFile].filter(
      (text) => !onStdout.has(text) && (expected === 0 || text.endsWith('}')),
    );
    const isWrong = [];
    if (count !== expected)
      isWrong.push(`${count} lines are not in the audit log file; the log itself says ${expected}`);
    if (!wasKilled && missing.length > 0)
      isWrong.push(`${missing.length} lines are in the audit log file only`);
    return { missing: wasKilled ? missing.map((text) => parsedLine(text).parsed) : [], isWrong };
  }

  /** As logrotate does: the file is moved away, and the gateway asked to open a new one. */
  async #moveFile(): Promise<void> {
    const { gateway, auditFile } = this.#hospital;
    const moved = `${auditFile}.moved`;
    await this.#attempt('the audit log file is opened again', async () => {
      renameSync(auditFile, moved);
      gateway.signal('SIGHUP');
      await gateway.until('a reload', () => gateway.countOf('configuration.reloaded') > 0);
    });
    rmSync(moved);
  }

  #count(
    associations: ReturnType<Modalities['take']>['associations'],
    stored: Readonly<Record<Target, readonly Stored[]>>,
    lineCount: number,
  ): void {
    this.associations += associations.length;
    this.linesChecked += lineCount;
    for (const { operations } of associations) {
      this.acknowledged += operations.filter(
        ({ instance, status }) => instance !== undefined && status === 0,
      ).length;
    }
    for (const target of ['ORTHANC', 'ARCHIVE'] as const) this.stored[target] += stored[target].length;
  }

  /** What the sender behind the link stored, again and again, must be whole. */
  #withoutLink(stored: readonly Stored[]): Stored[] {
    const { linkShaByUid } = this.#hospital;
    return stored.filter(({ uid, sha256 }) => {
      const expected = linkShaByUid.get(uid);
      if (expected !== undefined && expected !== sha256)
        this.#find(`other bytes of ${uid} came over the link`);
      return expected === undefined;
    });
  }
}

function isGapOfFile({ event, detail }: AuditLine): boolean {
  return event === 'audit.resumed' && String(detail).includes('not in the audit log file');
}

/** Rejects where it takes longer than any step may. */
async function inTime(step: Promise<unknown>): Promise<void> {
  const stop = new AbortController();
  const tooLate = delay(STEP_DEADLINE_MS, undefined, { signal: stop.signal }).then(() => {
    throw new Error(`it hangs: nothing came of it in ${STEP_DEADLINE_MS / 1000} s`);
  });
  try {
    await Promise.race([step, tooLate]);
  } finally {
    stop.abort();
    tooLate.catch(() => {});
  }
}
