/** Where the audit log goes besides stdout and its file: a syslog server, and what is sent there. */
import * as z from 'zod';
import { clientTls } from './schemaModality';
import { freeName, hostAndPort } from './schemaValues';

export const syslog = z.strictObject({
  server: hostAndPort.describe('host:port of the server; 6514 is usual for TLS, 514 for UDP.'),
  protocol: z
    .enum(['tls', 'tcp', 'udp'])
    .default('tls')
    .describe('tls: RFC 5425; tcp: the same without TLS; udp: one datagram for each message.'),
  tls: clientTls.optional().describe('Required with protocol tls, and only there.'),
  facility: z.number().int().min(0).max(23).default(10).describe('Facility of RFC 5424; 10 is authpriv.'),
  messageId: z
    .string()
    .regex(/^[\x21-\x7e]{1,32}$/, { error: 'a message ID has 1 to 32 printable characters without spaces' })
    .optional()
    .describe('MSGID of RFC 5424; default: IHE+RFC-3881 for DICOM audit messages, else the event.'),
  spoolBytes: z
    .number()
    .int()
    .min(1_048_576)
    .max(107_374_182_400)
    .default(104_857_600)
    .describe('Room on the disk for what the server has not taken; beyond it, the oldest are dropped.'),
});

export const atna = z.strictObject({
  patients: z
    .boolean()
    .default(false)
    .describe('Name patient and study, and send the keys of queries. These are patient data.'),
  sourceId: freeName.optional().describe('AuditSourceID; default: aegis@ and the name of this machine.'),
  siteId: freeName.optional().describe('AuditEnterpriseSiteID; left out by default.'),
});
