/**
 * Orthanc's own DICOM TLS, where the archive is Orthanc: no relay at all.
 */
import type { Peer } from './peer';
import { programVersion } from './programVersion';

export const orthancTls: Peer = {
  name: 'orthanc-tls',
  title: "Orthanc's own TLS",
  version: () => programVersion('Orthanc', '--version'),
  async start(cleanUp, { archive, certificates, keyType = 'rsa' }) {
    if (archive.startWithTls === undefined) throw new Error('this archive has no TLS of its own');
    const itsCertificates = { caFile: certificates.caFile, server: certificates.server[keyType] };
    const withTls = await archive.startWithTls(cleanUp, itsCertificates);
    return { port: withTls.port, isTls: true, archive: withTls };
  },
};
