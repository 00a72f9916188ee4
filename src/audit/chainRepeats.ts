/**
 * Lines that stand once more behind the end of a chain. A syslog server gets the last ones again when a connection breaks.
 * Such a block is proven without the lines before it being kept: each of its lines is linked to the next, and its last one
 * is the last one of the chain. What ends otherwise is reported.
 */
import { countOf } from '../text/quote';
import type { Fault, Line, Note } from './chainFaults';
import { hashOfLine, type Link } from './lineChain';

interface Block {
  readonly first: Line;
  /** Number and hash of its last line. */
  seq: number;
  hash: string;
  count: number;
  isProven: boolean;
  /** The block that goes on where this one was broken off. */
  continued: Block | undefined;
}

export class ChainRepeats {
  #blocks: Block[] = [];

  add(line: Line, { seq, previous }: Link, last: Line): void {
    const isNext = (block: Block) => !block.isProven && block.seq === seq - 1 && block.hash === previous;
    const before = this.#blocks.at(-1);
    const hash = hashOfLine(line.text);
    let current = before;
    if (current !== undefined && isNext(current))
      Object.assign(current, { seq, hash, count: current.count + 1 });
    else {
      current = { first: line, seq, hash, count: 1, isProven: false, continued: undefined };
      this.#blocks.push(current);
    }
    for (const block of this.#blocks) if (block !== current && isNext(block)) block.continued = current;
    if (seq === last.seq && line.text === last.text) prove(this.#blocks, current);
  }

  /** The chain goes on, or ends: what becomes of the blocks before. Only a copy may have any. */
  settle(isCopy: boolean): { readonly notes: readonly Note[]; readonly faults: readonly Fault[] } {
    const blocks = this.#blocks;
    this.#blocks = [];
    return {
      notes: blocks.filter(({ isProven }) => isCopy && isProven).map(noteOf),
      faults: blocks.filter(({ isProven }) => !isCopy || !isProven).map(faultOf),
    };
  }
}

function prove(blocks: readonly Block[], proven: Block): void {
  proven.isProven = true;
  for (const block of blocks) if (!block.isProven && block.continued === proven) prove(blocks, block);
}

function noteOf({ first: { file, line, time }, count }: Block): Note {
  const detail = `${countOf(count, 'line')} from here on came twice, unchanged: a syslog server gets some again`;
  return { file, line, time, detail };
}

function faultOf({ first: { file, line, time, seq }, count }: Block): Fault {
  const detail =
    count === 1
      ? `number ${seq} is here once more, or another line has its number`
      : `numbers ${seq} to ${seq + count - 1} are here once more, or other lines have their numbers`;
  return { file, line, time, kind: 'repeated', count, detail };
}
