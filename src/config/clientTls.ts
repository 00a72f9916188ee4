/**
 * Every place of the configuration where the gateway is the client of TLS: towards archives, modalities, the syslog
 * server and Redis. The one list for those who read, watch, check and date the files. Reads none of them.
 */
import type { ConfigurationPath } from '../text/problems';
import type { Configuration, UpstreamConfiguration } from './schema';

export interface ClientTls {
  readonly kind: 'upstream' | 'egress' | 'syslog' | 'redis';
  /** Of the upstream or modality, or the address of the syslog server or of Redis. */
  readonly name: string;
  readonly path: ConfigurationPath;
  readonly tls: NonNullable<UpstreamConfiguration['tls']>;
}

/** Also of modalities that nothing but `aegis echo` reaches, because there is no egress. */
export function clientTlsOf({
  upstreams,
  modalities,
  audit: { syslog },
  shared,
}: Configuration): ClientTls[] {
  return [
    ...Object.entries(upstreams).flatMap(([name, { tls }]): ClientTls[] =>
      tls === undefined ? [] : [{ kind: 'upstream', name, path: ['upstreams', name, 'tls'], tls }],
    ),
    ...Object.entries(modalities).flatMap(([name, { address }]): ClientTls[] =>
      address?.tls === undefined
        ? []
        : [{ kind: 'egress', name, path: ['modalities', name, 'address', 'tls'], tls: address.tls }],
    ),
    ...(syslog?.tls === undefined
      ? []
      : [
          {
            kind: 'syslog' as const,
            name: syslog.server,
            path: ['audit', 'syslog', 'tls'],
            tls: syslog.tls,
          },
        ]),
    ...(shared?.redis.tls === undefined
      ? []
      : [
          {
            kind: 'redis' as const,
            name: new URL(shared.redis.url).host,
            path: ['shared', 'redis', 'tls'],
            tls: shared.redis.tls,
          },
        ]),
  ];
}

/** Those that the running gateway uses. */
export function usedClientTlsOf(configuration: Configuration): ClientTls[] {
  return clientTlsOf(configuration).filter(
    ({ kind }) => kind !== 'egress' || configuration.egress !== undefined,
  );
}
