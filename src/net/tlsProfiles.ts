/**
 * The TLS connection profiles of PS3.15 Annex B, as options for node:tls. Owns versions, cipher suites, groups and
 * signature algorithms; knows no certificates and no sockets. Every list is explicit, because Node's own defaults
 * accept suites that no current profile does (TLS_RSA_WITH_AES_128_CBC_SHA among them).
 */
import { createSecureContext, type SecureContextOptions } from 'node:tls';
import type { TlsProfile } from '../config/schema';

export interface TlsProfileDefinition {
  /** Where the profile is defined, e.g. `PS3.15 B.12`. */
  readonly clause: string;
  readonly title: string;
  /** What an operator has to know before using it. */
  readonly warning?: string;
  readonly options: Readonly<
    Pick<
      SecureContextOptions,
      'minVersion' | 'maxVersion' | 'ciphers' | 'ecdhCurve' | 'honorCipherOrder' | 'dhparam' | 'sigalgs'
    >
  >;
}

const ECDHE_AES_GCM = [
  'ECDHE-ECDSA-AES256-GCM-SHA384',
  'ECDHE-RSA-AES256-GCM-SHA384',
  'ECDHE-ECDSA-AES128-GCM-SHA256',
  'ECDHE-RSA-AES128-GCM-SHA256',
];
/** The four suites that B.10 and B.11 demand. DHE also needs `dhparam`, or OpenSSL drops it. */
const BCP195_ND = [
  'ECDHE-RSA-AES256-GCM-SHA384',
  'DHE-RSA-AES256-GCM-SHA384',
  'ECDHE-RSA-AES128-GCM-SHA256',
  'DHE-RSA-AES128-GCM-SHA256',
];
const TLS13 = ['TLS_AES_256_GCM_SHA384', 'TLS_CHACHA20_POLY1305_SHA256', 'TLS_AES_128_GCM_SHA256'];

/**
 * OpenSSL's level 2: RSA and DH of 2048 bits or more, curves of 224 or more, no SHA-1 signatures (RFC 9325 §4.3 and
 * §4.5). Set here, because its default differs between the versions of Node.
 */
const STRONG = '@SECLEVEL=2';
/** TLS 1.0 signs with SHA-1, which any higher level forbids. */
const WEAK = '@SECLEVEL=0';

/**
 * Post-quantum first: what is recorded today is not to be read in ten years. OpenSSL has it from 3.5 on, and refuses the
 * whole list before. The stars ask for a share of both: a peer that knows the second alone costs no round trip more.
 */
function groups(): string {
  const classical = 'X25519:P-256:P-384:P-521';
  const withPostQuantum = `*X25519MLKEM768:*${classical}`;
  try {
    createSecureContext({ ecdhCurve: withPostQuantum });
    return withPostQuantum;
  } catch {
    // Node 20 leaves the error of OpenSSL behind, and the next private key that is read would fail with it. This takes it.
    createSecureContext({ ecdhCurve: classical });
    return classical;
  }
}

const MODERN = {
  minVersion: 'TLSv1.2',
  honorCipherOrder: true,
  ecdhCurve: groups(),
  sigalgs: [
    'ecdsa_secp256r1_sha256:ecdsa_secp384r1_sha384:ecdsa_secp521r1_sha512:ed25519',
    'rsa_pss_rsae_sha256:rsa_pss_rsae_sha384:rsa_pss_rsae_sha512',
    'rsa_pss_pss_sha256:rsa_pss_pss_sha384:rsa_pss_pss_sha512',
    'rsa_pkcs1_sha256:rsa_pkcs1_sha384:rsa_pkcs1_sha512',
  ].join(':'),
} as const;

export const tlsProfiles: Readonly<Record<TlsProfile, TlsProfileDefinition>> = {
  bcp195: {
    clause: 'PS3.15 B.12',
    title: 'BCP 195 RFC 8996, 9325 TLS Profile',
    options: { ...MODERN, ciphers: [...TLS13, ...ECDHE_AES_GCM, STRONG].join(':') },
  },
  'bcp195-modified': {
    clause: 'PS3.15 B.13',
    title: 'Modified BCP 195 RFC 8996, 9325 TLS Profile',
    options: {
      ...MODERN,
      ciphers: [
        ...TLS13,
        'TLS_AES_128_CCM_SHA256',
        'TLS_AES_128_CCM_8_SHA256',
        ...ECDHE_AES_GCM,
        'ECDHE-ECDSA-CHACHA20-POLY1305',
        'ECDHE-RSA-CHACHA20-POLY1305',
        'ECDHE-ECDSA-AES256-CCM',
        'ECDHE-ECDSA-AES128-CCM',
        'ECDHE-ECDSA-AES256-CCM8',
        'ECDHE-ECDSA-AES128-CCM8',
        STRONG,
      ].join(':'),
    },
  },
  'bcp195-nd': {
    clause: 'PS3.15 B.10',
    title: 'Non-Downgrading BCP 195 TLS Profile (retired)',
    options: { ...MODERN, ciphers: [...TLS13, ...BCP195_ND, STRONG].join(':'), dhparam: 'auto' },
  },
  'bcp195-extended': {
    clause: 'PS3.15 B.11',
    title: 'Extended BCP 195 TLS Profile (retired)',
    options: {
      ...MODERN,
      // The profile's list of suites is closed and has none of TLS 1.3.
      maxVersion: 'TLSv1.2',
      ciphers: [...BCP195_ND, 'ECDHE-ECDSA-AES256-GCM-SHA384', 'ECDHE-ECDSA-AES128-GCM-SHA256', STRONG].join(
        ':',
      ),
      dhparam: 'auto',
    },
  },
  'aes-legacy': {
    clause: 'PS3.15 B.3',
    title: 'AES TLS Secure Transport Connection Profile (retired)',
    warning:
      'aes-legacy allows TLS 1.0 and SHA-1, and a private key that is stolen later decrypts recorded sessions; ' +
      'use it on a listener of its own, for modalities that can do nothing better, with an RSA certificate',
    options: {
      minVersion: 'TLSv1',
      maxVersion: 'TLSv1.2',
      honorCipherOrder: true,
      ciphers: `AES128-SHA:${WEAK}`,
    },
  },
};
