/**
 * Sends a message by e-mail. nodemailer is loaded when there is something to send. Without TLS, neither a password nor an
 * alert leaves this machine unless that was asked for. Knows no queue.
 */
import { Socket } from 'node:net';
import { ExitCode, OperatorError } from '../errors';
import { type AlertMessage, mailTextOf, subjectOf } from './message';
import { describeNetworkError, type Stepped } from './webhook';

/** For the connection, for the greeting, and between two answers of the server. */
const TIMEOUT_MS = 15_000;
/** For all of it: a server that sends a byte now and then does not hold the channel. */
const MAX_SENDING_MS = 60_000;
const SUBMISSION_PORT = 587;
const SUBMISSION_TLS_PORT = 465;
/** Mail programs cut longer ones. */
const MAX_SUBJECT_LENGTH = 160;

export interface MailTarget {
  /** `smtp://host:port` or `smtps://host:port`. */
  readonly server: string;
  readonly host: string;
  readonly needsTls: boolean;
  readonly user: string | undefined;
  readonly password: string | undefined;
  readonly from: string;
  readonly to: readonly string[];
  /** PEM; undefined: the CAs of Node.js. */
  readonly trusted: readonly string[] | undefined;
}

/** Rejects with OperatorError. */
export async function mailAlerts(
  target: MailTarget,
  message: AlertMessage,
  stepped: Stepped = () => {},
): Promise<void> {
  const { server, host, needsTls, user, password, from, to, trusted } = target;
  const { createTransport } = await import('nodemailer');
  const isTls = server.startsWith('smtps:');
  // One of ours, to end it at the deadline.
  const socket = new Socket();
  const port = Number(new URL(server).port || (isTls ? SUBMISSION_TLS_PORT : SUBMISSION_PORT));
  const transport = createTransport({
    host,
    port,
    secure: isTls,
    socket,
    // Otherwise TLS is used where the server offers it.
    requireTLS: needsTls,
    ...(user === undefined ? {} : { auth: { user, pass: password ?? '' } }),
    ...(trusted === undefined ? {} : { tls: { ca: [...trusted] } }),
    connectionTimeout: TIMEOUT_MS,
    greetingTimeout: TIMEOUT_MS,
    socketTimeout: TIMEOUT_MS,
    // Nothing in a message is a path or a URL to be read.
    disableFileAccess: true,
    disableUrlAccess: true,
  });
  try {
    const sending = transport.sendMail({
      from,
      to: [...to],
      subject: subjectOf(message).slice(0, MAX_SUBJECT_LENGTH),
      text: mailTextOf(message),
      headers: { 'Auto-Submitted': 'auto-generated' },
    });
    const { rejected, response } = await withinDeadline(sending, socket);
    stepped('server', `${host}:${port} took it: ${response}`);
    if (rejected.length > 0) {
      throw new OperatorError(`${host} does not take mail for ${rejected.join(', ')}`, ExitCode.Failed);
    }
  } catch (error) {
    if (error instanceof OperatorError) throw error;
    throw new OperatorError(`${host}:${port} ${describeFailure(error as SmtpError)}`, ExitCode.Failed);
  } finally {
    transport.close();
  }
}

async function withinDeadline<T>(sending: Promise<T>, socket: Socket): Promise<T> {
  const late = new OperatorError(
    `the mail server was not done in ${MAX_SENDING_MS / 1000} s`,
    ExitCode.Failed,
  );
  let timer: NodeJS.Timeout | undefined;
  const deadline = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => {
      reject(late);
      socket.destroy();
    }, MAX_SENDING_MS).unref();
  });
  return await Promise.race([sending, deadline]).finally(() => clearTimeout(timer));
}

interface SmtpError extends NodeJS.ErrnoException {
  readonly response?: string;
}

/** nodemailer has codes of its own: the one of the system is in the message. */
function describeFailure({ code = '', response, message }: SmtpError): string {
  if (response !== undefined) return `answered: ${response}`;
  const [system] = /\bE[A-Z]{4,}\b/.exec(message) ?? [];
  if (code === 'ETIMEDOUT') return `did not answer in ${TIMEOUT_MS / 1000} s`;
  return describeNetworkError(system ?? '', message);
}
