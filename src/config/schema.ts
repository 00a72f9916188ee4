/**
 * The configuration's one source of truth: types, validation, defaults and config/aegis.schema.json all come
 * from here. Descriptions are shown by editors and by docs/configuration.md. Files are named, never read, here.
 */
import * as z from 'zod';
import { alerts } from './schemaAlerts';
import { audit } from './schemaAudit';
import { limits } from './schemaLimits';
import { clientTls, modality, tlsProfile } from './schemaModality';
import { shared } from './schemaShared';
import { policyTest } from './schemaTests';
import { associationTimeouts, ownTimeouts } from './schemaTimeouts';
import {
  aeTitle,
  aeTitleAsKey,
  bearerToken,
  cidr,
  filePath,
  freeName,
  hostAndPort,
  ipAddress,
  listSource,
  oneOrMore,
  port,
  seconds,
  withoutPrototype,
} from './schemaValues';

const listenerTls = z.strictObject({
  profile: tlsProfile.default('bcp195').describe('TLS profile of PS3.15 Annex B.'),
  certificate: oneOrMore(filePath).describe(
    'PEM file of the server certificate and its chain; a list for RSA and ECDSA side by side.',
  ),
  privateKey: oneOrMore(filePath).describe(
    'PEM file of the private key, readable by its owner only; one for each certificate.',
  ),
  trustedCertificates: oneOrMore(filePath)
    .optional()
    .describe('PEM bundle(s) of the CAs that sign client certificates.'),
  clientCertificate: z
    .enum(['required', 'none'])
    .default('required')
    .describe('Whether peers must show a certificate.'),
  crl: oneOrMore(listSource)
    .optional()
    .describe(
      'Revocation lists of the trusted CAs, PEM or DER: files, URLs to fetch them from, or "auto" for the URLs in the certificates named here.',
    ),
});

const listener = z.strictObject({
  name: freeName.describe('Name that modalities and the audit log use for this listener.'),
  host: z.string().min(1).default('0.0.0.0').describe('Local address to listen on.'),
  port: port.describe('TCP port; 2762 is registered for DICOM over TLS, 11112 and 104 for plain DICOM.'),
  tls: listenerTls.optional().describe('Left out: a plain listener.'),
  proxyProtocol: z
    .strictObject({
      trustedProxies: z
        .array(cidr)
        .min(1)
        .describe('Addresses of the proxies; connections of others are closed.'),
    })
    .optional()
    .describe('A PROXY protocol header (v1 or v2) is then required on every connection.'),
});

const upstream = z.strictObject({
  servers: oneOrMore(hostAndPort, { min: 1 }).describe(
    'host:port of the archive; with several, `balance` says which one takes an association.',
  ),
  balance: z
    .enum(['failover', 'leastAssociations'])
    .default('failover')
    .describe('failover: the first server that is up; leastAssociations: the one with the fewest.'),
  health: z
    .strictObject({
      check: z
        .enum(['echo', 'tcp', 'off'])
        .default('echo')
        .describe('echo: a C-ECHO; tcp: a connection alone; off: nothing.'),
      intervalSeconds: seconds(10, 'From the end of one check to the next.'),
      deadlineSeconds: seconds(5, 'For a check to succeed.'),
    })
    .optional()
    .describe('How servers are watched. Left out: by C-ECHO where there are several, else not at all.'),
  localAddress: z
    .literal('per-modality')
    .optional()
    .describe('per-modality: each modality reaches the archive from a loopback address of its own (Linux).'),
  calledAeTitle: aeTitle
    .optional()
    .describe('Called AE title towards the archive; default: what the modality called.'),
  maxAssociations: z
    .number()
    .int()
    .min(1)
    .optional()
    .describe('Concurrent associations towards this upstream; default: no limit of its own.'),
  userIdentity: z
    .enum(['strip', 'pass'])
    .default('strip')
    .describe('Whether user identity (58H) is passed to the archive; without tls in the clear.'),
  tls: clientTls.optional().describe('TLS to every server of this upstream. Left out: plain DICOM.'),
  allowRemotePlaintext: z
    .boolean()
    .default(false)
    .describe('Without tls, allow servers beyond loopback: DICOM then crosses the network in the clear.'),
  timeouts: ownTimeouts.describe('Timeouts of associations with this upstream; default: the global ones.'),
});

const timeouts = z.strictObject({
  tlsHandshakeSeconds: seconds(10, 'From TCP accept to the end of the TLS handshake (and the PROXY header).'),
  artimSeconds: seconds(30, 'From the handshake to the complete A-ASSOCIATE-RQ (PS3.8 §9.1.4).'),
  ...associationTimeouts,
  drainSeconds: seconds(60, 'For running associations to end after SIGTERM.'),
});

const egress = z.strictObject({
  host: z.string().min(1).default('127.0.0.1').describe('Local address to listen on.'),
  port: port.default(4243).describe('TCP port that the archive dials for every modality.'),
  from: oneOrMore(cidr)
    .prefault(['127.0.0.1', '::1'])
    .describe('IP addresses and CIDR blocks of the archives. An empty list allows nobody.'),
  callingAeTitle: oneOrMore(aeTitle)
    .optional()
    .describe(
      'AE titles that the archives call with beside those of upstreams, such as LocalAet of Orthanc; they open nothing on the way in.',
    ),
  allowRemotePlaintext: z
    .boolean()
    .default(false)
    .describe('Allow a host beyond loopback: DICOM then crosses the network in the clear.'),
});

const tcp = z.strictObject({
  keepAliveSeconds: z
    .number()
    .int()
    .min(0)
    .max(7200)
    .default(60)
    .describe('How long a connection is silent before TCP probes it, so that firewalls keep it; 0: never.'),
  quickAck: z
    .enum(['auto', 'off'])
    .default('auto')
    .describe(
      'auto: on Linux, acknowledge parts of a PDU at once, which saves 40 ms for each message of DCMTK and Orthanc.',
    ),
});

const admin = z.strictObject({
  host: ipAddress
    .default('127.0.0.1')
    .describe('Local address to listen on; beyond loopback, a token is needed.'),
  port: port.default(9762).describe('TCP port; 0 takes a free one.'),
  token: bearerToken
    .optional()
    .describe('Bearer token for what changes anything; best from AEGIS__ADMIN__TOKEN, not in this file.'),
  tokenFile: filePath
    .optional()
    .describe('File that holds the token, readable by its owner only; instead of token.'),
});

const pending = z.strictObject({
  file: filePath
    .optional()
    .describe('Where the pending callers are kept, so that they survive a restart; written by the gateway.'),
  maxEntries: z
    .number()
    .int()
    .min(1)
    .max(10_000)
    .default(1000)
    .describe('Pending callers that are remembered; beyond it, the one that was not seen for longest goes.'),
});

const contact = z.strictObject({
  name: freeName.optional().describe('Team or person.'),
  phone: freeName.optional().describe('Telephone number.'),
  email: freeName.optional().describe('E-mail address.'),
});

const penalty = z.strictObject({
  faults: z
    .number()
    .int()
    .min(1)
    .max(10_000)
    .default(20)
    .describe('Refusals of one address or certificate in a minute; with so many it is in the box.'),
  seconds: seconds(300, 'How long it stays there.'),
  exempt: oneOrMore(cidr)
    .prefault([])
    .describe('Addresses that are never in the box; after a reload, those that are in it are let out.'),
});

export const configurationSchema = z.strictObject({
  $schema: z.string().optional().describe('For editors: where aegis.schema.json is.'),
  listeners: z.array(listener).min(1).describe('Where modalities connect.'),
  upstreams: z
    .record(aeTitleAsKey, upstream)
    .transform(withoutPrototype)
    .describe('Archives, keyed by the called AE title that modalities use; "*" takes every other one.'),
  modalities: z
    .record(freeName, modality)
    .transform(withoutPrototype)
    .describe('The allowlist: who may connect, from where, for what.'),
  egress: egress
    .optional()
    .describe(
      'Plain listener for what the archive sends, routed by called AE title to modalities.*.address.',
    ),
  strictAeTitles: z.boolean().default(false).describe('true: compare AE titles case-sensitively.'),
  unknownAddresses: z
    .enum(['close', 'reject'])
    .default('close')
    .describe('close: before the handshake; reject: after it, with A-ASSOCIATE-RJ.'),
  canaryAeTitles: oneOrMore(aeTitle)
    .prefault([])
    .describe('AE titles that no device has. One use is an alarm, and leads into the penalty box.'),
  penalty: penalty
    .optional()
    .describe('A peer that is refused too often is closed at accept for a time. Left out: nobody is.'),
  limits: limits.prefault({}).describe('Upper bounds for what peers may use.'),
  timeouts: timeouts.prefault({}).describe('How long each phase may take.'),
  tcp: tcp.prefault({}).describe('How TCP is used, on both legs.'),
  workers: z
    .union([z.int().min(1).max(64), z.literal('auto')])
    .default(1)
    .describe('Processes that share the work; auto: one for each core.'),
  audit: audit.prefault({}).describe('Where the audit log goes, besides stdout.'),
  alerts: alerts.optional().describe('Who is alerted when something needs a person. Left out: nobody.'),
  admin: admin.optional().describe('HTTP for monitoring and for `aegis status`. Left out: there is none.'),
  pending: pending
    .prefault({})
    .describe('The list of callers that were refused, for `aegis modality pending`.'),
  pidFile: filePath
    .optional()
    .describe('Where the gateway writes its process ID, for `aegis reload` without an admin token.'),
  stateDirectory: filePath
    .default('state')
    .describe(
      'Folder for what the gateway keeps across restarts: locks, fetched revocation lists, inventory, counters, history, what waits for the syslog server.',
    ),
  shared: shared
    .optional()
    .describe('What several gateways share over Redis. Left out: each gateway is by itself.'),
  crlRefreshSeconds: z
    .number()
    .int()
    .min(60)
    .max(86400)
    .default(3600)
    .describe('How often a list of a URL in crl is fetched, at the latest; sooner where it ends.'),
  tests: z
    .array(policyTest)
    .optional()
    .describe('What the policy must answer; checked by `aegis check` and before every start and reload.'),
  contact: contact
    .optional()
    .describe('The team that vendors ask; printed on onboarding sheets and used for nothing else.'),
});

export type Configuration = z.output<typeof configurationSchema>;
export type ListenerConfiguration = Configuration['listeners'][number];
export type ListenerTlsConfiguration = NonNullable<ListenerConfiguration['tls']>;
export type UpstreamConfiguration = Configuration['upstreams'][string];
export type ModalityConfiguration = Configuration['modalities'][string];
export type { CommandPermission } from '../dimse/permissions';
export type TlsProfile = z.output<typeof tlsProfile>;
export type Timeouts = Configuration['timeouts'];
export type Limits = Configuration['limits'];
