/**
 * Every workload, in the order in which they run and are reported.
 */
import { associationRate, idleAssociations } from './associations';
import { bulk, firstSeconds, retrieve } from './bulk';
import { concurrent } from './concurrent';
import { ctToOrthanc, ctToOrthancWithoutDelay, ctToStorescp } from './ctSlices';
import { concurrency, instanceSize } from './curves';
import { flooding } from './floods';
import { largeInstance } from './largeInstance';
import { echoLatency, find } from './latency';
import { modalities } from './modalities';
import { againstBuild, againstPeers, features } from './pairs';
import { startTime } from './startTime';
import type { Workload } from './workload';

export const allWorkloads: readonly Workload[] = [
  ctToStorescp,
  ctToOrthanc,
  ctToOrthancWithoutDelay,
  bulk,
  firstSeconds,
  retrieve,
  largeInstance,
  echoLatency,
  find,
  associationRate,
  idleAssociations,
  startTime,
  concurrent,
  instanceSize,
  concurrency,
  modalities,
  againstPeers,
  features,
  againstBuild,
  flooding,
];
