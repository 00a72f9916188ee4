/** What becomes an alert, and what a reload does to the channels; with a real receiver. */
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from '@jest/globals';
import { Alerts } from '../../../src/alerts/alerts';
import type { AuditEvent } from '../../../src/audit/events';
import type { Configuration } from '../../../src/config/schema';
import { WebhookReceiver } from '../../support/alertReceiver';
import { onCleanUp } from '../../support/cleanUp';
import { configurationOf } from '../../support/policyOf';
import { temporaryFolder } from '../../support/processes';

type Keys = NonNullable<Parameters<typeof configurationOf>[1]>['alerts'];

const DAY_MS = 86_400_000;

let receiver: WebhookReceiver;
let recorded: AuditEvent[];
beforeEach(async () => {
  receiver = await WebhookReceiver.start();
  recorded = [];
});

function configurationWith(keys: Keys = {}): Configuration {
  const webhooks = [{ name: 'on-call', url: `http://127.0.0.1:${receiver.port}` }];
  return configurationOf({}, { alerts: { webhooks, groupSeconds: 0.01, ...keys } });
}

function start(configuration = configurationWith()): Alerts {
  const alerts = new Alerts((event) => recorded.push(event), configuration);
  onCleanUp(() => alerts.close());
  return alerts;
}

/** The events of all alerts, once nothing waits any more. */
async function allSent(alerts: Alerts): Promise<string[]> {
  await alerts.close();
  return receiver.messages.flatMap((message) => message.alerts).map(({ event }) => event);
}

const server = { outcome: 'info', calledAeTitle: 'ORTHANC', upstream: '10.1.2.5:4242' } as const;

describe('Alerts', () => {
  it('say that a server is up again only where they said that it was down', async () => {
    const alerts = start();
    for (const event of ['upstream.up', 'upstream.down', 'upstream.up', 'upstream.up'] as const) {
      alerts.record({ event, ...server });
    }
    expect((await allSent(alerts)).sort()).toEqual(['archive-down', 'archive-up']);
  });

  it('leave out certificates that end later than certificateDays', async () => {
    const alerts = start(configurationWith({ certificateDays: 7 }));
    for (const days of [14, 6.9, -1]) {
      const notAfter = new Date(Date.now() + days * DAY_MS).toISOString();
      alerts.record({ event: 'certificate.expiring', outcome: 'info', detail: `in ${days} days`, notAfter });
    }
    await allSent(alerts);
    expect(receiver.messages[0]!.alerts.map(({ text }) => text)).toEqual(['in 6.9 days', 'in -1 days']);
  });

  it('come of a burst, of a new caller, and of an audit log that cannot be written', async () => {
    const alerts = start(configurationWith({ denialBurst: { count: 3, seconds: 60 } }));
    const refused: AuditEvent = {
      event: 'command.refused',
      outcome: 'denied',
      reason: 'command-not-allowed',
      modality: 'ct1',
    };
    for (let times = 0; times < 5; times += 1) alerts.record(refused);
    alerts.pending({ event: 'association.rejected', outcome: 'denied', callingAeTitle: 'CT9' });
    const sinks = { stdout: true, file: false };
    alerts.watchSinks(() => sinks, 1);
    expect(await receiver.alert('audit-broken')).toMatchObject({
      text: 'audit lines cannot be written (file)',
    });
    const burst = await receiver.alert('denial-burst');
    expect(burst).toMatchObject({
      text: 'modality ct1 had 3 refusals in 60 s, the last one: command-not-allowed',
      modality: 'ct1',
      count: 1,
    });
    expect(await receiver.alert('pending-caller')).toMatchObject({ callingAeTitle: 'CT9' });
    expect((await allSent(alerts)).filter((event) => event === 'audit-broken')).toHaveLength(1);
  });

  it('are off without a configuration, and cost no timer', async () => {
    const alerts = start(configurationOf({}, {}));
    alerts.record({ event: 'upstream.down', ...server });
    expect(alerts.isOn).toBe(false);
    await alerts.close();
    expect(recorded).toEqual([]);
  });

  it('go elsewhere after a reload; what waits in a channel that stays goes on waiting', async () => {
    const alerts = start(configurationWith({ groupSeconds: 3600 }));
    alerts.record({ event: 'upstream.down', ...server });
    const other = await WebhookReceiver.start();
    const webhooks = [
      { name: 'on-call', url: `http://127.0.0.1:${other.port}` },
      { name: 'second', url: `http://127.0.0.1:${other.port}/second` },
    ];
    alerts.prepareReload(configurationWith({ webhooks, groupSeconds: 3600 }))();
    await alerts.close();
    expect(receiver.posted).toEqual([]);
    expect(other.posted.map(({ path }) => path)).toEqual(['/']);
  });

  it('drop what waits in a channel that a reload takes away', async () => {
    const alerts = start(configurationWith({ groupSeconds: 3600 }));
    alerts.record({ event: 'upstream.down', ...server });
    alerts.prepareReload(configurationOf({}, {}))();
    await alerts.close();
    expect([...receiver.posted, ...recorded]).toEqual([]);
  });

  it('read no file again where the configuration is the same: a secret that is gone keeps no revocation list out', () => {
    const secretFile = join(temporaryFolder(), 'secret');
    writeFileSync(secretFile, '0123456789abcdef', { mode: 0o600 });
    const configuration = configurationWith({ webhooks: [{ url: 'https://a.example', secretFile }] });
    const alerts = start(configuration);
    rmSync(secretFile);
    alerts.prepareReload(configuration)();
    expect(alerts.isOn).toBe(true);
    const reread = configurationWith({ webhooks: [{ url: 'https://a.example', secretFile }] });
    expect(() => alerts.prepareReload(reread)).toThrow(/secret/);
  });
});
