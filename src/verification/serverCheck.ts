/**
 * Asks a server of an upstream whether it serves associations. The health checks and `aegis check` both ask here. When to
 * ask, and what follows from the answer, is not known here.
 */
import type { UpstreamConfiguration } from '../config/schema';
import type { ClientTlsMaterial } from '../net/tlsContext';
import { OWN_AE_TITLE } from '../text/aeTitle';
import { parseHostAndPort } from '../text/hostAndPort';
import { type VerificationFailure, type VerificationStep, verify } from './verification';

export interface ServerQuestion {
  /** `host:port`. */
  readonly server: string;
  /** Left out: plain DICOM. */
  readonly tls?: ClientTlsMaterial | undefined;
  /** For the C-ECHO. */
  readonly calledAeTitle: string;
  /** `echo`: a whole C-ECHO; `tcp`: a connection, with TLS up to the handshake, closed at once. */
  readonly check: Exclude<NonNullable<UpstreamConfiguration['health']>['check'], 'off'>;
  /** For the whole of it. */
  readonly deadlineMs: number;
}

export interface ServerAnswer {
  readonly isUp: boolean;
  /** What was wrong, in words; empty where nothing was. */
  readonly detail: string;
  /** The step that failed. Also set where the server is up all the same: it rejected us, for example. */
  readonly failed?: VerificationStep;
}

/** A peer that says one of these speaks DICOM: it is up, whatever it thinks of us. */
const ANSWERS: ReadonlySet<VerificationFailure> = new Set([
  'rejected',
  'aborted',
  'contextRefused',
  'status',
]);

/** Never rejects; the deadline is the time of the answer, not of the last packet. */
export async function checkServer(question: ServerQuestion, askEcho = verify): Promise<ServerAnswer> {
  const { deadlineMs } = question;
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<ServerAnswer>((resolve) => {
    const detail = `no answer within ${deadlineMs / 1000} s`;
    timer = setTimeout(() => resolve({ isUp: false, detail }), deadlineMs);
  });
  try {
    return await Promise.race([late, ask(question, askEcho)]);
  } catch (error) {
    // The address cannot be dialled at all, or this process has no file descriptor left.
    return { isUp: false, detail: error instanceof Error ? error.message : String(error) };
  } finally {
    clearTimeout(timer);
  }
}

async function ask(
  { server, tls, calledAeTitle, check, deadlineMs }: ServerQuestion,
  askEcho: typeof verify,
): Promise<ServerAnswer> {
  const { steps } = await askEcho({
    ...parseHostAndPort(server),
    tls,
    callingAeTitle: OWN_AE_TITLE,
    calledAeTitle,
    timeoutMs: deadlineMs,
    isConnectionOnly: check === 'tcp',
  });
  const failed = steps.find(({ failure }) => failure !== undefined);
  if (failed?.failure === undefined) return { isUp: true, detail: '' };
  // An archive that answered the echo is up, also where it does not know how to release.
  const isUp = failed.name === 'release' || ANSWERS.has(failed.failure);
  return { isUp, detail: isUp ? '' : failed.text, failed };
}
