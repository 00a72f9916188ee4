import { appendFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from '@jest/globals';
import { OperatorError } from '../../../src/errors';
import { findLogFiles, inOrderOfTime, parseAuditLine, readLines } from '../../../src/observe/auditLines';
import { temporaryFolder } from '../../support/processes';

const folder = temporaryFolder();

function write(name: string, content: string | Buffer): string {
  const file = join(folder, name);
  writeFileSync(file, content);
  return file;
}

async function linesOf(file: string): Promise<string[]> {
  const lines: string[] = [];
  for await (const some of readLines(findLogFiles([file])[0]!)) lines.push(...some);
  return lines;
}

function line(time: string) {
  return JSON.stringify({ time, event: 'gateway.started', outcome: 'info' });
}

describe('the lines of a log', () => {
  it('are the same from a compressed file, across the chunks that files are read in', async () => {
    const lines = Array.from(
      { length: 60_000 },
      (_value, index) => `line ${index} ${'é'.repeat(index % 30)}`,
    );
    const text = `${lines.join('\n')}\n`;
    expect(text.length).toBeGreaterThan(1024 * 1024);
    expect(await linesOf(write('plain.jsonl', text))).toEqual(lines);
    expect(await linesOf(write('compressed.jsonl.gz', gzipSync(text)))).toEqual(lines);
  });

  it('include a last one without a line feed', async () => {
    expect(await linesOf(write('cut.jsonl', 'one\ntwo'))).toEqual(['one', 'two']);
  });

  it('are never collected without an end', async () => {
    const file = write('binary.jsonl', 'first\n');
    for (let megabyte = 0; megabyte < 5; megabyte += 1) appendFileSync(file, 'x'.repeat(1024 * 1024));
    appendFileSync(file, '\nlast\n');
    const lines = await linesOf(file);
    expect([lines[0], lines.at(-1)]).toEqual(['first', 'last']);
    expect(lines).toHaveLength(3);
    expect(lines[1]!.length).toBeLessThan(10);
  });

  it('tell how much of the file was read', async () => {
    const [file] = findLogFiles([write('counted.jsonl', 'x\n'.repeat(10_000))]);
    let bytes = 0;
    for await (const _lines of readLines(file!, (more) => {
      bytes += more;
    }));
    expect(bytes).toBe(file!.sizeBytes);
  });
});

describe('logs that cannot be read', () => {
  it.each([
    ['does not exist', () => join(folder, 'none.jsonl'), /none\.jsonl does not exist; correct the path$/],
    [
      'is a folder',
      () => {
        mkdirSync(join(folder, 'logs'));
        return join(folder, 'logs');
      },
      /logs is a folder; name the files in it$/,
    ],
  ])('one that %s is reported before anything is read', (_what, file, message) => {
    expect(() => findLogFiles([file()])).toThrow(
      expect.objectContaining({ message: expect.stringMatching(message) }),
    );
  });

  it('a compressed one that is cut short is reported, not taken for the whole', async () => {
    const whole = gzipSync(Array.from({ length: 1000 }, (_value, index) => `line ${index}`).join('\n'));
    const file = write('short.jsonl.gz', whole.subarray(0, 500));
    await expect(linesOf(file)).rejects.toThrow(OperatorError);
    await expect(linesOf(file)).rejects.toThrow(/short\.jsonl\.gz cannot be read: unexpected end of file/);
  });
});

describe('several logs', () => {
  it('are read from the oldest to the newest, whatever their names', async () => {
    const newest = write('audit.jsonl', `words\n${line('2026-11-03T00:00:00.000Z')}\n`);
    const middle = write('audit.jsonl.1', `${line('2026-11-02T00:00:00.000Z')}\n`);
    const oldest = write('audit.jsonl.2.gz', gzipSync(`${line('2026-11-01T00:00:00.000Z')}\n`));
    const empty = write('audit.jsonl.3', '');
    const files = await inOrderOfTime(findLogFiles([newest, middle, empty, oldest, newest]));
    expect(files.map(({ name }) => name)).toEqual([oldest, middle, newest, empty]);
  });
});

describe('a line', () => {
  it.each([
    'aegis: listening on 127.0.0.1:104',
    '{"time":"2026-11-01T00:00:00.000Z","event":"gateway.started"',
    '{"time":"yesterday","event":"gateway.started","outcome":"info"}',
    '{"level":"info","message":"of another program"}',
    '{"time":"2026-11-01T00:00:00.000Z","event":1,"outcome":"info"}',
    '[]',
    'null',
    '',
  ])('is none of the audit log: %s', (text) => {
    expect(parseAuditLine(text)).toBeUndefined();
  });

  it('is one with its time, event and outcome', () => {
    expect(parseAuditLine(line('2026-11-01T00:00:00.000Z'))).toMatchObject({ event: 'gateway.started' });
  });
});
