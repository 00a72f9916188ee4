/**
 * Orthanc as it is delivered, or with TCP_NODELAY=1 in its environment; plain, or with its own DICOM TLS.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { CleanUp } from '../cleanUp';
import { freePort, startServer, temporaryFolder } from '../processes';
import type { Archive, ArchiveCertificates } from './archive';

export async function startOrthanc(
  cleanUp: CleanUp,
  /** DCMTK inside Orthanc reads TCP_NODELAY. */
  environment: Readonly<Record<string, string>>,
  certificates?: ArchiveCertificates,
): Promise<Archive> {
  const folder = temporaryFolder(cleanUp);
  const port = await freePort();
  const httpPort = await freePort();
  const configurationFile = join(folder, 'orthanc.json');
  const settings = {
    Name: 'benchmark',
    StorageDirectory: folder,
    IndexDirectory: folder,
    HttpPort: httpPort,
    RemoteAccessAllowed: false,
    DicomPort: port,
    DicomAet: 'ORTHANC',
    Plugins: [],
    ...(certificates === undefined ? {} : tlsSettings(certificates)),
  };
  writeFileSync(configurationFile, JSON.stringify(settings));
  await startServer(cleanUp, port, 'Orthanc', [configurationFile], {
    environment,
    endSignal: 'SIGKILL',
  });
  return {
    port,
    isSink: false,
    forget: () => removePatients(httpPort),
    startWithTls: (itsCleanUp, itsCertificates) => startOrthanc(itsCleanUp, environment, itsCertificates),
  };
}

function tlsSettings({ caFile, server }: ArchiveCertificates): Readonly<Record<string, unknown>> {
  return {
    DicomTlsEnabled: true,
    DicomTlsCertificate: server.certificateFile,
    DicomTlsPrivateKey: server.privateKeyFile,
    DicomTlsTrustedCertificates: caFile,
    DicomTlsRemoteCertificateRequired: true,
  };
}

async function removePatients(httpPort: number): Promise<void> {
  const url = `http://127.0.0.1:${httpPort}/patients`;
  const patients = (await (await fetch(url)).json()) as string[];
  for (const patient of patients) {
    const response = await fetch(`${url}/${patient}`, { method: 'DELETE' });
    await response.arrayBuffer();
    if (!response.ok) throw new Error(`Orthanc does not delete: ${response.status}`);
  }
}
