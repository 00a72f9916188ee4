/**
 * The gateway as a site runs it: mutual TLS, and a plain port, in front of one archive, for one modality `CT1`.
 * Gives targets for DCMTK's tools and the raw SCU. Knows nothing of what the archive is.
 */
import { type TestCertificates, testCertificates } from './certificates';
import type { DcmtkTarget } from './dcmtk';
import { type ConfigurationInput, TestGateway } from './gateway';
import { startStunnel } from './stunnel';

type ModalityInput = ConfigurationInput['modalities'][string];

export const MODALITY = { callingAeTitle: 'CT1', calledAeTitle: 'ORTHANC' } as const;

export interface SecuredArchive {
  readonly gateway: TestGateway;
  readonly certificates: TestCertificates;
  /** The archive itself: what a tool does here, it has to do through the gateway. */
  readonly direct: DcmtkTarget;
  readonly tls: DcmtkTarget;
  readonly plain: DcmtkTarget;
  /** What `RawScu.connect` takes. */
  readonly rawTls: { readonly port: number; readonly tls: { ca: string; cert: string; key: string } };
  /** For tools that know no TLS: a stunnel that shows the modality's certificate. */
  readonly throughStunnel: () => Promise<DcmtkTarget>;
}

export async function secureArchive(
  archivePort: number,
  modality: Partial<ModalityInput> = {},
  configuration: Partial<ConfigurationInput> = {},
): Promise<SecuredArchive> {
  const certificates = testCertificates();
  const { ca, server, client } = certificates;
  const tls = {
    certificate: server.certificateFile,
    privateKey: server.privateKeyFile,
    trustedCertificates: ca.certificateFile,
  };
  const gateway = await TestGateway.start({
    listeners: [
      { name: 'tls', host: '127.0.0.1', port: 0, tls },
      { name: 'plain', host: '127.0.0.1', port: 0 },
    ],
    upstreams: { [MODALITY.calledAeTitle]: { servers: [`127.0.0.1:${archivePort}`] } },
    modalities: {
      ct1: {
        callingAeTitle: MODALITY.callingAeTitle,
        from: '127.0.0.1',
        listeners: ['tls', 'plain'],
        certificate: 'cn:ct1',
        allow: ['echo', 'find', 'findWorklist', 'move', 'get', 'store', 'storageCommitment'],
        moveDestinations: 'WS1',
        ...modality,
      },
    },
    ...configuration,
  });
  const tlsPort = gateway.port('tls');
  return {
    gateway,
    certificates,
    direct: { ...MODALITY, port: archivePort },
    tls: { ...MODALITY, port: tlsPort, tls: { certificate: client, ca } },
    plain: { ...MODALITY, port: gateway.port('plain') },
    rawTls: { port: tlsPort, tls: { ca: ca.cert, cert: client.cert, key: client.key } },
    throughStunnel: async () => {
      const { port } = await startStunnel({ connectPort: tlsPort, ca, client });
      return { ...MODALITY, port };
    },
  };
}
