/**
 * Every peer, in the order in which tables list them.
 */
import { aegis, aegisWithoutQuickAck } from './aegis';
import { haproxy } from './haproxy';
import { nginx } from './nginx';
import { dimseRelay, plainRelay } from './nodeRelay';
import { none } from './none';
import { orthancTls } from './orthancTls';
import type { Peer } from './peer';
import { stunnel } from './stunnel';

export const allPeers: readonly Peer[] = [
  none,
  nginx,
  haproxy,
  stunnel,
  orthancTls,
  dimseRelay,
  plainRelay,
  aegis,
  aegisWithoutQuickAck,
];
