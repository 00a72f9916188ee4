/**
 * Keeps docs/reasons.md true to the list of reasons: what is on the wire and in the log is what the code says.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { type ReasonCode, reasons } from '../../../src/policy/reasons';
import type { WireAnswer } from '../../../src/policy/wireAnswer';

const text = readFileSync(join(__dirname, '../../../docs/reasons.md'), 'utf8');

interface Section {
  readonly code: string;
  readonly wire: string;
  readonly log: string;
  /** What it means and what to do. */
  readonly advice: string;
}

const sections: readonly Section[] = [
  ...text.matchAll(/^### `(.+)`\n\n\*\*Wire:\*\* `(.+)`\. \*\*Log:\*\* (.+)\.\n\n([^#]+)/gm),
].map(([, code, wire, log, advice]) => ({ code: code!, wire: wire!, log: log!, advice: advice! }));

/** The notation of the page, on purpose not that of the code. */
function notation(answer: WireAnswer): string {
  switch (answer.kind) {
    case 'close':
      return 'closed';
    case 'tlsAlert':
      return 'TLS alert';
    case 'reject':
      return `A-ASSOCIATE-RJ ${answer.result}/${answer.source}/${answer.reason}`;
    case 'rejectAsUpstream':
      return 'A-ASSOCIATE-RJ as the upstream sent it';
    case 'acceptNothing':
      return 'A-ASSOCIATE-AC without an accepted context';
    case 'status':
      return `status ${answer.status.toString(16).toUpperCase().padStart(4, '0')}H`;
    case 'abortAsPeer':
      return 'A-ABORT as the other side sent it';
    case 'abort':
      return `A-ABORT 2/${answer.reason}`;
  }
}

describe('docs/reasons.md', () => {
  it('has every reason once, in the order of the list, and no other', () => {
    expect(sections.map(({ code }) => code)).toEqual(Object.keys(reasons));
    expect(text.match(/^### /gm)).toHaveLength(sections.length);
  });

  it.each(sections)('says of $code what is on the wire, what the log says, and what to do', (section) => {
    const { wire, text: words } = reasons[section.code as ReasonCode];
    expect(section.wire).toBe(notation(wire));
    expect(section.log).toBe(words);
    expect(section.advice.trim()).not.toBe('');
  });

  it('tells how each answer shows on the other side', () => {
    const shown = [...text.matchAll(/^\| `([^`]+)`[^|]*\|[^|]*\|[^|]*\|$/gm)].map(([, answer]) => answer);
    const seen = new Set(shown.map((answer) => (answer === 'A-ABORT' ? 'abort' : answer)));
    for (const { wire } of sections) {
      // Nothing that is installed sends what these answer, and the upstream's own can be any of the others.
      if (/1\/1\/[12]|1\/2\/2|0117H|0118H|021[12]H|upstream/.test(wire)) continue;
      expect(seen).toContain(wire.startsWith('A-ABORT') ? 'abort' : wire);
    }
  });
});
