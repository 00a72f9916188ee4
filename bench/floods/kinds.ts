/**
 * The attacks of the table: who attacks how, from where, and where the audit log goes meanwhile.
 */
import type { AttackName } from './attacks';
import type { SinkName } from './sinks';

export interface Flood {
  readonly name: string;
  readonly title: string;
  readonly attack: AttackName;
  readonly connections: number;
  /** Left out: the plain listener. */
  readonly tls?: 'certificate' | 'none';
  /** Default: an entry that may send C-ECHO. */
  readonly calling?: string;
  /** Default: that of the entry. */
  readonly network?: string;
  /** Default: one. */
  readonly addresses?: number;
  readonly sink?: SinkName;
  readonly limits?: Readonly<Record<string, number>>;
}

/** So that a thousand attackers are not refused for their number. */
const ROOM = { limits: { maxAssociations: 4096 } };

export const floods: readonly Flood[] = [
  flood('nobody', 'nobody', 'hold', 0),
  flood('drip-handshake', '1,000 send a byte a second of a handshake', 'drip-handshake', 1000, {
    tls: 'none',
  }),
  flood('drip-associate', '1,000 a byte a second of an A-ASSOCIATE', 'drip-associate', 1000),
  flood('drip-associate-tls', 'the same over TLS', 'drip-associate', 1000, { tls: 'certificate' }),
  flood('big-associate', '1,000 send 0.9 of 1 MB of an A-ASSOCIATE', 'big-associate', 1000, {
    addresses: 100,
  }),
  flood('drip-data', '1,000 a byte a second of a P-DATA', 'drip-data', 1000, ROOM),
  flood('hold', '1,000 hold associations and do nothing', 'hold', 1000),
  flood('crumbs', '100 send PDUs of one byte', 'crumbs', 100),
  flood('refused-4', '4 pipeline refused commands', 'refused', 4),
  flood('refused', '500 pipeline refused commands', 'refused', 500),
  flood('permitted', '500 pipeline permitted C-ECHOs', 'permitted', 500),
  flood('refused-unread', '500 do not read their refusals', 'refused-unread', 500),
  flood('permitted-unread', '500 do not read their C-ECHO responses', 'permitted-unread', 500),
  flood('rejected', '64 loops of rejected associations', 'associations', 64, { calling: 'NOBODY' }),
  flood('rejected-many', 'the same from 100 addresses', 'associations', 200, {
    calling: 'NOBODY',
    addresses: 100,
  }),
  flood('connects', '64 loops of plain connects', 'connects', 64),
  flood('connects-unknown', 'the same from an unknown address', 'connects', 64, { network: '127.0.3' }),
  flood('accepted', '64 loops of accepted associations', 'associations', 64),
  flood('accepted-tls', 'the same over TLS', 'associations', 64, { tls: 'certificate' }),
  flood('handshakes', '64 loops of handshakes without a certificate', 'connects', 64, { tls: 'none' }),
  flood('handshakes-many', 'the same from 100 addresses', 'connects', 200, { tls: 'none', addresses: 100 }),
  flood('handshakes-cert', '64 loops of handshakes with a good certificate', 'connects', 64, {
    tls: 'certificate',
  }),
  flood('slow-reader', '500 pipeline refused commands, the log has a slow reader', 'refused', 500, {
    sink: 'slow',
  }),
  flood('hanging-reader', 'the same, its reader hangs', 'refused', 500, { sink: 'hanging' }),
  flood('full-disk', 'the same, the disk is full', 'refused', 500, { sink: 'full' }),
];

function flood(
  name: string,
  title: string,
  attack: AttackName,
  connections: number,
  more: Partial<Flood> = {},
): Flood {
  return { name, title, attack, connections, ...more };
}
