/** Who is alerted of what: webhooks and e-mail, and how much of it. */
import * as z from 'zod';
import { filePath, freeName, oneOrMore, seconds } from './schemaValues';

export const alertEvents = [
  'archive-down',
  'archive-up',
  'audit-broken',
  'canary',
  'certificate-ends',
  'configuration-rejected',
  'crl-failed',
  'denial-burst',
  'modality-changed',
  'modality-heard',
  'modality-locked',
  'modality-silent',
  'modality-unlocked',
  'pending-caller',
  'penalty',
  'shared-down',
  'shared-up',
] as const;

const events = oneOrMore(z.enum(alertEvents), { min: 1 })
  .optional()
  .describe('The alerts that go there; default: all.');

const trustedCertificates = oneOrMore(filePath)
  .optional()
  .describe(
    'PEM bundle(s) of the CAs that sign its certificate; default: the public ones that Node.js knows.',
  );

const allowRemotePlaintext = z
  .boolean()
  .default(false)
  .describe('Allow it without TLS beyond loopback: alerts then cross the network in the clear.');

function isUrlOf(text: string, protocols: readonly string[]): boolean {
  if (!URL.canParse(text)) return false;
  const { protocol, hostname, username, password, hash } = new URL(text);
  return protocols.includes(protocol) && hostname !== '' && `${username}${password}${hash}` === '';
}

/** The messages do not show it: of some services, the URL itself is the secret. */
const webhookUrl = z
  .string()
  .refine((text) => isUrlOf(text, ['https:', 'http:']), {
    error: 'is not a URL such as https://alerts.example/aegis, without user, password and #',
  })
  .meta({ title: 'URL' });

const mailServer = z
  .string()
  .refine((text) => isUrlOf(text, ['smtp:', 'smtps:']) && /^smtps?:\/\/[^/?]+$/.test(text), {
    error:
      'is not an address such as smtp://mail.example:587 or smtps://mail.example:465; user is a key of its own',
  })
  .meta({ title: 'smtp://host:port or smtps://host:port' });

/** What ends up in headers: no space, no line break, nothing that has a meaning there. */
const mailAddress = z
  .string()
  .max(254)
  .regex(/^[\w.!#$%&'*+/=?^`{|}~-]+@[A-Za-z0-9.-]+$/, {
    error: 'is not an e-mail address such as pacs@hospital.example',
  })
  .meta({ title: 'e-mail address' });

const webhook = z.strictObject({
  name: freeName.optional().describe('What the log and metrics call it; default: the host of the URL.'),
  url: webhookUrl.describe('Where alerts are posted to, as JSON: https, or http on loopback.'),
  secretFile: filePath
    .optional()
    .describe(
      'File with the secret that signs each message, readable by its owner only. Left out: unsigned.',
    ),
  trustedCertificates,
  allowRemotePlaintext,
  events,
});

const mail = z.strictObject({
  server: mailServer.describe('smtp:// (port 587, with STARTTLS) or smtps:// (port 465).'),
  user: z.string().min(1).max(254).optional().describe('Account at the server. Left out: none.'),
  passwordFile: filePath.optional().describe('File with its password, readable by its owner only.'),
  from: mailAddress.describe('Address of the sender.'),
  to: oneOrMore(mailAddress, { min: 1 }).describe('Addresses of the receivers.'),
  trustedCertificates,
  allowRemotePlaintext,
  events,
});

export const alerts = z.strictObject({
  webhooks: z.array(webhook).default([]).describe('URLs that alerts are posted to.'),
  mail: mail.optional().describe('E-mail. Left out: there is none.'),
  groupSeconds: seconds(30, 'From an alert to its message, which then has all that came meanwhile.'),
  maxPerHour: z
    .number()
    .int()
    .min(1)
    .max(1000)
    .default(20)
    .describe('Messages of one webhook, or of the e-mail; beyond it, alerts wait and are added up.'),
  certificateDays: z
    .number()
    .int()
    .min(0)
    .max(30)
    .default(30)
    .describe('Alert when so many days are left of a certificate, a revocation list or an entry.'),
  denialBurst: z
    .strictObject({
      count: z.number().int().min(1).max(1_000_000).default(50).describe('So many refusals are a burst.'),
      seconds: seconds(60, 'In this time, of one modality or address.'),
    })
    .prefault({})
    .describe('When refusals are worth an alert.'),
});

export type AlertEvent = (typeof alertEvents)[number];
export type AlertsConfiguration = z.output<typeof alerts>;
export type WebhookConfiguration = AlertsConfiguration['webhooks'][number];
export type MailConfiguration = NonNullable<AlertsConfiguration['mail']>;
