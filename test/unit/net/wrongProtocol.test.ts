import { describe, expect, it } from '@jest/globals';
import { describeFirstBytes, looksLikeTls } from '../../../src/net/wrongProtocol';

describe('first bytes of a connection', () => {
  it.each([
    ['a TLS 1.2 ClientHello', '1603010200', true],
    ['the first byte of a ClientHello alone', '16', true],
    ['an A-ASSOCIATE-RQ', '010000000110', false],
    ['no byte at all', '', false],
  ])('tells TLS from the rest: %s', (_name, hex, expected) => {
    expect(looksLikeTls(Buffer.from(hex, 'hex'))).toBe(expected);
  });

  it.each([
    ['a TLS handshake', Buffer.from('16030102', 'hex')],
    ['a DICOM A-ASSOCIATE-RQ without TLS', Buffer.from('0100000000cd0001', 'hex')],
    ['a DICOM P-DATA-TF without TLS', Buffer.from('04', 'hex')],
    ['a DICOM A-ABORT without TLS', Buffer.from('07000000000400000200', 'hex')],
    ['an HTTP request', Buffer.from('GET / HTTP/1.1\r\n')],
    ['an HTTP request', Buffer.from('PRI * HTTP/2.0\r\n')],
    ['an SSH client', Buffer.from('SSH-2.0-OpenSSH_9.2\r\n')],
    ['a PROXY protocol header', Buffer.from('PROXY TCP4 10.0.0.1 10.0.0.2 1 2\r\n')],
    ['a PROXY protocol header', Buffer.from('0d0a0d0a000d0a515549540a2111', 'hex')],
    ['an HL7 message', Buffer.from('\x0bMSH|^~\\&|')],
    ['something that is neither TLS nor DICOM (first byte 0x01)', Buffer.from('0117', 'hex')],
    ['something that is neither TLS nor DICOM (first byte 0xff)', Buffer.from('ff', 'hex')],
    ['nothing', Buffer.alloc(0)],
  ])('says who speaks: %s', (expected, bytes) => {
    expect(describeFirstBytes(bytes)).toBe(expected);
  });
});
