/** What a peer is answered that is refused, as numbers of the standard and in words. Knows no reasons. */
import { formatStatus } from '../dimse/commands';

/** What the peer sees. Numbers are those of PS3.8 Table 9-21, PS3.8 Table 9-26 and PS3.7 Annex C. */
export type WireAnswer =
  /** The connection is closed without a DICOM byte. */
  | { readonly kind: 'close' }
  /** A TLS alert, then close. */
  | { readonly kind: 'tlsAlert' }
  /** A-ASSOCIATE-RJ with these three bytes (PS3.8 §9.3.4). */
  | { readonly kind: 'reject'; readonly result: number; readonly source: number; readonly reason: number }
  /** A-ASSOCIATE-RJ with the very bytes that the upstream sent. */
  | { readonly kind: 'rejectAsUpstream' }
  /** A-ASSOCIATE-AC in which every presentation context is refused; the association stays. */
  | { readonly kind: 'acceptNothing' }
  /** A DIMSE response with this status; the association stays (PS3.7 Annex C). */
  | { readonly kind: 'status'; readonly status: number }
  /** A-ABORT with the source and reason that the other side sent. */
  | { readonly kind: 'abortAsPeer' }
  /** A-ABORT, source 2 (service-provider) with this reason (PS3.8 §9.3.8). */
  | { readonly kind: 'abort'; readonly reason: number };

export const close = { kind: 'close' } as const;
export const tlsAlert = { kind: 'tlsAlert' } as const;

export function reject(result: number, source: number, reason: number) {
  return { kind: 'reject', result, source, reason } as const;
}

export function status(code: number) {
  return { kind: 'status', status: code } as const;
}

export function abort(reason: number) {
  return { kind: 'abort', reason } as const;
}

/**
 * The answer in the words and numbers of the standard: `A-ASSOCIATE-RJ result 1, source 1, reason 3`,
 * `C-MOVE-RSP status 0xA801; the association stays`. The command is that of the request, as `C-MOVE`; without it the
 * response has no name.
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
    case 'acceptNothing':
      return 'A-ASSOCIATE-AC in which every presentation context is refused';
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
