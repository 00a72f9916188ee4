import { appendFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { appendToIssuedLog, type IssuedEntry, readIssuedLog } from '../../../src/pki/issuedLog';
import { temporaryFolder } from '../../support/processes';

function serialOf(digit: string) {
  return digit.repeat(32);
}

function issued(digit: string): IssuedEntry {
  return {
    event: 'issued',
    time: '2026-01-01T00:00:00.000Z',
    serialNumber: serialOf(digit),
    name: `ct${digit}`,
    kind: 'client',
    file: `ct${digit}.crt`,
    names: ['ct1'],
    notAfter: '2099-01-01T00:00:00.000Z',
    fingerprint: 'sha256:00',
  };
}

function revoked(digit: string) {
  return { event: 'revoked', time: '2026-01-02T00:00:00.000Z', serialNumber: serialOf(digit) } as const;
}

/** A log with these certificates, and `tail` behind them. */
async function logWith(digits: string, tail = ''): Promise<string> {
  const file = join(temporaryFolder(), 'issued.jsonl');
  writeFileSync(file, '');
  for (const digit of digits) await appendToIssuedLog(file, [issued(digit)]);
  appendFileSync(file, tail);
  return file;
}

async function read(file: string) {
  const log = await readIssuedLog(file);
  return {
    issued: log.issued.map(({ serialNumber }) => serialNumber[0]).join(''),
    revoked: [...log.revokedBySerialNumber.keys()].map((serialNumber) => serialNumber[0]).join(''),
    isUnfinished: log.isUnfinished,
  };
}

const record = JSON.stringify(issued('2'));
const several = JSON.stringify([issued('2'), issued('3')]);

describe('a record that was not written to its end', () => {
  it.each([
    ['one', record],
    ['several at once', several],
  ])('is passed over wherever it ends, and what comes next is read: %s', async (_title, whole) => {
    for (let length = 1; length < whole.length; length += 3) {
      const file = await logWith('1', whole.slice(0, length));
      expect(await read(file)).toEqual({ issued: '1', revoked: '', isUnfinished: true });
      await appendToIssuedLog(file, [revoked('1')]);
      expect(await read(file)).toEqual({ issued: '1', revoked: '1', isUnfinished: false });
    }
  });

  it('may be followed by others that were cut short while they closed it', async () => {
    const torn = record.slice(0, 40);
    const whole = await logWith('', torn);
    await appendToIssuedLog(whole, [revoked('1')]);
    const closing = readFileSync(whole, 'utf8').slice(torn.length);
    for (let length = 1; length < closing.length; length += 1) {
      const file = await logWith('1', torn + closing.slice(0, length));
      await appendToIssuedLog(file, [revoked('1')]);
      expect(await read(file)).toEqual({ issued: '1', revoked: '1', isUnfinished: false });
    }
  });

  it('counts where nothing but the line break is missing', async () => {
    const file = await logWith('1', several);
    expect(await read(file)).toEqual({ issued: '123', revoked: '', isUnfinished: false });
    await appendToIssuedLog(file, [revoked('3')]);
    expect(await read(file)).toEqual({ issued: '123', revoked: '3', isUnfinished: false });
  });

  it('loses nothing where the other process was only about to end its line', async () => {
    const file = await logWith('1', ' #unfinished\n');
    await appendToIssuedLog(file, [issued('2')]);
    expect(await read(file)).toEqual({ issued: '12', revoked: '', isUnfinished: false });
  });
});

describe('damage', () => {
  it.each([
    ['a record cut short in the middle', `${record.slice(0, 40)}\n${record}\n`],
    ['a record cut short that has ended', `${record.slice(0, 40)}\n`],
    ['a last line that never was a record', 'restore me'],
    ['a whole record of something else', '{"event":"renewed"}'],
  ])('is an error: %s', async (_title, tail) => {
    const file = await logWith('1', tail);
    await expect(readIssuedLog(file)).rejects.toThrow(`${file}:2 is not a record`);
  });
});
