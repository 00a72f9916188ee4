/**
 * An archive that speaks TLS only, for tests that were written for a plain one: tools that know no TLS reach it through a
 * stunnel, and each gateway of the test does TLS to it. With AEGIS_TEST_ARCHIVE_TLS=1, each Orthanc of a test is one.
 */
import { testCertificates } from './certificates';
import type { ConfigurationInput } from './gateway';
import { startStunnel } from './stunnel';

type UpstreamInput = ConfigurationInput['upstreams'][string];

/** The real `host:port`, by the one that tools dial. */
const realServers = new Map<string, string>();
let certificates: ReturnType<typeof testCertificates> | undefined;

/** Made once for a test file: the archive and the gateways trust one CA. */
export function archiveCertificates() {
  certificates ??= testCertificates();
  const { ca, server, issue } = certificates;
  return { ca, server, gateway: issue('gateway', { issuer: ca, purposes: ['clientAuth'] }) };
}

export function isArchiveOverTls(): boolean {
  return process.env.AEGIS_TEST_ARCHIVE_TLS === '1';
}

/** For orthanc.json. */
export function orthancTlsSettings() {
  const { ca, server } = archiveCertificates();
  return {
    DicomTlsEnabled: true,
    DicomTlsCertificate: server.certificateFile,
    DicomTlsPrivateKey: server.privateKeyFile,
    DicomTlsTrustedCertificates: ca.certificateFile,
    DicomTlsRemoteCertificateRequired: true,
  };
}

/** For `upstreams.*.tls`. */
export function upstreamTls(): NonNullable<UpstreamInput['tls']> {
  const { ca, gateway } = archiveCertificates();
  return {
    trustedCertificates: ca.certificateFile,
    certificate: gateway.certificateFile,
    privateKey: gateway.privateKeyFile,
  };
}

/** Returns the port that tools dial without TLS. */
export async function plainWayTo(port: number): Promise<number> {
  const { ca, gateway } = archiveCertificates();
  const way = await startStunnel({ connectPort: port, ca, client: gateway });
  realServers.set(`127.0.0.1:${way.port}`, `127.0.0.1:${port}`);
  return way.port;
}

/** The same configuration, with TLS to the archives that speak nothing else. */
export function withArchivesOverTls(input: ConfigurationInput): ConfigurationInput {
  if (realServers.size === 0) return input;
  const upstreams = Object.entries(input.upstreams).map(([name, upstream]) => {
    const servers = [upstream.servers].flat();
    const real = servers.map((server) => realServers.get(server));
    return real.includes(undefined)
      ? [name, upstream]
      : [name, { ...upstream, servers: real, tls: upstreamTls() }];
  });
  return { ...input, upstreams: Object.fromEntries(upstreams) };
}
