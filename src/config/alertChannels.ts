/**
 * What is wrong with `alerts` although every key has the right shape: parts that do not fit together, channels that would
 * not be safe, files that cannot be used. Also what a channel is called. Reaches nobody.
 */
import { OperatorError } from '../errors';
import { readText } from '../files/read';
import { isLoopback } from '../text/hostAndPort';
import type { ConfigurationPath, Finding } from '../text/problems';
import { escapeUnsafe } from '../text/quote';
import { readCertificates } from '../x509/tlsFiles';
import { readBearerToken } from './bearerToken';
import type { Configuration } from './schema';
import type { MailConfiguration, WebhookConfiguration } from './schemaAlerts';

export const MAIL_CHANNEL = 'mail';
const MAX_PASSWORD_BYTES = 1024;

/** A URL may be the secret itself, so only its host is ever shown. */
export function channelName({ name, url }: WebhookConfiguration): string {
  return name ?? new URL(url).host;
}

/** Without the brackets of IPv6. */
export function hostOf(url: string): string {
  return new URL(url).hostname.replace(/^\[|\]$/g, '');
}

/** Whether TLS has to be there: nobody asked for less, and it leaves this machine. */
export function needsTls({ server, allowRemotePlaintext, user }: MailConfiguration): boolean {
  return !isLoopback(hostOf(server)) && (!allowRemotePlaintext || user !== undefined);
}

export function* checkAlerts({ alerts }: Configuration): Generator<Finding> {
  if (alerts === undefined) return;
  const { webhooks, mail } = alerts;
  if (webhooks.length === 0 && mail === undefined) {
    yield {
      path: ['alerts'],
      message: 'names neither webhooks nor mail, so nobody gets an alert; name one of them',
    };
  }
  const names = webhooks.map(channelName);
  for (const [index, { url, allowRemotePlaintext, trustedCertificates }] of webhooks.entries()) {
    const path = ['alerts', 'webhooks', index];
    const isPlain = url.startsWith('http:');
    if (names.indexOf(names[index]!) < index || names[index] === MAIL_CHANNEL) {
      yield {
        path,
        message: `is called ${escapeUnsafe(names[index]!)}, as another one is; give it a name of its own`,
      };
    }
    if (isPlain && !allowRemotePlaintext && !isLoopback(hostOf(url))) {
      yield {
        path: [...path, 'url'],
        message:
          'is http beyond loopback, so alerts would cross the network in the clear; use https, or set allowRemotePlaintext',
      };
    }
    if (isPlain && trustedCertificates !== undefined) {
      yield { path: [...path, 'trustedCertificates'], message: 'has no effect on http', severity: 'warning' };
    }
  }
  if (mail !== undefined && (mail.user === undefined) !== (mail.passwordFile === undefined)) {
    const [given, missing] = mail.user === undefined ? ['passwordFile', 'user'] : ['user', 'passwordFile'];
    yield {
      path: ['alerts', 'mail', missing!],
      message: `is missing although ${given} is given; give both or neither`,
    };
  }
}

/** The secret that signs what goes to the webhook. Throws OperatorError. */
export function readWebhookSecret({ secretFile }: WebhookConfiguration): string | undefined {
  return secretFile === undefined ? undefined : readBearerToken(secretFile);
}

/** Throws OperatorError. */
export function readMailPassword({ passwordFile }: MailConfiguration): string | undefined {
  return passwordFile === undefined ? undefined : readPassword(passwordFile);
}

/** One line, in a file that only its owner can read. Throws OperatorError. */
export function readPassword(passwordFile: string): string {
  const text = readText(passwordFile, { secret: 'password', maxBytes: MAX_PASSWORD_BYTES });
  const password = text.replace(/\r?\n$/, '');
  if (password === '' || escapeUnsafe(password) !== password) {
    throw new OperatorError(`${passwordFile} holds no password; write it there, on one line`);
  }
  return password;
}

/** PEM; undefined where the CAs of Node.js count. Throws OperatorError. */
export function readChannelTrust({
  trustedCertificates,
}: Pick<WebhookConfiguration, 'trustedCertificates'>): string[] | undefined {
  return trustedCertificates?.map((file) => readCertificates(file).pem);
}

/** Of the files that `alerts` names. */
export function* inspectAlertFiles({ alerts }: Configuration): Generator<Finding> {
  if (alerts === undefined) return;
  for (const [index, webhook] of alerts.webhooks.entries()) {
    const path = ['alerts', 'webhooks', index];
    yield* attempt([...path, 'secretFile'], () => readWebhookSecret(webhook));
    yield* attempt([...path, 'trustedCertificates'], () => readChannelTrust(webhook));
  }
  const { mail } = alerts;
  if (mail === undefined) return;
  yield* attempt(['alerts', 'mail', 'passwordFile'], () => readMailPassword(mail));
  yield* attempt(['alerts', 'mail', 'trustedCertificates'], () => readChannelTrust(mail));
}

function* attempt(path: ConfigurationPath, read: () => unknown): Generator<Finding> {
  try {
    read();
  } catch (error) {
    if (!(error instanceof OperatorError)) throw error;
    yield { path, message: escapeUnsafe(error.message), kind: 'file' };
  }
}
