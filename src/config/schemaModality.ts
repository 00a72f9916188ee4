/**
 * The shape of one entry of the allowlist: who the modality is, what it may do, and where it listens itself. Part of
 * schema.ts, which says what is true of the whole.
 */
import * as z from 'zod';
import { commandPermissions } from '../dimse/permissions';
import { quoteValue } from '../text/quote';
import { ownTimeouts } from './schemaTimeouts';
import {
  aeTitle,
  beginOrMoment,
  certificateMatcher,
  certificatePin,
  cidr,
  dateOrDateTime,
  filePath,
  freeName,
  listSource,
  oneOrMore,
  portToReach,
  span,
} from './schemaValues';

/** PS3.15 Annex B profiles that can be offered; see net/tlsProfiles. */
export const tlsProfile = z.enum(['bcp195', 'bcp195-modified', 'bcp195-nd', 'bcp195-extended', 'aes-legacy']);

/** TLS towards a peer that we dial: the same keys for an archive and for a modality. */
export const clientTls = z.strictObject({
  profile: tlsProfile.default('bcp195').describe('TLS profile of PS3.15 Annex B.'),
  trustedCertificates: oneOrMore(filePath).describe('PEM bundle(s) of the CAs that sign its certificate.'),
  crl: oneOrMore(listSource)
    .optional()
    .describe('Revocation lists of these CAs, PEM or DER: files, URLs, or "auto".'),
  certificate: filePath.optional().describe('PEM file of the certificate that is shown to it.'),
  privateKey: filePath.optional().describe('PEM file of the private key of that certificate.'),
  serverName: z
    .string()
    .min(1)
    .optional()
    .describe('Name that its certificate must have; default: host, unless there is a pin.'),
  pin: oneOrMore(certificatePin)
    .optional()
    .describe(
      'Certificates that it may show, any one must match; the name is then checked only where serverName says so.',
    ),
});

const address = z.strictObject({
  host: z
    .string()
    .min(1)
    .describe(
      'Host name or IP address of the modality; "last-seen": where it came from last with its certificate.',
    ),
  port: portToReach.describe('Its DICOM port.'),
  calledAeTitle: aeTitle.optional().describe('Called AE title towards it; default: what the archive called.'),
  callingAeTitle: aeTitle
    .optional()
    .describe('Calling AE title towards it; default: the one of the archive.'),
  tls: clientTls.optional().describe('Left out: plain DICOM.'),
});

/** Of one element: its values, or whether it has one. */
const storeCondition = z.union(
  [z.string().transform((text) => [text]), z.array(z.string()).min(1), z.boolean()],
  {
    error: ({ input }) =>
      `${quoteValue(input)} is not accepted; accepted is a value, a list of values, true (has a value) or false (has none)`,
  },
);

const storeRule = z.strictObject({
  name: freeName.optional().describe('What the audit log calls the rule, beside its index.'),
  allow: z
    .record(z.string(), storeCondition)
    .optional()
    .describe('The images that it allows: by element, all must hold.'),
  refuse: z
    .record(z.string(), storeCondition)
    .optional()
    .describe('The images that it refuses: by element, all must hold.'),
  status: z.enum(['0xA900', '0x0124']).optional().describe('Answer of its refusal; default: 0xA900.'),
});

export const modality = z.strictObject({
  callingAeTitle: oneOrMore(aeTitle).describe('Calling AE title(s) of this modality.'),
  from: oneOrMore(cidr).describe(
    'IP addresses and CIDR blocks that it may come from. An empty list allows nobody.',
  ),
  calledAeTitle: oneOrMore(aeTitle)
    .optional()
    .describe('Called AE titles that it may use; default: every upstream.'),
  listeners: oneOrMore(z.string())
    .optional()
    .describe('Listeners that it may use; default: every TLS listener.'),
  certificate: oneOrMore(certificateMatcher)
    .optional()
    .describe('Certificates that it may show, any one must match; default: any that the listener trusts.'),
  allow: oneOrMore(z.enum(commandPermissions))
    .prefault([])
    .describe('Commands that it may use; nothing by default.'),
  services: oneOrMore(z.string().min(1))
    .optional()
    .describe('SOP classes that it may use beyond allow, such as private N-services: keyword or UID.'),
  storeSopClasses: oneOrMore(z.string().min(1))
    .optional()
    .describe('SOP classes that it may store: keyword, UID, or UID prefix ending in *.'),
  dataSets: z
    .enum(['verify', 'observe', 'off'])
    .default('verify')
    .describe(
      'verify: a C-STORE is refused if its data set is of another SOP class or instance than its command says. observe: it is relayed, logged and counted. off: data sets are not looked at.',
    ),
  storeRules: z
    .array(storeRule)
    .min(1)
    .optional()
    .describe(
      'Which images it may store, by elements of the data set. The first rule that matches decides; without a match, the opposite of the last one.',
    ),
  moveDestinations: oneOrMore(aeTitle)
    .optional()
    .describe('AE titles that it may name as C-MOVE destination; default: its own; "*" opens.'),
  presentationContexts: z
    .enum(['allowed', 'proposed'])
    .default('allowed')
    .describe(
      'allowed: a presentation context on which the entry allows nothing is refused when the association is negotiated, and not proposed to the other end. proposed: all are passed on, and each request is refused by itself.',
    ),
  maxAssociations: z
    .number()
    .int()
    .min(1)
    .optional()
    .describe('Concurrent associations; default: no limit of its own.'),
  associationsPerSecond: z
    .number()
    .int()
    .min(0)
    .optional()
    .describe('Associations that it may begin; default: limits.associationsPerSecond. 0: no limit.'),
  commandsPerSecond: z
    .number()
    .int()
    .min(0)
    .optional()
    .describe('Its commands, over all its associations; default: limits.commandsPerSecond. 0: no limit.'),
  mode: z
    .enum(['enforce', 'observe'])
    .default('enforce')
    .describe('observe: what would be denied after identification is relayed, logged and counted.'),
  observeUntil: dateOrDateTime
    .optional()
    .describe(
      'When observe mode ends and the entry enforces; default: never. A date counts to its end in UTC.',
    ),
  validFrom: beginOrMoment
    .optional()
    .describe('From when on the entry counts; default: always. A date counts from its beginning in UTC.'),
  validUntil: dateOrDateTime
    .optional()
    .describe(
      'When the entry ends: the modality is refused, and its associations end; default: never. A date counts to its end in UTC.',
    ),
  expectEvery: span
    .optional()
    .describe(
      'How long it may be silent, such as "1d", "12h" or "30m"; then the log and `aegis status` say so. Nothing is sent to it. Default: as long as it likes.',
    ),
  egressAllow: oneOrMore(z.enum(commandPermissions))
    .optional()
    .describe('Commands that the archive may send to it; default: every one.'),
  timeouts: ownTimeouts.describe(
    'Timeouts of associations with this modality, also in egress; default: those of the upstream, then the global ones.',
  ),
  address: address.optional().describe('Where the modality itself listens: for egress and `aegis echo`.'),
});
