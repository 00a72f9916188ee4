import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { MAX_LOOK_BACK_BYTES, readLastSeen } from '../../../src/audit/lastSeen';
import { temporaryFolder } from '../../support/processes';

const file = join(temporaryFolder(), 'audit.jsonl');
const nobody = { callingAeTitle: [], from: [] };

function time(second: number) {
  return `2026-11-25T10:00:${String(second).padStart(2, '0')}.000Z`;
}

function accepted(second: number, modality = 'ct1') {
  return JSON.stringify({ time: time(second), event: 'association.accepted', outcome: 'allowed', modality });
}

function rejected(second: number, facts: object) {
  return JSON.stringify({ time: time(second), event: 'association.rejected', outcome: 'denied', ...facts });
}

function completed(second: number) {
  return JSON.stringify({
    time: time(second),
    event: 'command.completed',
    outcome: 'allowed',
    modality: 'ct1',
    command: 'C-STORE',
  });
}

function read(lines: readonly string[]) {
  writeFileSync(file, lines.map((line) => `${line}\n`).join(''));
  return readLastSeen(file, 'ct1', { callingAeTitle: ['CT1', 'CT1_B'], from: ['10.1.2.0/24'] });
}

describe('what the audit log last said of a modality', () => {
  it('has the connections that were refused from its address before they said a title', () => {
    const refused = (second: number, facts: object) =>
      JSON.stringify({
        time: time(second),
        event: 'connection.refused',
        outcome: 'denied',
        reason: 'certificate-expired',
        direction: 'ingress',
        ...facts,
      });
    const lines = [
      refused(1, { sourceAddress: '10.1.2.9', tls: { subject: 'CN=ct1' } }),
      refused(2, { sourceAddress: '10.1.3.9' }),
      refused(3, { sourceAddress: '10.1.2.9', direction: 'egress' }),
      refused(4, { sourceAddress: 'unknown' }),
      refused(5, { sourceAddress: '10.1.2.9', outcome: 'info', reason: 'tls-closed' }),
    ];
    expect(read(lines).denied).toMatchObject({ time: time(1), tls: { subject: 'CN=ct1' } });
  });

  it('is the last event of each kind, whatever others did since', () => {
    const seen = read([
      accepted(1),
      rejected(2, { modality: 'ct1', reason: 'called-ae-title-not-allowed' }),
      completed(3),
      accepted(4),
      completed(5),
      JSON.stringify({ time: time(7), event: 'association.aborted', outcome: 'failed', modality: 'ct1' }),
      accepted(6, 'ct2'),
      JSON.stringify({ time: time(8), event: 'modality.silent', outcome: 'failed', modality: 'ct1' }),
    ]);
    expect(seen).toMatchObject({
      accepted: { time: time(4) },
      denied: { time: time(2), reason: 'called-ae-title-not-allowed' },
      command: { time: time(5) },
      failed: { time: time(7) },
      isCutShort: false,
    });
  });

  it('counts refusals under its AE titles, and no others', () => {
    const reason = 'source-address-mismatch';
    expect(read([rejected(1, { callingAeTitle: 'ct1_b', reason })]).denied?.time).toBe(time(1));
    expect(read([rejected(1, { callingAeTitle: 'CT1', modality: 'ct9', reason })]).denied).toBeUndefined();
    expect(read([rejected(1, { callingAeTitle: 'CT2', reason })]).denied).toBeUndefined();
  });

  it('skips what is not an event, and a last line that is not complete', () => {
    writeFileSync(file, `null\nnot JSON\n\n${accepted(1)}\n[]\n{"time":"x"}\n{"time":"2026`);
    expect(readLastSeen(file, 'ct1', nobody)).toMatchObject({
      accepted: { time: time(1) },
      denied: undefined,
    });
  });

  it('finds lines that begin in one part of the file and end in another', () => {
    const filler = Array.from({ length: 3000 }, (_, index) =>
      accepted(index % 60, `other-${index}-${'x'.repeat(index % 97)}`),
    );
    const lines = filler.flatMap((line, index) => (index === 700 ? [accepted(42), line] : [line]));
    expect(read(lines).accepted?.time).toBe(time(42));
  });

  it('reads back to a limit only, and says so', () => {
    const old = `${accepted(1)}\n`;
    writeFileSync(file, old + `${' '.repeat(1023)}\n`.repeat(MAX_LOOK_BACK_BYTES / 1024));
    expect(readLastSeen(file, 'ct1', nobody)).toMatchObject({ accepted: undefined, isCutShort: true });
  });

  it('refuses a file that is not there', () => {
    expect(() => readLastSeen(join(file, 'none'), 'ct1', nobody)).toThrow(/audit\.file .* cannot be read/);
  });
});
