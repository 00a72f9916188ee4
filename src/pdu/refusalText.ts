/**
 * A-ASSOCIATE-RJ and A-ABORT in the words of the standard, for people who have to find out why (PS3.8 Tables 9-21
 * and 9-26). Does not know why a peer sent them.
 */
import type { Abort, AssociateRj } from './types';

const RESULTS: Readonly<Record<number, string>> = { 1: 'permanently', 2: 'for now' };

/** What a reason means depends on its source. */
const REJECTION_SOURCES: Readonly<
  Record<number, { readonly name: string; readonly reasons: Readonly<Record<number, string>> }>
> = {
  1: {
    name: 'the service user',
    reasons: {
      1: 'no reason given',
      2: 'application context name not supported',
      3: 'calling AE title not recognized',
      7: 'called AE title not recognized',
    },
  },
  2: {
    name: 'the service provider (ACSE)',
    reasons: { 1: 'no reason given', 2: 'protocol version not supported' },
  },
  3: {
    name: 'the service provider (presentation)',
    reasons: { 1: 'temporary congestion', 2: 'local limit exceeded' },
  },
};

const ABORT_REASONS: Readonly<Record<number, string>> = {
  0: 'no reason given',
  1: 'unrecognized PDU',
  2: 'unexpected PDU',
  4: 'unrecognized PDU parameter',
  5: 'unexpected PDU parameter',
  6: 'invalid PDU parameter value',
};

/** `rejected permanently by the service user: calling AE title not recognized (result 1, source 1, reason 3)`. */
export function formatRejection({ result, source, reason }: AssociateRj): string {
  const { name, reasons } = REJECTION_SOURCES[source] ?? {
    name: 'a source that PS3.8 reserves',
    reasons: {},
  };
  const words = reasons[reason] ?? 'a reason that PS3.8 reserves';
  const numbers = `(result ${result}, source ${source}, reason ${reason})`;
  return `rejected ${RESULTS[result] ?? 'with a result that PS3.8 reserves'} by ${name}: ${words} ${numbers}`;
}

/** `aborted by the service provider: unexpected PDU (source 2, reason 2)`; the reason of a service user has no meaning. */
export function formatAbort({ source, reason }: Abort): string {
  const numbers = `(source ${source}, reason ${reason})`;
  if (source === 0) return `aborted by the service user ${numbers}`;
  if (source !== 2) return `aborted by a source that PS3.8 reserves ${numbers}`;
  return `aborted by the service provider: ${ABORT_REASONS[reason] ?? 'a reason that PS3.8 reserves'} ${numbers}`;
}
