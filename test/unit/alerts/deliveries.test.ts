/** What webhooks and mail servers get, and what they are not given; with real receivers on loopback. */
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import * as z from 'zod';
import { type Alert, alertOf } from '../../../src/alerts/alert';
import { deliveriesOf } from '../../../src/alerts/alerts';
import { waitingOf } from '../../../src/alerts/channel';
import { messageOf } from '../../../src/alerts/message';
import { alerts as alertsSchema } from '../../../src/config/schemaAlerts';
import { alertMessage, MailReceiver, WebhookReceiver } from '../../support/alertReceiver';
import { testCertificates } from '../../support/certificates';
import { onCleanUp } from '../../support/cleanUp';
import { shownBlock } from '../../support/documentation';
import { describeWithPeers } from '../../support/peers';
import { freePort, temporaryFolder } from '../../support/processes';

const SECRET = '0123456789abcdef-0123456789abcdef';
const certificates = testCertificates();
const ca = certificates.ca.certificateFile;
const tls = {
  cert: Buffer.from(certificates.server.cert),
  key: Buffer.from(certificates.server.key),
};
const folder = temporaryFolder();
const secretFile = join(folder, 'webhook.secret');
const passwordFile = join(folder, 'mail.password');
writeFileSync(secretFile, `${SECRET}\n`, { mode: 0o600 });
writeFileSync(passwordFile, 'correct horse\n', { mode: 0o600 });

type Input = z.input<typeof alertsSchema>;

const message = messageOf([waitingOf(hostileAlert(), new Date())], 3, new Date());

/** What a device can put into an alert. */
function hostileAlert(): Alert {
  return alertOf({
    event: 'association.rejected',
    outcome: 'denied',
    reason: 'canary',
    sourceAddress: '10.1.2.3',
    callingAeTitle: 'A\r\nBcc: x@y',
    calledAeTitle: '\u202e<b>',
  })!;
}

function send(input: Input): Promise<void> {
  const [delivery] = deliveriesOf(alertsSchema.parse(input));
  return delivery!.deliver(message);
}

function webhook(url: string, more: Partial<NonNullable<Input['webhooks']>[number]> = {}): Input {
  return { webhooks: [{ url, ...more }] };
}

describe('A webhook', () => {
  it('gets JSON of the documented schema over TLS, and nothing else', async () => {
    const receiver = await WebhookReceiver.start({ tls });
    await send(
      webhook(`https://localhost:${receiver.port}/hooks/a?b=c`, { trustedCertificates: ca, secretFile }),
    );
    const [{ path, headers }] = (await receiver.received(1)) as [(typeof receiver.posted)[number]];
    expect(path).toBe('/hooks/a?b=c');
    expect(headers).toMatchObject({
      'content-type': 'application/json',
      'user-agent': expect.stringMatching(/^dicom-aegis\/\d/),
      'aegis-signature': expect.stringMatching(/^sha256=[0-9a-f]{64}$/),
      'aegis-timestamp': expect.stringMatching(/^\d{10}$/),
    });
    expect(receiver.messages).toEqual([JSON.parse(JSON.stringify(message))]);
  });

  it('has the schema that is documented', () => {
    const file = resolve(__dirname, '../../../docs/alert.schema.json');
    const schema = z.toJSONSchema(alertMessage, {
      target: 'draft-07',
      override({ jsonSchema }) {
        // A later version may have more keys.
        delete jsonSchema.additionalProperties;
        if (jsonSchema.format !== undefined) delete jsonSchema.pattern;
      },
    });
    expect(JSON.parse(readFileSync(file, 'utf8'))).toEqual({
      ...schema,
      title: 'Alerts of Aegis, as webhooks get them',
    });
  });

  it('gets no signature without a secret', async () => {
    const receiver = await WebhookReceiver.start();
    await send(webhook(`http://127.0.0.1:${receiver.port}`));
    expect(receiver.posted[0]!.headers).not.toHaveProperty('aegis-signature');
  });

  it('gets nothing where its certificate is not trusted, or has another name', async () => {
    const receiver = await WebhookReceiver.start({ tls });
    const url = `https://localhost:${receiver.port}/secret-path`;
    await expect(send(webhook(url))).rejects.toThrow(/^localhost:\d+ cannot be reached: .*certificate/);
    const other = await WebhookReceiver.start({
      tls: { cert: Buffer.from(certificates.client.cert), key: Buffer.from(certificates.client.key) },
    });
    await expect(
      send(webhook(`https://localhost:${other.port}/secret-path`, { trustedCertificates: ca })),
    ).rejects.toThrow(/^localhost:\d+ cannot be reached: (?!.*secret-path)/);
    expect([...receiver.posted, ...other.posted]).toEqual([]);
  });

  it('is not left for another address', async () => {
    const elsewhere = await WebhookReceiver.start();
    const receiver = await WebhookReceiver.start({
      status: 307,
      headers: { location: `http://127.0.0.1:${elsewhere.port}/` },
    });
    await expect(send(webhook(`http://127.0.0.1:${receiver.port}/`))).rejects.toThrow(
      /answered with HTTP 307, a redirect, which is not followed/,
    );
    expect(elsewhere.posted).toEqual([]);
  });

  it.each([400, 500])('has not taken what it answers with %i', async (status) => {
    const receiver = await WebhookReceiver.start({ status });
    await expect(send(webhook(`http://127.0.0.1:${receiver.port}/`))).rejects.toThrow(
      `127.0.0.1:${receiver.port} answered with HTTP ${status}`,
    );
  });

  it('that is away is named without its path', async () => {
    const port = await freePort();
    await expect(send(webhook(`http://127.0.0.1:${port}/secret-path`))).rejects.toThrow(
      new RegExp(`^127\\.0\\.0\\.1:${port} refused the connection \\(ECONNREFUSED\\)$`),
    );
  });
});

describeWithPeers(['openssl', 'python3'], 'The signature', () => {
  let receiver: WebhookReceiver;
  beforeAll(async () => {
    receiver = await WebhookReceiver.start();
    await send(webhook(`http://127.0.0.1:${receiver.port}`, { secretFile }));
  });
  afterAll(() => receiver.stop());

  it('is checked by the shell line of the documentation', () => {
    const [{ headers, body }] = receiver.posted as [(typeof receiver.posted)[number]];
    writeFileSync(join(folder, 'body.json'), body);
    const { stdout } = spawnSync('sh', ['-c', shownBlock('docs/alerts.md', 'Webhooks', 'sh')], {
      cwd: folder,
      encoding: 'utf8',
      env: { ...process.env, AEGIS_TIMESTAMP: String(headers['aegis-timestamp']) },
    });
    expect(`sha256=${stdout.split(' ')[0]}`).toBe(headers['aegis-signature']);
  });

  it('is checked by the Python of the documentation, which refuses another body and an old one', () => {
    const [{ headers, body }] = receiver.posted as [(typeof receiver.posted)[number]];
    const given = {
      'Aegis-Timestamp': headers['aegis-timestamp'],
      'Aegis-Signature': headers['aegis-signature'],
    };
    const old = { ...given, 'Aegis-Timestamp': '1796000000' };
    const program = [
      shownBlock('docs/alerts.md', 'Webhooks', 'python'),
      'import json, sys',
      'given, old, secret, body = json.load(sys.stdin)',
      'check = lambda headers, body: is_genuine(secret.encode(), headers, body.encode())',
      'print(check(given, body), check(given, body + " "), check(old, body))',
    ].join('\n');
    const { stdout, stderr } = spawnSync('python3', ['-c', program], {
      input: JSON.stringify([given, old, SECRET, body]),
      encoding: 'utf8',
    });
    expect(`${stdout}${stderr}`).toBe('True False False\n');
  });
});

function mail(server: string, more: Partial<NonNullable<Input['mail']>> = {}): Input {
  return { mail: { server, from: 'aegis@gw1', to: ['a@hospital.example', 'b@hospital.example'], ...more } };
}

describe('A mail', () => {
  const account = { user: 'aegis', passwordFile };

  it('goes over STARTTLS with the account, to each receiver', async () => {
    const receiver = await MailReceiver.start({ ...tls });
    const server = `smtp://localhost:${receiver.port}`;
    await send(mail(server, { ...account, trustedCertificates: ca }));
    const [received] = await receiver.received(1);
    expect(received).toMatchObject({
      from: 'aegis@gw1',
      to: ['a@hospital.example', 'b@hospital.example'],
      user: 'aegis',
      isSecure: true,
    });
  });

  it('has a subject and a text in which nothing of a device begins a header', async () => {
    const receiver = await MailReceiver.start({ disabledCommands: ['STARTTLS'] });
    await send(mail(`smtp://127.0.0.1:${receiver.port}`));
    const [received] = await receiver.received(1);
    const [head = '', ...rest] = received!.raw.split('\r\n\r\n');
    const names = head
      .replace(/\r\n[ \t]+/g, ' ')
      .split('\r\n')
      .map((line) => line.split(':')[0]);
    expect(names.sort()).toEqual(
      ['Auto-Submitted', 'Content-Transfer-Encoding', 'Content-Type', 'Date', 'From', 'MIME-Version'].concat([
        'Message-ID',
        'Subject',
        'To',
      ]),
    );
    expect(head.replace(/\r\n[ \t]+/g, ' ')).toMatch(
      /\r\nSubject: \[aegis \S+\] critical: 10\.1\.2\.3 used an AE title/,
    );
    const text = rest.join('\n\n').replace(/=\r\n/g, '').replace(/=3D/g, '=');
    expect(text).toContain('(calling A; Bcc\\x3a x\\x40y, called \\u{202e}\\x3cb\\x3e)');
    expect(text).toContain('To do: Find out what is at that address');
    expect(text).toContain('3 more alerts came meanwhile');
  });

  it('ends the connection to a server that never comes to an end', async () => {
    let socket: Socket | undefined;
    const server = createServer((connection) => {
      socket = connection;
      connection.on('error', () => {});
      connection.write('220 slow ESMTP\r\n');
      connection.on('data', () => connection.write('250-still more\r\n'));
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    onCleanUp(() => void server.close());
    jest.useFakeTimers({ doNotFake: ['nextTick', 'setImmediate', 'queueMicrotask'] });
    try {
      const { port } = server.address() as AddressInfo;
      const sent = send(mail(`smtp://127.0.0.1:${port}`)).catch((error: Error) => error.message);
      // Until it waits for the rest of an answer.
      while ((socket?.bytesRead ?? 0) === 0) await new Promise(setImmediate);
      const closed = once(socket!, 'close');
      await jest.advanceTimersByTimeAsync(60_000);
      expect(await sent).toBe('the mail server was not done in 60 s');
      await closed;
    } finally {
      jest.useRealTimers();
    }
  });

  it('goes by TLS from the first byte with smtps', async () => {
    const receiver = await MailReceiver.start({ ...tls, secure: true });
    await send(mail(`smtps://localhost:${receiver.port}`, { trustedCertificates: ca }));
    expect((await receiver.received(1))[0]).toMatchObject({ isSecure: true });
  });

  it('is not sent where the certificate is not trusted', async () => {
    const receiver = await MailReceiver.start({ ...tls });
    await expect(send(mail(`smtp://localhost:${receiver.port}`))).rejects.toThrow(
      /^localhost:\d+ cannot be reached: .*certificate/,
    );
    expect(receiver.mails).toEqual([]);
  });

  it('is not sent with a wrong password', async () => {
    const wrong = join(folder, 'wrong.password');
    writeFileSync(wrong, 'battery staple', { mode: 0o600 });
    const receiver = await MailReceiver.start({ ...tls });
    await expect(
      send(
        mail(`smtp://localhost:${receiver.port}`, {
          user: 'aegis',
          passwordFile: wrong,
          trustedCertificates: ca,
        }),
      ),
    ).rejects.toThrow(/^localhost:\d+ answered: 535 /);
    expect(receiver.mails).toEqual([]);
  });

  it('does not leave this machine without TLS: an alert where nobody allowed it, a password never', async () => {
    const { needsTls } = await import('../../../src/config/alertChannels');
    const of = (server: string, more = {}) => needsTls(alertsSchema.parse(mail(server, more)).mail!);
    expect(of('smtp://mail.example')).toBe(true);
    expect(of('smtp://mail.example', { allowRemotePlaintext: true })).toBe(false);
    expect(of('smtp://mail.example', { allowRemotePlaintext: true, ...account })).toBe(true);
    expect(of('smtp://127.0.0.1', account)).toBe(false);
    expect(of('smtp://[::1]')).toBe(false);
  });
});

it('reads no secret that others can read', () => {
  chmodSync(secretFile, 0o644);
  const input = alertsSchema.parse(webhook('https://alerts.example', { secretFile }));
  expect(() => deliveriesOf(input)).toThrow(/has mode 644, so others than its owner have access/);
  chmodSync(secretFile, 0o600);
});
