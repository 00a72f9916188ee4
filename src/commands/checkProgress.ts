/**
 * What `aegis check` prints while it works: each finding as soon as it is known, and on a terminal which servers are still
 * waited for. Finds nothing itself.
 */
import type { WatchedServer } from '../gateway/upstreamHealth';
import type { CommandContext } from '../terminal/command';
import { WaitingLine } from '../terminal/waiting';
import { isTerminal, paint } from '../text/display';
import { formatProblem, type Problem } from '../text/problems';
import { countOf, escapeUnsafe } from '../text/quote';
import { hangingLines } from '../text/table';
import type { FetchedList } from './inspectFetchedLists';

/** A server that answered, and how long that took. */
export interface Reached {
  readonly upstream: string;
  readonly server: string;
  readonly milliseconds: number;
}

/** The rest is in --json. */
const MAX_REACHED_LINES = 10;

export class CheckProgress {
  readonly #print: (text: string) => void;
  readonly #waiting: WaitingLine;
  readonly #asked = new Set<WatchedServer>();
  #reached = 0;

  constructor({ print }: CommandContext) {
    this.#print = print;
    this.#waiting = new WaitingLine(print);
  }

  found(problems: readonly Problem[]): void {
    this.#waiting.stop();
    for (const problem of problems) {
      const { severity } = problem;
      const text = `${severity}: ${formatProblem(problem)}`;
      // For programs, a problem is a line.
      const [first = '', ...rest] = isTerminal() ? hangingLines(text, 2) : [text];
      const label = paint(severity === 'error' ? 'refused' : 'warning', severity);
      this.#print(`${[`${label}${first.slice(severity.length)}`, ...rest].join('\n')}\n`);
    }
    this.#wait();
  }

  asked(question: WatchedServer): void {
    this.#asked.add(question);
    this.#wait();
  }

  answered(question: WatchedServer, reached: Reached | undefined): void {
    this.#asked.delete(question);
    this.#waiting.stop();
    if (reached !== undefined) {
      this.#reached += 1;
      if (this.#reached <= MAX_REACHED_LINES) {
        const { upstream, server, milliseconds } = reached;
        this.#print(`  ${upstream} ${server} answered in ${Math.ceil(milliseconds)} ms\n`);
      }
    }
    this.#wait();
  }

  fetched({ url, list }: FetchedList): void {
    this.#waiting.stop();
    this.#print(`${hangingLines(`  ${escapeUnsafe(`${url} has ${list}`)}`, 4).join('\n')}\n`);
    this.#wait();
  }

  reached(what: 'syslog' | 'Redis', server: string): void {
    this.#waiting.stop();
    this.#print(`  the ${what} server ${escapeUnsafe(server)} can be reached\n`);
    this.#wait();
  }

  end(): void {
    this.#waiting.end();
    const rest = this.#reached - MAX_REACHED_LINES;
    if (rest > 0) this.#print(`  and ${countOf(rest, 'server')} more\n`);
  }

  #wait(): void {
    const [first, ...others] = this.#asked;
    if (first === undefined) return;
    const more = others.length === 0 ? '' : ` and ${countOf(others.length, 'server')} more`;
    this.#waiting.waitFor(escapeUnsafe(`asking ${first.upstream} ${first.server}${more}`));
  }
}
