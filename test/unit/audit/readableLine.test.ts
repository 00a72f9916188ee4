import { describe, expect, it } from '@jest/globals';
import { readableLine, type TimedEvent } from '../../../src/audit/readableLine';

const rejected: TimedEvent = {
  time: '2026-11-30T10:00:00.000Z',
  event: 'association.rejected',
  outcome: 'denied',
  reason: 'source-address-mismatch',
  connectionId: 'd4d985ef645b1e12',
  direction: 'ingress',
  sourceAddress: '10.1.2.99',
  callingAeTitle: 'CT1',
  calledAeTitle: 'ORTHANC',
  modality: 'ct1',
};

describe('a readable line', () => {
  it('says in 80 columns what happened, what the reason means, and what to do', () => {
    expect(readableLine(rejected, 80).split('\n')).toEqual([
      '2026-11-30T10:00:00.000Z  denied      association.rejected  #d4d985ef',
      '  CT1@10.1.2.99 to ORTHANC  ct1',
      '  source-address-mismatch: the calling AE title is known, but not from this',
      '  address',
      '  to do: add the address to "from" of the entry if it is that device',
    ]);
  });

  it('is one line with the same words where there is no terminal', () => {
    const words = (text: string) => text.split(/\s+/);
    expect(readableLine(rejected)).not.toContain('\n');
    expect(words(readableLine(rejected))).toEqual(words(readableLine(rejected, 80)));
  });

  it('names another remedy where the archive calls', () => {
    const line = readableLine({ ...rejected, direction: 'egress', reason: 'calling-ae-title-unknown' });
    expect(line).toMatch(/ to do: add the AE title of the archive to egress.callingAeTitle$/);
  });

  it('has nothing to do where nothing was refused', () => {
    const released: TimedEvent = { ...rejected, event: 'association.released', outcome: 'info' };
    expect(readableLine({ ...released, reason: 'release-timeout' })).not.toContain('to do');
  });

  it('says who asked for a reload', () => {
    const reloaded: TimedEvent = {
      time: rejected.time,
      event: 'configuration.reloaded',
      outcome: 'info',
      detail: 'nothing has changed',
      requestedBy: {
        by: 'admin',
        sourceAddress: '127.0.0.1',
        command: 'modality set',
        systemUser: 'alice as root',
      },
    };
    expect(readableLine(reloaded)).toMatch(
      / {2}nothing has changed {2}asked for over admin HTTP from 127.0.0.1, "modality set" of alice as root$/,
    );
    expect(readableLine({ ...reloaded, requestedBy: { by: 'signal' } })).toMatch(
      / {2}asked for by a signal$/,
    );
  });

  it('shows a reason that only a newer gateway knows', () => {
    expect(readableLine({ ...rejected, reason: 'of-tomorrow' as 'draining' })).toMatch(/ {2}of-tomorrow$/);
  });
});
