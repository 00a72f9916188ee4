/**
 * The chain that a TLS server shows: put in order, and tried with OpenSSL. For certificates that an operator installs.
 * Knows no files, and not what the certificate is for.
 */
import type { KeyObject, X509Certificate } from 'node:crypto';
import { duplexPair } from 'node:stream';
import { connect, createSecureContext, TLSSocket } from 'node:tls';
import { isSelfSigned, issuerOf, MAX_CHAIN_LENGTH } from './certificateTrust';

export interface OrderedChain {
  /** The certificate itself, then each issuer of the one before. Without the root, which peers have. */
  readonly chain: readonly [X509Certificate, ...X509Certificate[]];
  /** The self-signed certificate at its end; undefined where it is not among the candidates. */
  readonly root: X509Certificate | undefined;
}

/** Of candidates in any order, those that lead from the certificate to its root. */
export function orderChain(
  leaf: X509Certificate,
  candidates: readonly X509Certificate[],
  now: Date,
): OrderedChain {
  const chain: [X509Certificate, ...X509Certificate[]] = [leaf];
  let last = leaf;
  while (chain.length <= MAX_CHAIN_LENGTH) {
    const issuer = issuerOf(last, candidates, now);
    if (issuer === undefined || isSelfSigned(last)) return { chain, root: undefined };
    if (isSelfSigned(issuer)) return { chain, root: issuer };
    chain.push(issuer);
    last = issuer;
  }
  return { chain, root: undefined };
}

/**
 * Why OpenSSL, as a peer that trusts the root alone, refuses a server with this chain and key; undefined where it does not. A
 * handshake in memory finds what is easily forgotten: lengths of paths, constraints of names, usages of CAs.
 */
export function refusalByOpenssl(
  { chain, root }: OrderedChain & { readonly root: X509Certificate },
  privateKey: KeyObject,
): Promise<string | undefined> {
  const [serverSide, clientSide] = duplexPair();
  const key = privateKey.export({ type: 'pkcs8', format: 'pem' });
  return new Promise((resolve) => {
    let sockets: TLSSocket[] = [];
    const end = (refusal: string | undefined): void => {
      for (const socket of sockets) socket.destroy();
      resolve(refusal);
    };
    try {
      const secureContext = createSecureContext({ key, cert: pemOf(chain) });
      const server = new TLSSocket(serverSide, { isServer: true, secureContext });
      // The names are compared before, one by one.
      const client = connect({ socket: clientSide, ca: pemOf([root]), checkServerIdentity: () => undefined });
      sockets = [client, server];
      server.on('error', ({ message }) => end(message));
      client.on('error', ({ message }) => end(message));
      client.once('secureConnect', () => end(undefined));
    } catch (error) {
      end((error as Error).message);
    }
  });
}

/** As a file of several certificates has them. */
export function pemOf(certificates: readonly X509Certificate[]): string {
  return certificates.map((certificate) => certificate.toString()).join('');
}
