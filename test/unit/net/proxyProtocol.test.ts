import { describe, expect, it } from '@jest/globals';
import { decodeProxyHeader } from '../../../src/net/proxyProtocol';

const SIGNATURE = '0d0a0d0a000d0a515549540a';

/** Version 2: signature, version and command, family and protocol, length, the rest; in hex. */
function version2(versionAndCommand: string, family: string, rest: string, length = rest.length / 2): Buffer {
  return Buffer.from(
    SIGNATURE + versionAndCommand + family + length.toString(16).padStart(4, '0') + rest,
    'hex',
  );
}

//            10.1.2.10 192.168.0.11 port 56324 port 2762
const TCP4 = '0a01020a' + 'c0a8000b' + 'dc04' + '0aca';
// 2001:db8::17, 2001:db8::1, ports 56324 and 2762
const TCP6 = ['20010db8', '0'.repeat(22), '17', '20010db8', '0'.repeat(22), '01', 'dc04', '0aca'].join('');
/** Types, lengths and values: ALPN "h2", then a no-op of three bytes. */
const TLVS = '01' + '0002' + '6832' + '04' + '0003' + '000000';

describe('a PROXY header', () => {
  const accepted: [string, Buffer, { address: string; port: number } | undefined][] = [
    [
      'v1 over IPv4',
      Buffer.from('PROXY TCP4 10.1.2.10 192.168.0.11 56324 2762\r\n'),
      { address: '10.1.2.10', port: 56324 },
    ],
    [
      'v1 over IPv6',
      Buffer.from('PROXY TCP6 2001:db8::17 2001:db8::1 56324 2762\r\n'),
      { address: '2001:db8::17', port: 56324 },
    ],
    [
      'v1 as long as it gets',
      Buffer.from(`PROXY TCP6 ${'ffff:'.repeat(7)}ffff ${'ffff:'.repeat(7)}ffff 65535 65535\r\n`),
      { address: `${'ffff:'.repeat(7)}ffff`, port: 65535 },
    ],
    ['v1 of unknown origin', Buffer.from('PROXY UNKNOWN\r\n'), undefined],
    [
      'v1 of unknown origin, as long as it gets',
      Buffer.from(`PROXY UNKNOWN ${'ffff:'.repeat(7)}ffff ${'ffff:'.repeat(7)}ffff 65535 65535\r\n`),
      undefined,
    ],
    ['v2 over IPv4', version2('21', '11', TCP4), { address: '10.1.2.10', port: 56324 }],
    ['v2 over IPv4 with TLVs', version2('21', '11', TCP4 + TLVS), { address: '10.1.2.10', port: 56324 }],
    [
      'v2 over IPv6',
      version2('21', '21', TCP6),
      { address: '2001:0db8:0000:0000:0000:0000:0000:0017', port: 56324 },
    ],
    ['v2 of the proxy itself', version2('20', '00', ''), undefined],
    ['v2 of the proxy itself, with addresses to skip', version2('20', '11', TCP4), undefined],
    ['v2 of unknown origin', version2('21', '00', TLVS), undefined],
    [
      'v2 as long as it gets',
      version2('21', '11', TCP4 + '00'.repeat(536 - 16 - 12)),
      { address: '10.1.2.10', port: 56324 },
    ],
  ];

  it.each(accepted)('is read at every cut and leaves what follows alone: %s', (_name, header, source) => {
    const received = Buffer.concat([header, Buffer.from('PROXY \x16\x03\x01')]);
    for (let bytes = 0; bytes <= received.length; bytes += 1) {
      const expected =
        bytes < header.length
          ? { kind: 'incomplete' }
          : { kind: 'complete', headerBytes: header.length, ...(source && { source }) };
      expect(decodeProxyHeader(received.subarray(0, bytes))).toEqual(expected);
    }
  });

  const line = (fields: string) => Buffer.from(`PROXY ${fields}\r\n`);
  it.each([
    ['nothing like a header', Buffer.from('010000000110', 'hex')],
    ['a ClientHello', Buffer.from('16030102000100', 'hex')],
    ['lower case', Buffer.from('proxy TCP4 10.1.2.10 10.1.2.11 1 2\r\n')],
    ['a family that is none', line('UDP4 10.1.2.10 10.1.2.11 1 2')],
    ['a family that every object has', line('constructor 10.1.2.10 10.1.2.11 1 2')],
    ['an IPv6 address as IPv4', line('TCP4 ::1 ::1 1 2')],
    ['an IPv4 address as IPv6', line('TCP6 10.1.2.10 10.1.2.11 1 2')],
    ['an address with a zone', line('TCP6 fe80::1%eth0 ::1 1 2')],
    ['an octet with a leading zero', line('TCP4 010.1.2.10 10.1.2.11 1 2')],
    ['two spaces', line('TCP4  10.1.2.10 10.1.2.11 1 2')],
    ['a space at the end', line('TCP4 10.1.2.10 10.1.2.11 1 2 ')],
    ['a missing port', line('TCP4 10.1.2.10 10.1.2.11 1')],
    ['a port that is too high', line('TCP4 10.1.2.10 10.1.2.11 65536 2')],
    ['a port with a leading zero', line('TCP4 10.1.2.10 10.1.2.11 01 2')],
    ['a line feed alone', Buffer.from(`PROXY TCP4 10.1.2.10 10.1.2.11 1 2\n${'x'.repeat(80)}`)],
    ['a line that does not end', Buffer.from(`PROXY UNKNOWN ${'x'.repeat(93)}`)],
    ['another version', version2('11', '11', TCP4)],
    ['another command', version2('22', '11', TCP4)],
    ['datagrams', version2('21', '12', TCP4)],
    ['UNIX sockets', version2('21', '31', '00'.repeat(216))],
    ['IPv4 addresses cut short', version2('21', '11', TCP4.slice(2))],
    ['IPv6 addresses cut short', version2('21', '21', TCP4)],
    ['a header longer than a TCP segment', version2('21', '11', '', 521)],
  ])('is refused: %s', (_name, received) => {
    expect(decodeProxyHeader(received)).toEqual({ kind: 'invalid', detail: expect.any(String) });
  });
});
