/** Alerts of a real gateway: what happens comes to a webhook and a mail server, over reloads, outages and the stop. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { MailReceiver, WebhookReceiver } from '../support/alertReceiver';
import { proposedContext } from '../support/dicomBytes';
import { type ConfigurationInput, plainConfiguration } from '../support/gateway';
import { GatewayProcess } from '../support/gatewayProcess';
import { freePort, temporaryFolder } from '../support/processes';
import { RawScu } from '../support/rawScu';
import { SpyUpstream } from '../support/spyUpstream';
import { SopClass } from '../support/uids';

const contexts = [proposedContext(1, SopClass.Verification)];

async function call(gateway: GatewayProcess, calling: string): Promise<void> {
  const scu = await RawScu.connect({ port: gateway.port('plain') });
  await scu.associate({ calling, called: 'ARCHIVE', contexts });
  scu.end();
}

describe('The alerts of a gateway with two workers', () => {
  it('come to their receivers, wait for one that is away, and change with a reload', async () => {
    const webhookPort = await freePort();
    const mail = await MailReceiver.start({ disabledCommands: ['STARTTLS'] });
    const folder = temporaryFolder();
    const secretFile = join(folder, 'webhook.secret');
    writeFileSync(secretFile, '0123456789abcdef', { mode: 0o600 });
    const spy = await SpyUpstream.start();
    const configurationWith = (alerts: ConfigurationInput['alerts']) =>
      plainConfiguration(
        spy.port,
        {},
        {
          workers: 2,
          stateDirectory: folder,
          canaryAeTitles: ['FINDSCU'],
          penalty: { exempt: '127.0.0.1' },
          alerts,
        },
      );
    const webhook = { name: 'on-call', url: `http://127.0.0.1:${webhookPort}/hook`, secretFile };
    const both: ConfigurationInput['alerts'] = {
      groupSeconds: 0.5,
      denialBurst: { count: 5, seconds: 60 },
      webhooks: [webhook],
      mail: {
        server: `smtp://127.0.0.1:${mail.port}`,
        from: 'aegis@gw1',
        to: 'pacs@hospital.example',
        events: ['denial-burst'],
      },
    };
    const gateway = await GatewayProcess.start(configurationWith(both));

    // Nobody listens there yet.
    await call(gateway, 'FINDSCU');
    expect(await gateway.event('alert.failed')).toMatchObject({ channel: 'on-call', outcome: 'failed' });
    for (let calls = 0; calls < 5; calls += 1) await call(gateway, 'NOBODY');
    const [received] = await mail.received(1);
    expect(received!.raw).toMatch(/\r\nSubject: \[aegis \S+\] warning: 127\.0\.0\.1 had 5 refusals in 60 s/);
    expect(received!.raw).not.toContain('canary');

    // A reload looks again at what failed, and takes a file that is refused for an alert.
    const receiver = await WebhookReceiver.start({ port: webhookPort });
    gateway.reload('{');
    await gateway.event('configuration.rejected');
    gateway.reload(configurationWith({ ...both, mail: undefined }));
    await receiver.received(1);
    for (const event of ['canary', 'denial-burst', 'pending-caller', 'configuration-rejected']) {
      expect(await receiver.alert(event)).toMatchObject({ count: 1 });
    }
    expect(receiver.posted[0]!.headers).toHaveProperty('aegis-signature');
    expect(await receiver.alert('pending-caller')).toMatchObject({
      callingAeTitle: 'NOBODY',
      sourceAddress: '127.0.0.1',
      reason: 'calling-ae-title-unknown',
    });

    // What waits when the gateway stops is sent before it has gone.
    gateway.reload(configurationWith({ ...both, mail: undefined, groupSeconds: 3600 }));
    await gateway.events('configuration.reloaded', 2);
    await call(gateway, 'FINDSCU');
    await gateway.events('association.rejected', 7);
    expect((await gateway.process.stop()).exitCode).toBe(0);
    const canaries = receiver.messages
      .flatMap(({ alerts }) => alerts)
      .filter(({ event }) => event === 'canary');
    expect(canaries).toHaveLength(2);
    expect(mail.mails).toHaveLength(1);
  });
});
