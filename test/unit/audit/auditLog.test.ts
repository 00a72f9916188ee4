import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { AuditLog, type AuditLogOptions } from '../../../src/audit/auditLog';
import type { AuditEvent } from '../../../src/audit/events';
import { OperatorError } from '../../../src/errors';
import { describeWithSmallDisk } from '../../support/peers';
import { temporaryFolder } from '../../support/processes';
import { SmallDisk } from '../../support/smallDisk';

const rejected: AuditEvent = {
  event: 'association.rejected',
  outcome: 'denied',
  reason: 'calling-ae-title-unknown',
  sourceAddress: '192.0.2.1',
  callingAeTitle: 'NOBODY',
  calledAeTitle: 'ARCHIVE',
};

function open(options: Partial<AuditLogOptions> = {}) {
  const stream = new PassThrough();
  const failures: string[] = [];
  const audit = new AuditLog({
    stream,
    isReadable: false,
    refusals: { whole: Number.POSITIVE_INFINITY, everySeconds: 10 },
    say: (message) => failures.push(message),
    ...options,
  });
  let text = '';
  stream.on('data', (chunk: Buffer) => {
    text += chunk.toString('latin1');
  });
  const written = async (): Promise<string> => {
    await audit.close();
    return text;
  };
  return { audit, failures, written };
}

function lines(text: string): unknown[] {
  return text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as unknown);
}

describe('the audit log', () => {
  it('writes one JSON object a line, what happened first, to the stream and to the file', async () => {
    const file = join(temporaryFolder(), 'audit.jsonl');
    const { audit, written } = open({ file });
    audit.record(rejected);
    audit.record({ ...rejected, callingAeTitle: 'OTHER' });
    const text = await written();
    const expected = { time: expect.any(String), ...rejected };
    expect(lines(text)).toEqual([expected, { ...expected, callingAeTitle: 'OTHER' }]);
    expect(Object.keys(lines(text)[0] as object).slice(0, 4)).toEqual(['time', 'event', 'outcome', 'reason']);
    expect(readFileSync(file, 'latin1')).toBe(text);
    expect(statSync(file).mode & 0o007).toBe(0);
  });

  it('has written every line when it is closed', async () => {
    const file = join(temporaryFolder(), 'audit.jsonl');
    const { audit, written } = open({ file });
    for (let count = 0; count < 1000; count += 1) audit.record(rejected);
    expect(lines(await written())).toHaveLength(1000);
    expect(lines(readFileSync(file, 'latin1'))).toHaveLength(1000);
  });

  it('appends to what is in the file', async () => {
    const file = join(temporaryFolder(), 'audit.jsonl');
    for (let count = 0; count < 2; count += 1) {
      const { audit, written } = open({ file });
      audit.record(rejected);
      await written();
    }
    expect(lines(readFileSync(file, 'latin1'))).toHaveLength(2);
  });

  it('does not start without its file', () => {
    expect(() => open({ file: join(temporaryFolder(), 'missing', 'audit.jsonl') })).toThrow(OperatorError);
  });

  it('keeps no lines in memory: what was recorded in a turn is in the file after it', async () => {
    const file = join(temporaryFolder(), 'audit.jsonl');
    const { audit, written } = open({ file });
    for (let count = 0; count < 5000; count += 1) audit.record(rejected);
    await new Promise(setImmediate);
    expect(lines(readFileSync(file, 'latin1'))).toHaveLength(5000);
    await written();
  });

  // A device of Linux that has no space left, ever.
  (existsSync('/dev/full') ? it : it.skip)('goes on where the disk is full, and says so once', async () => {
    const { audit, failures, written } = open({ file: '/dev/full' });
    for (let count = 0; count < 100; count += 1) audit.record(rejected);
    expect(lines(await written())).toHaveLength(100);
    expect(failures).toEqual([
      expect.stringContaining('ENOSPC'),
      'lines that are not in the audit log file: 100',
    ]);
  });
});

describeWithSmallDisk('a disk that runs full while lines are written', () => {
  it('loses lines while the disk is full, none after that, and says how many', async () => {
    const disk = new SmallDisk();
    const file = join(disk.folder, 'audit.jsonl');
    const { audit, failures, written } = open({ file });
    disk.fill(1);
    for (let count = 0; count < 100; count += 1) audit.record(rejected);
    await new Promise(setImmediate);
    disk.free();
    for (let count = 0; count < 2; count += 1) audit.record({ ...rejected, callingAeTitle: 'AFTER' });
    await written();
    const text = readFileSync(file, 'latin1').trimEnd().split('\n');
    const [after, other, gap] = [text.at(-3), text.at(-2), text.at(-1)].map((line) => JSON.parse(line!));
    const expected = { time: expect.any(String), ...rejected, callingAeTitle: 'AFTER' };
    expect([after, other]).toEqual([expected, expected]);
    // The last one that had room may be cut off.
    const before = text.slice(0, -3).filter((line) => line.endsWith('}'));
    expect(lines(before.join('\n')).length).toBeGreaterThan(10);
    const lost = 100 - before.length;
    expect(gap).toMatchObject({ event: 'audit.resumed', outcome: 'failed', count: lost });
    expect(gap.detail).toMatch(`${lost} lines are not in the audit log file: ENOSPC`);
    expect(Date.parse(gap.since)).toBeLessThanOrEqual(Date.parse(gap.time));
    expect(failures).toEqual([
      expect.stringContaining('cannot be written: ENOSPC'),
      `the audit log file can be written again; lines that are not in it: ${lost}`,
    ]);
  });
});

describe('text from the network', () => {
  const anything = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 80 }),
    fc.constantFrom(
      'A\nB',
      'A\r\n{"x":1}',
      '\x1b[2J',
      '\u009b31m',
      '"},{"',
      '%s%n',
      '\u2028',
      '\u202e',
      '\ud800',
    ),
    fc.string({ minLength: 600, maxLength: 700 }),
  );

  it('is one line of printable ASCII, parses to the same text, and is cut at 512 characters', async () => {
    await fc.assert(
      fc.asyncProperty(anything, async (text) => {
        const { audit, written } = open();
        audit.record({ ...rejected, callingAeTitle: text, tls: { protocol: '', cipher: '', subject: text } });
        const line = await written();
        expect(line).toMatch(/^[\x20-\x7e]*\n$/);
        const [event] = lines(line) as [AuditEvent];
        const shown = text.length <= 512 ? text : `${text.slice(0, 512)}…`;
        expect([event.callingAeTitle, event.tls?.subject]).toEqual([shown, shown]);
      }),
    );
  });

  it('cannot move the cursor of a terminal', async () => {
    await fc.assert(
      fc.asyncProperty(anything, async (text) => {
        const { audit, written } = open({ isReadable: true });
        audit.record({ ...rejected, callingAeTitle: text, detail: text });
        // As UTF-8 again: the stream was read byte by byte.
        const line = Buffer.from(await written(), 'latin1').toString('utf8');
        expect(line.indexOf('\n')).toBe(line.length - 1);
        expect(line.slice(0, -1)).not.toMatch(/[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}]/u);
      }),
    );
  });
});
