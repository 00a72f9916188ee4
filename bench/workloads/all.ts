/**
 * Every workload, in the order in which they run and are reported.
 */
import { associationRate, idleAssociations } from './associations';
import { bulk, retrieve } from './bulk';
import { concurrent } from './concurrent';
import { ctToOrthanc, ctToOrthancWithoutDelay, ctToStorescp } from './ctSlices';
import { flooding } from './floods';
import { largeInstance } from './largeInstance';
import { echoLatency, find } from './latency';
import { againstBuild, againstPeers, features } from './pairs';
import { policySize } from './policySize';
import { startTime } from './startTime';
import type { Workload } from './workload';

export const allWorkloads: readonly Workload[] = [
  ctToStorescp,
  ctToOrthanc,
  ctToOrthancWithoutDelay,
  bulk,
  retrieve,
  largeInstance,
  echoLatency,
  find,
  associationRate,
  idleAssociations,
  startTime,
  concurrent,
  policySize,
  againstPeers,
  features,
  againstBuild,
  flooding,
];
