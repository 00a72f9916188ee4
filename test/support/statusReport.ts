/** An answer of `/api/v1/status` with one of everything, for tests of what is made of it. */
import type { AssociationStatus, Denial, StatusReport } from '../../src/admin/statusReport';

export const association: AssociationStatus = {
  connectionId: 'a',
  direction: 'ingress',
  modality: 'ct1',
  listener: 'tls',
  callingAeTitle: 'CT1',
  calledAeTitle: 'ORTHANC',
  sourceAddress: '10.1.2.10',
  isTls: true,
  upstream: '127.0.0.1:4242',
  since: '2026-11-25T21:58:55.000Z',
  commands: 34,
  bytes: 512_345_678,
};
export const denial: Denial = {
  time: '2026-11-25T21:41:07.123Z',
  event: 'association.rejected',
  outcome: 'denied',
  reason: 'calling-ae-title-unknown',
  text: 'the calling AE title is in no modality entry',
  sourceAddress: '10.1.2.9',
  callingAeTitle: 'CT9',
};
export const status: StatusReport = {
  version: '1.2.3',
  startedAt: '2026-11-25T18:48:00.000Z',
  uptimeSeconds: 11_520,
  isReady: true,
  checks: { listening: true, notDraining: true, upstreamUp: true, certificatesValid: true },
  workers: 2,
  listeners: [
    { name: 'tls', host: '0.0.0.0', port: 2762, isTls: true },
    { name: 'plain', host: '::1', port: 11_112, isTls: false },
  ],
  upstreams: [{ upstream: 'ORTHANC', server: '127.0.0.1:4242', isTls: false, isUp: true }],
  locks: [],
  silent: [
    {
      modality: 'mr1',
      expectEvery: '1d',
      silentSince: '2026-11-25T10:00:00.000Z',
      lastSeen: '2026-11-24T10:00:00.000Z',
    },
  ],
  associations: [association],
  totals: {
    connectionsRefused: 7,
    associationsAccepted: 120,
    associationsRejected: 3,
    associationsAborted: 1,
    commandsCompleted: 900,
    commandsRefused: 2,
    relayedBytes: 1e9,
  },
  denials: [denial],
  certificates: [
    { kind: 'listener', name: 'tls', notAfter: '2026-12-09T10:00:00.000Z' },
    { kind: 'ca', name: 'tls', notAfter: '2036-12-09T10:00:00.000Z' },
  ],
  lastReload: { time: '2026-11-25T21:00:00.000Z', isOk: true, detail: '' },
  pendingCallers: 1,
};
