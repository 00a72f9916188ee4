import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { registerAlerts } from '../../../src/commands/alerts/alerts';
import { ExitCode } from '../../../src/errors';
import { MailReceiver, WebhookReceiver } from '../../support/alertReceiver';
import { runCommand } from '../../support/commandLine';
import { type ConfigurationInput, plainConfiguration } from '../../support/gateway';
import { freePort, temporaryFolder } from '../../support/processes';

function file(alerts: ConfigurationInput['alerts']): string {
  const name = join(temporaryFolder(), 'aegis.jsonc');
  writeFileSync(name, JSON.stringify(plainConfiguration(104, {}, { alerts })));
  return name;
}

function run(alerts: ConfigurationInput['alerts'], ...words: string[]) {
  return runCommand(registerAlerts, ['--config', file(alerts), 'alerts', 'test', ...words]);
}

function withoutTimes(text: string): string {
  return text
    .replace(/ +\d+\.\d ms/g, '  0.1 ms')
    .replace(/:\d{5}\b|port \d{5}\b/g, (port) => port.replace(/\d{5}/, 'PORT'));
}

describe('aegis alerts test', () => {
  it('sends a test alert through each channel, and prints each step', async () => {
    const webhook = await WebhookReceiver.start();
    const mail = await MailReceiver.start({ disabledCommands: ['STARTTLS'] });
    const { printed, exitCode } = await run({
      webhooks: [{ name: 'on-call', url: `http://127.0.0.1:${webhook.port}/secret` }],
      mail: { server: `smtp://127.0.0.1:${mail.port}`, from: 'aegis@gw1', to: 'pacs@hospital.example' },
    });
    expect(withoutTimes(printed)).toBe(
      [
        'webhook on-call, not signed',
        '  ok      TCP  0.1 ms  connected to 127.0.0.1 port PORT',
        '  ok      answer  0.1 ms  HTTP 204',
        'mail to pacs@hospital.example',
        '  ok      server  0.1 ms  127.0.0.1:PORT took it: 250 OK: message queued',
        '',
      ].join('\n'),
    );
    expect(exitCode).toBe(ExitCode.Done);
    expect(webhook.messages).toMatchObject([{ isTest: true, alerts: [{ event: 'test', severity: 'info' }] }]);
    expect(mail.mails[0]!.raw).toContain('this is a test of the alerts; nothing has happened');
  });

  it('goes on behind a channel that does not take it, says why, and exits with 1', async () => {
    const webhook = await WebhookReceiver.start();
    const port = await freePort();
    const alerts = {
      webhooks: [
        { name: 'gone', url: `http://127.0.0.1:${port}/secret` },
        { name: 'on-call', url: `http://127.0.0.1:${webhook.port}/` },
      ],
    };
    const { printed, exitCode } = await run(alerts);
    expect(printed).toMatch(/^webhook gone, not signed\n {2}failed {2}delivery .* refused the connection/);
    expect(printed).not.toContain('/secret');
    expect(webhook.posted).toHaveLength(1);
    expect(exitCode).toBe(ExitCode.Failed);
  });

  it('tries one channel alone, also for programs', async () => {
    const webhook = await WebhookReceiver.start();
    const port = await freePort();
    const alerts = {
      webhooks: [
        { name: 'gone', url: `http://127.0.0.1:${port}/` },
        { name: 'on-call', url: `http://127.0.0.1:${webhook.port}/` },
      ],
    };
    const { printed, exitCode } = await run(alerts, 'on-call', '--json');
    expect(JSON.parse(printed)).toMatchObject({
      ok: true,
      channels: [
        { channel: 'on-call', ok: true, steps: [{ name: 'TCP' }, { name: 'answer', text: 'HTTP 204' }] },
      ],
    });
    expect(exitCode).toBe(ExitCode.Done);
    await expect(run(alerts, 'mail')).rejects.toThrow(
      '"mail" is not a channel of "alerts"; accepted is "gone" or "on-call"',
    );
  });

  it('says what to do where nobody is alerted', async () => {
    await expect(run(undefined)).rejects.toThrow(
      /has no "alerts", so nobody gets an alert; docs\/alerts\.md/,
    );
  });
});
