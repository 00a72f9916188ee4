/**
 * Observe mode that ends on a date: the entry enforces from that moment on, without a reload, and what is running goes on.
 */
import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { proposedContext } from '../support/dicomBytes';
import { type ConfigurationInput, TestGateway } from '../support/gateway';
import { GatewayProcess } from '../support/gatewayProcess';
import { RawScu } from '../support/rawScu';
import { SpyUpstream } from '../support/spyUpstream';
import { SopClass } from '../support/uids';

const contexts = [proposedContext(1, SopClass.Verification)];
const REFUSED = 0x0124;
const HOUR_MS = 60 * 60 * 1000;

function configurationOf(
  spy: SpyUpstream,
  observeUntil: string,
  rest: Partial<ConfigurationInput> = {},
): ConfigurationInput {
  return {
    listeners: [{ name: 'plain', host: '127.0.0.1', port: 0 }],
    upstreams: { ARCHIVE: { servers: [`127.0.0.1:${spy.port}`] } },
    modalities: {
      mr1: {
        callingAeTitle: 'MR1',
        from: '127.0.0.1',
        listeners: 'plain',
        mode: 'observe',
        observeUntil,
      },
    },
    ...rest,
  };
}

async function associated(port: number): Promise<RawScu> {
  const scu = await RawScu.connect({ port });
  await scu.associate({ calling: 'MR1', called: 'ARCHIVE', contexts });
  return scu;
}

/** The status of an echo on an association of its own. */
async function echo(port: number): Promise<number> {
  const scu = await associated(port);
  const status = await scu.echo(1);
  await scu.release();
  return status;
}

const now = Date.now.bind(Date);

/** The clock of this process shows a time that is so much later than the real one. */
function advanceClock(ms: number): void {
  jest.spyOn(Date, 'now').mockImplementation(() => now() + ms);
}

describe('observe mode with an end', () => {
  afterEach(() => {
    jest.restoreAllMocks();
  });

  it('enforces after it, and lets an association that is open keep what it was allowed', async () => {
    const spy = await SpyUpstream.start();
    const untilMs = Date.now() + 100 * 24 * HOUR_MS;
    const gateway = await TestGateway.start(configurationOf(spy, new Date(untilMs).toISOString()));
    const open = await associated(gateway.port());
    expect(await open.echo(1)).toBe(0x0000);
    advanceClock(99 * 24 * HOUR_MS);
    expect(await echo(gateway.port())).toBe(0x0000);
    advanceClock(101 * 24 * HOUR_MS);
    const heard = spy.requests.length;
    expect(await echo(gateway.port())).toBe(REFUSED);
    expect(spy.requests).toHaveLength(heard);
    expect(await gateway.event({ event: 'command.refused' })).toMatchObject({
      outcome: 'denied',
      reason: 'command-not-allowed',
      modality: 'mr1',
    });
    expect(await open.echo(1)).toBe(0x0000);
    await open.release();
  });

  it('takes another date from a reload', async () => {
    const spy = await SpyUpstream.start();
    const gateway = await TestGateway.start(configurationOf(spy, '2020-12-31'));
    expect(await echo(gateway.port())).toBe(REFUSED);
    await gateway.reload(configurationOf(spy, '2999-12-31'));
    expect(await echo(gateway.port())).toBe(0x0000);
    await gateway.reload(configurationOf(spy, '2020-12-31'));
    expect(await echo(gateway.port())).toBe(REFUSED);
  });

  it('ends in every worker, and the operator was warned of it', async () => {
    const spy = await SpyUpstream.start();
    const observeUntil = new Date(Date.now() + 4000).toISOString();
    const gateway = await GatewayProcess.start(configurationOf(spy, observeUntil, { workers: 2 }));
    expect(gateway.process.stderr).toContain(`modalities.mr1.mode is "observe" until ${observeUntil}: `);
    const port = gateway.port('plain');
    expect(await echo(port)).toBe(0x0000);
    // As long as it takes, until the date: the deadline is the test's own.
    while ((await echo(port)) !== REFUSED);
    expect(Date.now()).toBeGreaterThanOrEqual(Date.parse(observeUntil));
    const later = await Promise.all(Array.from({ length: 6 }, () => echo(port)));
    expect(new Set(later)).toEqual(new Set([REFUSED]));
  });
});
