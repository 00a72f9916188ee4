/**
 * The naive way: a relay of dcmjs-dimse that receives an instance, decodes it, and sends it on in an association of
 * its own. For comparison only; nobody should relay like this. Arguments: port, archive's port, server certificate,
 * its key, CA certificate.
 */
import { readFileSync } from 'node:fs';
import {
  type association,
  Client,
  constants,
  Implementation,
  log,
  requests,
  responses,
  Scp,
  Server,
} from 'dcmjs-dimse';

const [port, archivePort, certificateFile, keyFile, caFile] = process.argv.slice(2) as [
  string,
  string,
  string,
  string,
  string,
];

class Relay extends Scp {
  override associationRequested(requested: association.Association): void {
    for (const { context } of requested.getPresentationContexts()) {
      context.setResult(constants.PresentationContextResult.Accept, context.getTransferSyntaxUids()[0]);
    }
    this.sendAssociationAccept();
  }

  override cStoreRequest(
    request: requests.CStoreRequest,
    answer: (response: responses.CStoreResponse) => void,
  ): void {
    const response = responses.CStoreResponse.fromRequest(request);
    const forwarded = new requests.CStoreRequest(request.getDataset()!);
    forwarded.on('response', (archives) => {
      response.setStatus(archives.getStatus());
      answer(response);
    });
    const client = new Client();
    client.addRequest(forwarded);
    client.on('networkError', () => {
      response.setStatus(constants.Status.ProcessingFailure);
      answer(response);
    });
    client.send('127.0.0.1', Number(archivePort), 'CT1', 'ORTHANC');
  }

  override associationReleaseRequested(): void {
    this.sendAssociationReleaseResponse();
  }
}

log.setLevel('silent');
Implementation.setMaxPduLength(131072);
const server = new Server(Relay);
server.listen(Number(port), {
  securityOptions: {
    cert: readFileSync(certificateFile),
    key: readFileSync(keyFile),
    ca: readFileSync(caFile),
    requestCert: true,
    rejectUnauthorized: true,
  },
});
