/**
 * Owns a listener of src/net for tests: opened on a free port of loopback, everything that it tells recorded in
 * order, closed with all its sockets after the last test of the file.
 */
import type { TlsOptions } from 'node:tls';
import type { ListenerConfiguration } from '../../src/config/schema';
import {
  type InboundConnection,
  type Listener,
  type ListenerHandlers,
  type ListenerOptions,
  openListener,
  type RefusedConnection,
} from '../../src/net/listener';
import { loadTlsContext, type TlsMaterial } from '../../src/net/tlsContext';
import type { TestCertificates } from './certificates';
import { onCleanUp } from './cleanUp';

export type Outcome =
  | { readonly kind: 'connected'; readonly connection: InboundConnection }
  | { readonly kind: 'refused'; readonly refusal: RefusedConnection };

export interface TestListener {
  readonly listener: Listener;
  readonly port: number;
  /** Opens nothing again: what is given replaces what it was opened with. */
  reconfigure(changes: TestListenerOptions): void;
  /** Everything reported so far. */
  readonly outcomes: readonly Outcome[];
  /** The next outcome that no call has taken yet. */
  next(): Promise<Outcome>;
  /** The same, for a connection that has to be let in, or refused. */
  nextConnection(): Promise<InboundConnection>;
  nextRefusal(): Promise<RefusedConnection>;
}

export interface TestListenerOptions {
  readonly tls?: TlsMaterial;
  readonly handshakeSeconds?: number;
  readonly trustedProxies?: string[];
  readonly admitAddress?: ListenerHandlers['admitAddress'];
  readonly maxPendingConnectionsPerAddress?: number;
  readonly connectionsPerSecondPerAddress?: number;
}

export async function openTestListener(options: TestListenerOptions = {}): Promise<TestListener> {
  const outcomes: Outcome[] = [];
  const waiting: ((outcome: Outcome) => void)[] = [];
  let taken = 0;
  const tell = (outcome: Outcome) => {
    outcomes.push(outcome);
    waiting.shift()?.(outcome);
  };
  const next = async (): Promise<Outcome> => {
    const known = outcomes[taken];
    taken += 1;
    return known ?? new Promise((resolve) => waiting.push(resolve));
  };
  const listener = await openListener(...settingsOf(options), {
    admitAddress: options.admitAddress ?? (() => ({ allowed: true })),
    connected: (connection) => tell({ kind: 'connected', connection }),
    refused: (refusal) => tell({ kind: 'refused', refusal }),
  });
  onCleanUp(async () => {
    await listener.close();
    for (const outcome of outcomes) if (outcome.kind === 'connected') outcome.connection.socket.destroy();
  });
  return {
    listener,
    port: listener.address.port,
    reconfigure: (changes) => listener.reconfigure(...settingsOf({ ...options, ...changes })),
    outcomes,
    next,
    nextConnection: async () => {
      const outcome = await next();
      if (outcome.kind === 'connected') return outcome.connection;
      throw new Error(`refused: ${outcome.refusal.reason} ${outcome.refusal.detail ?? ''}`);
    },
    nextRefusal: async () => {
      const outcome = await next();
      if (outcome.kind === 'refused') return outcome.refusal;
      throw new Error('connected, where a refusal was expected');
    },
  };
}

function settingsOf(options: TestListenerOptions): [ListenerConfiguration, ListenerOptions] {
  const configuration = {
    name: 'test',
    host: '127.0.0.1',
    port: 0,
    // Only its presence counts: what is in it was loaded already.
    ...(options.tls === undefined ? {} : { tls: {} }),
    ...(options.trustedProxies === undefined
      ? {}
      : { proxyProtocol: { trustedProxies: options.trustedProxies } }),
  } as ListenerConfiguration;
  const listenerOptions: ListenerOptions = {
    timeouts: { tlsHandshakeSeconds: options.handshakeSeconds ?? 10 },
    maxPendingConnectionsPerAddress: options.maxPendingConnectionsPerAddress ?? 1000,
    connectionsPerSecondPerAddress: options.connectionsPerSecondPerAddress ?? 0,
    tls: options.tls,
  };
  return [configuration, listenerOptions];
}

/** Mutual TLS as a site has it: an ECDSA server certificate, clients of the test CA. */
export function testTlsMaterial(
  certificates: TestCertificates,
  changes: Partial<Parameters<typeof loadTlsContext>[0]> = {},
): TlsMaterial {
  return loadTlsContext({
    profile: 'bcp195',
    certificate: [certificates.server.certificateFile],
    privateKey: [certificates.server.privateKeyFile],
    trustedCertificates: [certificates.ca.certificateFile],
    clientCertificate: 'required',
    ...changes,
  });
}

/** Changes what goes to OpenSSL, for what no configuration can express. */
export function withOptions(material: TlsMaterial, options: TlsOptions): TlsMaterial {
  return { ...material, options: { ...material.options, ...options } };
}
