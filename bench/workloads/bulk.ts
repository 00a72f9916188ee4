/**
 * Throughput: instances of 1 MB over one association, PDUs of 131072 bytes, to the raw sink. And the other
 * direction: a C-GET of a study.
 */
import { startRawSink } from '../archives/rawSink';
import { takeTurns } from '../measure';
import type { PeerName } from '../peers/peer';
import { usageDuring } from '../processUsage';
import {
  type Bench,
  contendersInFront,
  MEGABYTE,
  relayCost,
  relayCostColumns,
  relays,
  targetOf,
  type Workload,
} from './workload';

const INSTANCES = 800;
const QUICK_INSTANCES = 20;
/** It takes twenty times as long for each, and its memory grows. */
const STORE_AND_FORWARD_INSTANCES = 20;
const STUDY_INSTANCES = 400;
const STUDY_INSTANCE_BYTES = MEGABYTE / 2;

const columns = [{ key: 'megabytesPerSecond', title: 'MB/s', digits: 0 }, ...relayCostColumns];

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
      return throughput(bench, front.pid, {
        kind: 'store',
        target,
        associations: 1,
        instancesEach,
        instanceBytes: MEGABYTE,
      });
    });
    return {
      name: 'bulk',
      title: `${instances} instances of 1 MB over one association`,
      note: `PDUs of 131072 bytes, to the raw sink; ${STORE_AND_FORWARD_INSTANCES} instances for dcmjs-dimse.`,
      columns,
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
    const contenders = await contendersInFront(bench, cleanUp, ['none', ...relays], { archive }, (front) =>
      throughput(bench, front.pid, { kind: 'get', target: targetOf(front, bench.certificates) }),
    );
    return {
      name: 'get',
      title: `C-GET of a study of ${studyInstances} instances of 0.5 MB`,
      note: 'The other direction: the archive (the raw sink) stores on the association of the request.',
      columns,
      rows: await takeTurns(contenders, bench),
    };
  },
};

async function throughput(bench: Bench, pid: number | undefined, job: Parameters<Bench['load']['run']>[0]) {
  const usage = await usageDuring(pid, () => bench.load.run(job));
  const { seconds, dataSetBytes } = usage.result;
  return { megabytesPerSecond: dataSetBytes / MEGABYTE / seconds, ...relayCost(usage, dataSetBytes) };
}
