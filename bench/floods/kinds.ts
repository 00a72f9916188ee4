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
const MANY = { addresses: 100 };

export const floods: readonly Flood[] = [
  flood('nobody', 'nobody', 'hold', 0),
  flood('drip-handshake', '1,000 send a byte a second of a handshake', 'drip-handshake', 1000, {
    tls: 'none',
  }),
  flood('drip-associate', '1,000 a byte a second of an A-ASSOCIATE', 'drip-associate', 1000),
  flood('drip-associate-tls', 'the same over TLS', 'drip-associate', 1000, { tls: 'certificate' }),
  flood('big-associate', '1,000 send 0.9 of 1 MB of an A-ASSOCIATE', 'big-associate', 1000, MANY),
  flood('drip-data', '1,000 a byte a second of a P-DATA', 'drip-data', 1000, ROOM),
  flood('hold', '1,000 hold associations and do nothing', 'hold', 1000),
  flood('crumbs', '1,000 send PDUs of one byte', 'crumbs', 1000, ROOM),
  // Few, because each of them is read much more often than one of a thousand.
  flood('refused-4', '4 pipeline refused commands', 'refused', 4),
  flood('refused', '1,000 pipeline refused commands', 'refused', 1000, ROOM),
  flood('permitted', '1,000 pipeline permitted C-ECHOs', 'permitted', 1000, ROOM),
  flood('refused-unread', '1,000 do not read their refusals', 'refused-unread', 1000, ROOM),
  flood('permitted-unread', '1,000 do not read their C-ECHO responses', 'permitted-unread', 1000, ROOM),
  flood('rejected', '1,000 loops of rejected associations', 'associations', 1000, { calling: 'NOBODY' }),
  flood('rejected-many', 'the same from 100 addresses', 'associations', 1000, { calling: 'NOBODY', ...MANY }),
  flood('connects', '1,000 loops of plain connects', 'connects', 1000),
  flood('connects-unknown', 'the same from an unknown address', 'connects', 1000, { network: '127.0.3' }),
  flood('accepted', '1,000 loops of accepted associations', 'associations', 1000),
  flood('accepted-tls', 'the same over TLS', 'associations', 1000, { tls: 'certificate' }),
  flood('handshakes', '1,000 loops of handshakes without a certificate', 'connects', 1000, { tls: 'none' }),
  flood('handshakes-many', 'the same from 100 addresses', 'connects', 1000, { tls: 'none', ...MANY }),
  flood('handshakes-cert', '1,000 loops of handshakes with a good certificate', 'connects', 1000, {
    tls: 'certificate',
  }),
  flood('slow-reader', '1,000 pipeline refused commands, the log has a slow reader', 'refused', 1000, {
    sink: 'slow',
    ...ROOM,
  }),
  flood('hanging-reader', 'the same, its reader hangs', 'refused', 1000, { sink: 'hanging', ...ROOM }),
  flood('full-disk', 'the same, the disk is full', 'refused', 1000, { sink: 'full', ...ROOM }),
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
