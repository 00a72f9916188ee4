/**
 * Names what a peer speaks from its first bytes, so that the log says "plain DICOM on the TLS port" instead of a TLS or
 * PDU error. Decides nothing and shows no content: the bytes can come from anyone.
 */

/** Content type of a TLS record that carries handshake messages (RFC 8446 §5.1); no PDU type has this value. */
const TLS_HANDSHAKE = 0x16;
const VERTICAL_TAB = 0x0b;

const pduNames: Readonly<Record<number, string>> = {
  1: 'A-ASSOCIATE-RQ',
  2: 'A-ASSOCIATE-AC',
  3: 'A-ASSOCIATE-RJ',
  4: 'P-DATA-TF',
  5: 'A-RELEASE-RQ',
  6: 'A-RELEASE-RP',
  7: 'A-ABORT',
};

/** Whether a connection that begins with these bytes begins with a TLS handshake. One byte is enough. */
export function looksLikeTls(firstBytes: Buffer): boolean {
  return firstBytes[0] === TLS_HANDSHAKE;
}

/** What the peer probably speaks, as a phrase for the log, e.g. `a DICOM A-ASSOCIATE-RQ without TLS`. */
export function describeFirstBytes(firstBytes: Buffer): string {
  const first = firstBytes[0];
  if (first === undefined) return 'nothing';
  if (looksLikeTls(firstBytes)) return 'a TLS handshake';
  const pduName = pduNames[first];
  // The second byte of every PDU is reserved and sent as zero (PS3.8 §9.3).
  if (pduName !== undefined && (firstBytes[1] ?? 0) === 0) return `a DICOM ${pduName} without TLS`;
  const text = firstBytes.toString('latin1', 0, 16);
  if (/^(GET|HEAD|POST|PUT|DELETE|OPTIONS|PATCH|TRACE|CONNECT|PRI) /.test(text)) return 'an HTTP request';
  if (text.startsWith('SSH-')) return 'an SSH client';
  if (text.startsWith('PROXY ') || text.startsWith('\r\n\r\n\0\r\nQUIT\n')) return 'a PROXY protocol header';
  // The minimal lower layer protocol of HL7 v2 begins every message with a vertical tab.
  if (first === VERTICAL_TAB && firstBytes.toString('latin1', 1, 4) === 'MSH') return 'an HL7 message';
  return `something that is neither TLS nor DICOM (first byte 0x${first.toString(16).padStart(2, '0')})`;
}
