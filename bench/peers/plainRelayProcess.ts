/**
 * What Node itself costs: TLS in, plain out, the bytes of one turn of the event loop in one write. No DICOM, no policy, no
 * log. For comparison only. Arguments: port, archive's port, server certificate, its key, CA certificate.
 */
import { readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { createServer } from 'node:tls';

const [port, archivePort, certificateFile, keyFile, caFile] = process.argv.slice(2) as [
  string,
  string,
  string,
  string,
  string,
];

function pass(from: Socket, to: Socket): void {
  let isGathering = false;
  from.on('data', (chunk) => {
    if (!isGathering) {
      isGathering = true;
      to.cork();
      setImmediate(() => {
        isGathering = false;
        to.uncork();
      });
    }
    if (!to.write(chunk)) from.pause();
  });
  to.on('drain', () => from.resume());
  from.on('end', () => to.end());
  from.on('error', () => to.destroy());
}

const server = createServer(
  {
    cert: readFileSync(certificateFile),
    key: readFileSync(keyFile),
    ca: readFileSync(caFile),
    requestCert: true,
    rejectUnauthorized: true,
  },
  (inbound) => {
    const upstream = connect({ port: Number(archivePort), host: '127.0.0.1', noDelay: true });
    inbound.setNoDelay(true);
    pass(inbound, upstream);
    pass(upstream, inbound);
  },
);
server.listen(Number(port), '127.0.0.1');
