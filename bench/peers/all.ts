/**
 * Every peer, in the order in which tables list them.
 */
import { aegis, aegisWithoutQuickAck } from './aegis';
import { dimseRelay } from './dimseRelay';
import { haproxy } from './haproxy';
import { nginx } from './nginx';
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
  aegis,
  aegisWithoutQuickAck,
];
