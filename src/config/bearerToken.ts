/**
 * What a bearer token is and how it is read from its file. Who asks for it is not known here; no message holds it.
 */
import { ExitCode, OperatorError } from '../errors';
import { readText } from '../files/read';

/** Fewer could be tried out over the network. */
export const SHORTEST_TOKEN = 16;
/** Long before the 16 KB that a request may have for all its headers. */
export const LONGEST_TOKEN = 512;

/** Whether this goes into a header as it is and is too long to be guessed. */
export function isBearerToken(text: string): boolean {
  return /^[\x21-\x7e]+$/.test(text) && text.length >= SHORTEST_TOKEN && text.length <= LONGEST_TOKEN;
}

const ACCEPTED =
  `accepted are ${SHORTEST_TOKEN} to ${LONGEST_TOKEN} printable ASCII characters without spaces, ` +
  'for example from "openssl rand -hex 32"';

/** What is wrong with a text that is none, without the text. */
export const bearerTokenFault = `is no token; ${ACCEPTED}`;

/** The token that the gateway asks for; nobody else may be able to read the file. Throws OperatorError. */
export function readBearerToken(file: string): string {
  return tokenIn(file, readText(file, { secret: 'token', exitCode: ExitCode.Usage }));
}

/**
 * The same for whoever shows the token: often root, who may read what belongs to the gateway's account. Who else may
 * read the file is for the gateway to mind. Throws OperatorError.
 */
export function readTokenToShow(file: string): string {
  return tokenIn(file, readText(file, { exitCode: ExitCode.Usage }));
}

/** One line break at the end does not belong to it. */
function tokenIn(file: string, text: string): string {
  const token = text.replace(/\r?\n$/, '');
  if (!isBearerToken(token)) throw new OperatorError(`${file} holds no token; ${ACCEPTED}`);
  return token;
}
