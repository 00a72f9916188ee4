/** A caller that is pending because its calling AE title is in no entry. */
import type { PendingCaller } from '../../src/admin/pendingCaller';

export const pendingCaller: PendingCaller = {
  id: '0123456789ab',
  callingAeTitle: 'CT9',
  calledAeTitle: 'ORTHANC',
  sourceAddress: '10.1.2.9',
  listener: 'plain',
  isTls: false,
  proposedSopClasses: ['Verification'],
  commands: [],
  reason: 'calling-ae-title-unknown',
  firstSeen: '2026-01-01T00:00:00.000Z',
  lastSeen: '2026-01-01T00:00:00.000Z',
  count: 1,
};
