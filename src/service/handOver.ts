/**
 * The end of a process that another one takes over from: what it hands on, in which order it closes its files, and how
 * long it stays. What is said between the two is takeOver.ts's.
 */
import { writeLastLines } from '../audit/lastLines';
import { ExitCode } from '../errors';
import type { RunningGateway } from '../gateway/runningGateway';
import type { InheritedSocket } from '../net/inheritedSockets';
import { listeningSockets } from '../net/listeningSockets';
import { formatHostAndPort } from '../text/hostAndPort';
import { countOf } from '../text/quote';
import type { Running } from './runGateway';
import { Successor } from './takeOver';
import type { Say } from './warnings';

export class HandOver {
  /** Resolves with the exit code once the files are another process's and nobody is left here. */
  readonly ended: Promise<ExitCode>;
  readonly #say: Say;
  #end: (code: ExitCode) => void = () => {};
  #isUnderWay = false;
  #successor: Successor | undefined;

  constructor(say: Say) {
    this.#say = say;
    this.ended = new Promise((resolve) => {
      this.#end = resolve;
    });
  }

  /** Says why where it cannot be. */
  async begin(running: Running): Promise<void> {
    if (this.#isUnderWay) return;
    // The container ends with its first process.
    if (process.pid === 1) return this.#say('SIGUSR2: process 1 of a container cannot be taken over from');
    this.#isUnderWay = true;
    this.#say('SIGUSR2: a new process takes over');
    try {
      await this.#handOver(running);
    } finally {
      this.#isUnderWay = false;
    }
  }

  /** Resolves when every line of this process is written. `finished`: what is still to come depends on others. */
  async finish(running: Running, finished: () => void): Promise<void> {
    const successor = this.#successor;
    // Nobody is left here.
    await running.shared?.close();
    if (successor === undefined) return await closeFiles(running, 'the gateway stops', finished);
    finished();
    writeLastLines(await successor.close(), running.configuration.audit, this.#say);
  }

  async #handOver(running: Running): Promise<void> {
    const { gateway, systemd, records, monitoring, shared, predecessor } = running;
    let successor: Successor;
    try {
      const stop = () => {
        void gateway.stop();
        void predecessor?.stop();
      };
      successor = await Successor.start(socketsOf(running), systemd?.environment ?? {}, gateway, stop);
    } catch (error) {
      this.#say(`no other process took over: ${(error as Error).message}; this one goes on`);
      return;
    }
    this.#successor = successor;
    const left = countOf(gateway.associationCount, 'association');
    const detail = `process ${successor.pid} takes over; this one serves ${left} to the end`;
    monitoring.record({ event: 'gateway.stopped', outcome: 'info', detail });
    successor.passLines(records);
    shared?.retire();
    await closeFiles(running, 'another process takes over');
    try {
      await successor.takeOver();
    } catch {
      return await this.#stopAtOnce(gateway);
    }
    systemd?.handOver(successor.pid);
    successor.confirm();
    this.#say(`process ${successor.pid} has taken over; this one ends after its last association`);
    void successor.ended.then(() => this.#stopAtOnce(gateway));
    await Promise.all([gateway.retire(), predecessor?.ended()]);
    const { aborted } = await gateway.stop();
    this.#say(
      aborted === 0
        ? 'the old process has ended'
        : `the old process has ended, associations aborted: ${aborted}`,
    );
    this.#end(aborted === 0 ? ExitCode.Done : ExitCode.Failed);
  }

  /** Without a log nobody is served. */
  async #stopAtOnce(gateway: RunningGateway): Promise<void> {
    this.#say('the new process has ended, and it had the files; stopping at once');
    const stopping = gateway.stop();
    // The second time: without a drain.
    void gateway.stop();
    await stopping;
    this.#end(ExitCode.Failed);
  }
}

/** In the order in which one needs the other. `finished`: every line is written that does not come from the rest. */
async function closeFiles(running: Running, why: string, finished: () => void = () => {}): Promise<void> {
  const { reloads, lists, locks, captures, pidFile, monitoring, auditExport, audit } = running;
  reloads.close();
  lists.close();
  locks.close();
  await captures.end(why);
  pidFile.close();
  // Alerts and the syslog server may take longer than there is time: the last check-point does not wait for them.
  audit.finish();
  finished();
  // Not before: during the drain a monitor has to see that the gateway is not ready.
  await monitoring.close();
  await auditExport.close();
  await audit.close();
}

/** Every socket that this process listens on. Those that it opened itself are known by their address alone. */
function socketsOf({ configuration, sockets, gateway }: Running): InheritedSocket[] {
  const isChosen = new Set(configuration.listeners.filter(({ port }) => port === 0).map(({ name }) => name));
  const byAddress = new Map(listeningSockets().map((socket) => [formatHostAndPort(socket), socket]));
  return [...byAddress].map(([where, socket]): InheritedSocket => {
    const inherited = sockets.list.find((each) => formatHostAndPort(each) === where);
    if (inherited !== undefined) return { ...inherited, ...socket };
    const name = gateway.addresses.find((address) => formatHostAndPort(address) === where)?.name ?? '';
    return { ...socket, name: isChosen.has(name) ? name : '', isOurs: true };
  });
}
