/**
 * Whether a server of an upstream serves associations: one question, one answer, with what was found. Who asks, when,
 * and what follows from it, others know.
 */
import type { UpstreamConfiguration } from '../config/schema';
import { dialTcp } from '../net/dial';
import { OWN_AE_TITLE } from '../text/aeTitle';
import { parseHostAndPort } from '../text/hostAndPort';
import { type VerificationFailure, verify } from './verification';

export interface ServerQuestion {
  /** `host:port`. */
  readonly server: string;
  /** For the C-ECHO. */
  readonly calledAeTitle: string;
  /** `echo`: a whole C-ECHO; `tcp`: a connection, closed at once. */
  readonly check: Exclude<NonNullable<UpstreamConfiguration['health']>['check'], 'off'>;
  /** For the whole of it. */
  readonly deadlineMs: number;
}

export interface ServerAnswer {
  readonly isUp: boolean;
  /** What was wrong, in words; empty where nothing was. */
  readonly detail: string;
}

/** A peer that says one of these speaks DICOM: it is up, whatever it thinks of us. */
const answers: ReadonlySet<VerificationFailure> = new Set([
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
    return await Promise.race([
      late,
      question.check === 'tcp' ? connects(question) : echoes(question, askEcho),
    ]);
  } catch (error) {
    // Nobody listens; or we are out of file descriptors, and nobody could reach the server then.
    return { isUp: false, detail: error instanceof Error ? error.message : String(error) };
  } finally {
    clearTimeout(timer);
  }
}

async function connects({ server, deadlineMs }: ServerQuestion): Promise<ServerAnswer> {
  const { host, port } = parseHostAndPort(server);
  (await dialTcp(host, port, { timeoutMs: deadlineMs })).destroy();
  return { isUp: true, detail: '' };
}

async function echoes(
  { server, calledAeTitle, deadlineMs }: ServerQuestion,
  askEcho: typeof verify,
): Promise<ServerAnswer> {
  const { steps } = await askEcho({
    ...parseHostAndPort(server),
    callingAeTitle: OWN_AE_TITLE,
    calledAeTitle,
    timeoutMs: deadlineMs,
  });
  // An archive that answered the echo is up, also where it does not know how to release.
  const fault = steps.find(
    ({ name, failure }) => failure !== undefined && name !== 'release' && !answers.has(failure),
  );
  return { isUp: fault === undefined, detail: fault?.text ?? '' };
}
