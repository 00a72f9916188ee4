/**
 * Take-overs under load: modalities dial at a steady pace while one process after another takes over (SIGUSR2). None may be
 * refused, cut or lost, and the audit log has each of them once. Some stay open from the first process to the last. Knows
 * what modalities see and what the log says, and nothing of how a process hands over.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createSecureContext, type SecureContext } from 'node:tls';
import { textTable } from '../../src/text/table';
import { type TestCertificates, testCertificates } from '../support/certificates';
import { onCleanUp } from '../support/cleanUp';
import { proposedContext } from '../support/dicomBytes';
import type { ConfigurationInput } from '../support/gateway';
import { type AuditLine, CLI, GatewayProcess } from '../support/gatewayProcess';
import { freePort, runProcess, temporaryFolder } from '../support/processes';
import { RawScu } from '../support/rawScu';
import { SpyUpstream } from '../support/spyUpstream';
import { SopClass } from '../support/uids';
import { waitFor } from '../support/waiting';
import { pause } from './pause';

export interface TakeOverOptions {
  readonly workers: number;
  readonly isTls: boolean;
  /** At least so many: the load goes on until the last process has taken over. */
  readonly associations: number;
  readonly perSecond: number;
  readonly takeOvers: number;
}

const contexts = [proposedContext(1, SopClass.Verification)];
/** Each has an address of its own, so that no limit of one modality or address is reached. */
const MODALITIES = 50;
/** Associations that stay open all the time, with a C-ECHO now and then. */
const HELD = 5;
const HELD_ECHO_EVERY_MS = 2000;
/** A machine that is too slow for the pace goes slower, and the report says how fast it went. */
const MAX_AT_ONCE = 50;
/** Between two looks at what is due. */
const LOOK_EVERY_MS = 5;
/** Each new process takes a second to start, and more on a busy machine. */
const PATIENCE_MS = 60_000;
/** A run that has gone wrong says no more. */
const MAX_FINDINGS = 20;
/** Lines that no association of this load may have. */
const WRONG_EVENTS = new Set(['association.rejected', 'association.aborted', 'connection.refused']);

export class TakeOverRun {
  readonly findings: string[] = [];
  begun = 0;
  served = 0;
  takeOvers = 0;
  perSecond = 0;
  slowestMs = 0;
  lines = 0;
  readonly #options: TakeOverOptions;
  /** Made once: to make one takes longer than a handshake. */
  readonly #secureContext: SecureContext;
  readonly #spy: SpyUpstream;
  readonly #gateway: GatewayProcess;
  readonly #port: number;
  readonly #auditFile: string;
  #pid: number;
  /** Address and port of each one that was accepted. */
  readonly #accepted: string[] = [];

  private constructor(
    options: TakeOverOptions,
    { ca, client }: TestCertificates,
    spy: SpyUpstream,
    gateway: GatewayProcess,
    { port, auditFile }: { readonly port: number; readonly auditFile: string },
  ) {
    this.#options = options;
    this.#secureContext = createSecureContext({ ca: ca.cert, cert: client.cert, key: client.key });
    this.#spy = spy;
    this.#gateway = gateway;
    this.#port = port;
    this.#auditFile = auditFile;
    this.#pid = gateway.process.pid!;
    // The first process alone ends by itself when this one ends.
    onCleanUp(() => {
      if (gateway.process.isRunning) process.kill(this.#pid, 'SIGKILL');
    });
  }

  static async open(options: TakeOverOptions): Promise<TakeOverRun> {
    const spy = await SpyUpstream.start({ keepsBytes: false });
    const certificates = testCertificates();
    const port = await freePort();
    const auditFile = join(temporaryFolder(), 'audit.jsonl');
    const { ca, server } = certificates;
    const tls = {
      certificate: server.certificateFile,
      privateKey: server.privateKeyFile,
      trustedCertificates: ca.certificateFile,
    };
    const configuration: ConfigurationInput = {
      listeners: [{ name: 'load', host: '127.0.0.1', port, ...(options.isTls ? { tls } : {}) }],
      upstreams: { ARCHIVE: { servers: `127.0.0.1:${spy.port}` } },
      modalities: Object.fromEntries(
        Array.from({ length: MODALITIES }, (_, index) => {
          const { calling, localAddress } = modality(index);
          const entry = { callingAeTitle: calling, from: localAddress, listeners: 'load', allow: 'echo' };
          return [`ct${index}`, entry as ConfigurationInput['modalities'][string]];
        }),
      ),
      workers: options.workers,
      stateDirectory: temporaryFolder(),
      // A line for each association, so that they can be counted.
      audit: { file: auditFile, allowed: false },
    };
    const gateway = await GatewayProcess.start(configuration);
    return new TakeOverRun(options, certificates, spy, gateway, { port, auditFile });
  }

  get progress(): string {
    const { isTls, associations, takeOvers } = this.#options;
    return `${isTls ? 'TLS' : 'plain'}: ${this.begun} of ${associations} associations, ${this.takeOvers} of ${takeOvers} take-overs, ${this.findings.length} findings`;
  }

  get report(): string {
    const { isTls, workers } = this.#options;
    const rows = [
      ['associations', String(this.begun)],
      ['served to the end', String(this.served)],
      ['begun in a second', this.perSecond.toFixed(1)],
      ['slowest, with TCP, TLS and C-ECHO', `${Math.round(this.slowestMs)} ms`],
      ['take-overs', String(this.takeOvers)],
      ['lines of the audit log', String(this.lines)],
    ];
    const title = `${isTls ? 'TLS' : 'plain'}, workers: ${workers}`;
    const findings = this.findings.map((what) => `FOUND: ${what}`);
    return [title, ...textTable(rows).map((line) => `  ${line}`), ...findings, ''].join('\n');
  }

  async run(isInterrupted: () => boolean = () => false): Promise<void> {
    let isOver = false;
    const held = Array.from({ length: HELD }, () => this.#associate(() => isOver));
    const takingOver = this.#takeOverAll(isInterrupted);
    await this.#dial(() => isInterrupted() || this.findings.length >= MAX_FINDINGS);
    await takingOver;
    isOver = true;
    await Promise.all(held);
    await this.#attempt('every old process ends', () =>
      waitFor('', () => this.#count(/the old process has ended/g) === this.takeOvers, PATIENCE_MS),
    );
    process.kill(this.#pid, 'SIGTERM');
    // The new processes have the stdout and stderr of the first one.
    await this.#gateway.process.exited;
    await this.#compare();
  }

  /** At a steady pace. */
  async #dial(isOver: () => boolean): Promise<void> {
    const { associations, perSecond, takeOvers } = this.#options;
    const fromMs = performance.now();
    const seconds = () => (performance.now() - fromMs) / 1000;
    const open = new Set<Promise<void>>();
    while (!isOver() && (this.begun < associations || this.takeOvers < takeOvers)) {
      while (this.begun < HELD + seconds() * perSecond && open.size < MAX_AT_ONCE) {
        const association = this.#associate();
        open.add(association);
        void association.then(() => open.delete(association));
      }
      await pause(LOOK_EVERY_MS);
    }
    this.perSecond = (this.begun - HELD) / seconds();
    await Promise.all(open);
  }

  /** In equal parts of the load. */
  async #takeOverAll(isInterrupted: () => boolean): Promise<void> {
    const { associations, takeOvers } = this.#options;
    while (this.takeOvers < takeOvers) {
      const from = (associations * (this.takeOvers + 1)) / (takeOvers + 1);
      while (this.begun < from) {
        if (isInterrupted() || this.findings.length >= MAX_FINDINGS) return;
        await pause(LOOK_EVERY_MS);
      }
      process.kill(this.#pid, 'SIGUSR2');
      const pattern = /process (\d+) has taken over/g;
      await this.#attempt('a new process takes over', () =>
        waitFor(
          () => this.#gateway.process.stderr,
          () => this.#count(pattern) > this.takeOvers,
          PATIENCE_MS,
        ),
      );
      this.#pid = Number([...this.#gateway.process.stderr.matchAll(pattern)].at(-1)?.[1] ?? this.#pid);
      this.takeOvers += 1;
    }
  }

  /** `isOver`: it stays open until then. */
  async #associate(isOver?: () => boolean): Promise<void> {
    const number = this.begun;
    this.begun += 1;
    const { calling, localAddress } = modality(number % MODALITIES);
    const secureContext = this.#secureContext;
    const tls = this.#options.isTls ? { tls: { secureContext } } : {};
    const fromMs = performance.now();
    let scu: RawScu | undefined;
    try {
      scu = await RawScu.connect({ port: this.#port, localAddress, ...tls });
      const { localPort } = scu.socket;
      const answer = await scu.associate({ calling, called: 'ARCHIVE', contexts });
      if (answer.kind !== 'accepted') throw new Error(`it was ${JSON.stringify(answer)}`);
      this.#accepted.push(`${localAddress}:${localPort}`);
      await echo(scu);
      this.slowestMs = Math.max(this.slowestMs, performance.now() - fromMs);
      while (isOver?.() === false) {
        await pause(HELD_ECHO_EVERY_MS);
        await echo(scu);
      }
      await scu.release();
      this.served += 1;
    } catch (error) {
      const atMs = Math.round(performance.now() - fromMs);
      this.#find(`association ${number} failed after ${atMs} ms: ${(error as Error).message}`);
      scu?.socket.destroy();
    }
  }

  /** Every association has one line for its begin and one for its end; no other line is about one. */
  async #compare(): Promise<void> {
    const text = readFileSync(this.#auditFile, 'utf8');
    const lines = text
      .split('\n')
      .slice(0, -1)
      .map((line) => JSON.parse(line) as AuditLine);
    this.lines = lines.length;
    const of = (event: string) => lines.filter((line) => line.event === event);
    for (const event of ['association.accepted', 'association.released']) {
      const logged = of(event).map(({ sourceAddress, sourcePort }) => `${sourceAddress}:${sourcePort}`);
      const [missing, tooMany] = [without(this.#accepted, logged), without(logged, this.#accepted)];
      if (missing.length > 0) this.#find(`no ${event} in the log: ${missing.join(', ')}`);
      if (tooMany.length > 0)
        this.#find(`${event} in the log, but not so at the modality: ${tooMany.join(', ')}`);
    }
    for (const line of lines.filter(({ event }) => WRONG_EVENTS.has(String(event)))) {
      this.#find(`in the log: ${JSON.stringify(line)}`);
    }
    for (const event of ['gateway.started', 'gateway.stopped']) {
      const count = of(event).length;
      if (count !== this.takeOvers + 1) this.#find(`${event} is ${count} times in the log`);
    }
    if (this.#spy.connects !== this.#accepted.length) {
      this.#find(`the archive had ${this.#spy.connects} associations, not ${this.#accepted.length}`);
    }
    const verify = [CLI, '--config', this.#gateway.configurationFile, 'audit', 'verify', this.#auditFile];
    const verified = await runProcess(process.execPath, verify, { deadlineMs: PATIENCE_MS });
    if (verified.exitCode !== 0) this.#find(`the chain of the log is not whole: ${verified.output}`);
  }

  async #attempt(what: string, attempt: () => Promise<unknown>): Promise<void> {
    try {
      await attempt();
    } catch (error) {
      this.#find(`it was not so that ${what}: ${(error as Error).message}`);
    }
  }

  #find(what: string): void {
    if (this.findings.length < MAX_FINDINGS) this.findings.push(what);
  }

  #count(pattern: RegExp): number {
    return this.#gateway.process.stderr.match(pattern)?.length ?? 0;
  }
}

function modality(index: number): { readonly calling: string; readonly localAddress: string } {
  return { calling: `CT${index}`, localAddress: `127.0.1.${index + 1}` };
}

async function echo(scu: RawScu): Promise<void> {
  const status = await scu.echo(1);
  if (status !== 0) throw new Error(`the status of a C-ECHO was ${status}`);
}

/** Each as often as it is in the first list and not in the second one. */
function without(all: readonly string[], others: readonly string[]): string[] {
  const counts = new Map<string, number>();
  for (const each of others) counts.set(each, (counts.get(each) ?? 0) + 1);
  return all.filter((each) => {
    const count = counts.get(each) ?? 0;
    counts.set(each, count - 1);
    return count <= 0;
  });
}
