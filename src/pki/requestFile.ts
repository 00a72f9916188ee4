/**
 * Reads a certification request out of a file that a device, or whoever services it, handed over.
 */

import { ExitCode, OperatorError } from '../errors';
import { readBytes } from '../files/read';
import { quoteValue } from '../text/quote';
import { type CertificationRequest, decodeCertificationRequest } from '../x509/certificationRequest';
import { derOf, pemBlocks } from '../x509/pem';

/** Requests with the longest keys and a hundred names stay far below. */
const maxRequestBytes = 64 * 1024;
const ACCEPTED = 'accepted is one certification request (PKCS#10), PEM or DER; see aegis pki inspect';

/** PEM or DER. Throws OperatorError where the file holds no request, or more than one. */
export async function readRequestFile(file: string): Promise<CertificationRequest> {
  const refuse = (problem: string) => new OperatorError(`${file} ${problem}; ${ACCEPTED}`, ExitCode.Failed);
  const content = readBytes(file, { maxBytes: maxRequestBytes, tooLong: ACCEPTED });
  try {
    const blocks = pemBlocks(content.toString('latin1'));
    if (blocks.length === 0) return decodeCertificationRequest(content);
    const requests = blocks.filter(({ label }) => label.endsWith('CERTIFICATE REQUEST'));
    const [request, ...others] = requests;
    if (request === undefined)
      throw refuse(`holds ${blocks.map(({ label }) => quoteValue(label)).join(', ')}`);
    if (others.length > 0) throw refuse(`holds ${requests.length} requests`);
    return decodeCertificationRequest(derOf(request));
  } catch (error) {
    if (error instanceof OperatorError) throw error;
    throw refuse(`cannot be read (${(error as Error).message})`);
  }
}
