/**
 * Each kind of fault once, under load, with a real Orthanc: the short version of `npm run soak`. What was acknowledged is
 * stored, what was answered is logged, nothing is left open, and everybody is served afterwards.
 */
import { expect, it } from '@jest/globals';
import { Soak } from '../soak/soak';
import { describeWithPeers } from '../support/peers';

const seed = Number(process.env.FUZZ_SEED ?? Date.now() % 0x7fffffff);

describeWithPeers(['Orthanc', 'storescu'], 'each kind of fault', () => {
  it(`harms nothing but what it must (FUZZ_SEED=${seed})`, async () => {
    const soak = await Soak.open({ seed, workers: 2, node: process.execPath, isShort: true });
    await soak.runEachOnce();
    expect(soak.findings).toEqual([]);
    expect(soak.acknowledged).toBeGreaterThan(100);
  }, 300_000);
});
