/** Entries that end: refused from that moment on, and what is open ends with them, on every worker. */
import { describe, expect, it } from '@jest/globals';
import { proposedContext } from '../support/dicomBytes';
import { plainConfiguration } from '../support/gateway';
import { GatewayProcess } from '../support/gatewayProcess';
import { RawScu } from '../support/rawScu';
import { SpyUpstream } from '../support/spyUpstream';
import { SopClass } from '../support/uids';

const fields = {
  calling: 'CT1',
  called: 'ARCHIVE',
  contexts: [proposedContext(1, SopClass.Verification)],
};

describe('an entry with an end', () => {
  it.each([1, 2])('lets in until then, and ends what is open, with %d worker(s)', async (workers) => {
    const spy = await SpyUpstream.start();
    const validUntil = new Date(Date.now() + 6000).toISOString();
    const gateway = await GatewayProcess.start(plainConfiguration(spy.port, { validUntil }, { workers }));
    const port = gateway.port('plain');
    const open = await Promise.all([1, 2, 3].map(() => RawScu.associated(port, fields)));
    for (const scu of open) expect((await scu.readPdu())[0]).toBe(0x07);
    expect(Date.now()).toBeGreaterThanOrEqual(Date.parse(validUntil));
    const ended = await gateway.events('association.aborted', 3);
    expect(new Set(ended.map(({ reason }) => reason))).toEqual(new Set(['entry-not-valid-now']));
    const heard = spy.connects;
    const late = await RawScu.connect({ port });
    expect(await late.associate(fields)).toMatchObject({ kind: 'rejected', result: 1, source: 1, reason: 3 });
    expect(spy.connects).toBe(heard);
    expect(gateway.process.stderr).toContain('modalities.ct1.validUntil ends in less than a day');
  });
});
