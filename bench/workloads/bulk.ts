/**
 * Throughput: instances of 1 MB over one association, PDUs of 131072 bytes, to the raw sink. And the other
 * direction: a C-GET of a study. And what the first instances of a fresh process cost.
 */
import { startRawSink } from '../archives/rawSink';
import { takeTurns } from '../measure';
import type { PeerName } from '../peers/peer';
import { usageDuring } from '../processUsage';
import {
  contendersInFront,
  freshContenders,
  MEGABYTE,
  relays,
  targetOf,
  throughput,
  throughputColumns,
  type Workload,
} from './workload';

const INSTANCES = 800;
const QUICK_INSTANCES = 20;
/** It takes twenty times as long for each, and its memory grows. */
const STORE_AND_FORWARD_INSTANCES = 20;
const STUDY_INSTANCES = 400;
const STUDY_INSTANCE_BYTES = MEGABYTE / 2;
/** Some seconds of a fast modality. What is compiled later is compiled once a day. */
const FIRST_INSTANCES = 600;
/** Between the first and those that show what they cost once everything is compiled. */
const WARM_UP_INSTANCES = 1400;

export const bulk: Workload = {
  name: 'bulk',
  needs: [],
  async run(bench, cleanUp) {
    const archive = await startRawSink(cleanUp);
    const instances = bench.isQuick ? QUICK_INSTANCES : INSTANCES;
    const peers: readonly PeerName[] = ['none', ...relays, 'dcmjs-dimse'];
    const contenders = await contendersInFront(bench, cleanUp, peers, { archive }, async (front, peer) => {
      const instancesEach = peer.name === 'dcmjs-dimse' ? STORE_AND_FORWARD_INSTANCES : instances;
      const target = targetOf(front, bench.certificates);
      const job = { kind: 'store', target, associations: 1, instancesEach, instanceBytes: MEGABYTE } as const;
      return throughput(await usageDuring(front.pid, () => bench.load.run(job)));
    });
    return {
      name: 'bulk',
      title: `${instances} instances of 1 MB over one association`,
      note: `PDUs of 131072 bytes, to the raw sink; ${STORE_AND_FORWARD_INSTANCES} instances for dcmjs-dimse.`,
      columns: throughputColumns,
      rows: await takeTurns(contenders, bench),
    };
  },
};

export const retrieve: Workload = {
  name: 'get',
  needs: [],
  async run(bench, cleanUp) {
    const studyInstances = bench.isQuick ? QUICK_INSTANCES : STUDY_INSTANCES;
    const study = { studyInstances, studyInstanceBytes: STUDY_INSTANCE_BYTES };
    const archive = await startRawSink(cleanUp, study);
    const peers: readonly PeerName[] = ['none', ...relays];
    const contenders = await contendersInFront(bench, cleanUp, peers, { archive }, async (front) => {
      const job = { kind: 'get', target: targetOf(front, bench.certificates) } as const;
      return throughput(await usageDuring(front.pid, () => bench.load.run(job)));
    });
    return {
      name: 'get',
      title: `C-GET of a study of ${studyInstances} instances of 0.5 MB`,
      note: 'The other direction: the archive (the raw sink) stores on the association of the request.',
      columns: throughputColumns,
      rows: await takeTurns(contenders, bench),
    };
  },
};

export const firstSeconds: Workload = {
  name: 'first-seconds',
  needs: [],
  async run(bench, cleanUp) {
    const archive = await startRawSink(cleanUp);
    const instances = bench.isQuick ? QUICK_INSTANCES : FIRST_INSTANCES;
    const between = bench.isQuick ? QUICK_INSTANCES : WARM_UP_INSTANCES;
    const peers: readonly PeerName[] = [...relays, 'plain-relay'];
    const contenders = freshContenders(bench, cleanUp, peers, archive, async (front) => {
      const target = targetOf(front, bench.certificates);
      const job = { kind: 'store', target, associations: 1, instanceBytes: MEGABYTE } as const;
      const store = async (instancesEach: number) =>
        throughput(await usageDuring(front.pid, () => bench.load.run({ ...job, instancesEach })));
      const cold = await store(instances);
      await store(between);
      const { megabytesPerSecond, cpuSecondsPerGigabyte } = await store(instances);
      return { ...cold, warmRate: megabytesPerSecond!, warmCpu: cpuSecondsPerGigabyte! };
    });
    return {
      name: 'first-seconds',
      title: `The first ${instances} instances of 1 MB of a fresh process`,
      note: `As above, but without a warm-up; then ${between} that do not count, and ${instances} more (warm).`,
      columns: [
        { key: 'megabytesPerSecond', title: 'first MB/s', digits: 0 },
        { key: 'cpuSecondsPerGigabyte', title: 'first CPU s per GB', digits: 2 },
        { key: 'warmRate', title: 'warm MB/s', digits: 0 },
        { key: 'warmCpu', title: 'warm CPU s per GB', digits: 2 },
      ],
      rows: await takeTurns(contenders, bench),
    };
  },
};
