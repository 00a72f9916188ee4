/**
 * What the peer is answered, in the words and numbers of the standard: for `aegis explain`, the documentation
 * and whoever compares with a trace.
 */
import { formatStatus } from '../dimse/commands';
import type { WireAnswer } from './reasons';

/**
 * `A-ASSOCIATE-RJ result 1, source 1, reason 3`, `C-MOVE-RSP status 0xA801; the association stays`. The command
 * is that of the request, as `C-MOVE`; without it the response has no name.
 */
export function formatWireAnswer(answer: WireAnswer, command?: string): string {
  switch (answer.kind) {
    case 'close':
      return 'the connection is closed without a DICOM byte';
    case 'tlsAlert':
      return 'a TLS alert, then the connection is closed';
    case 'reject':
      return `A-ASSOCIATE-RJ result ${answer.result}, source ${answer.source}, reason ${answer.reason}`;
    case 'rejectAsUpstream':
      return 'A-ASSOCIATE-RJ with the result, source and reason of the upstream';
    case 'status': {
      const response = command === undefined ? 'a DIMSE response' : `${command}-RSP`;
      return `${response} status ${formatStatus(answer.status)}; the association stays`;
    }
    case 'abortAsPeer':
      return 'A-ABORT with the source and reason that the other side sent';
    case 'abort':
      return `A-ABORT source 2, reason ${answer.reason}`;
  }
}
