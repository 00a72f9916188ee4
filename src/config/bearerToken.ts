/**
 * What a bearer token is, and how it is read from its file. Does not know who asks for it. No message shows it.
 */
import { ExitCode, OperatorError } from '../errors';
import { readText } from '../files/read';

/** Fewer could be tried out over the network. */
export const MIN_TOKEN_LENGTH = 16;
/** Long before the 16 KB that a request may have for all its headers. */
export const MAX_TOKEN_LENGTH = 512;

/** Whether this goes into a header as it is and is too long to be guessed. */
export function isBearerToken(text: string): boolean {
  return /^[\x21-\x7e]+$/.test(text) && text.length >= MIN_TOKEN_LENGTH && text.length <= MAX_TOKEN_LENGTH;
}

const ACCEPTED =
  `accepted are ${MIN_TOKEN_LENGTH} to ${MAX_TOKEN_LENGTH} printable ASCII characters without spaces, ` +
  'for example from "openssl rand -hex 32"';

/** What is wrong with a text that is not a token, without the text. */
export const BEARER_TOKEN_FAULT = `is not a token; ${ACCEPTED}`;

/** The token that the gateway asks for; nobody else may be able to read the file. Throws OperatorError. */
export function readBearerToken(file: string): string {
  return tokenIn(file, readText(file, { secret: 'token', exitCode: ExitCode.Usage }));
}

/**
 * The same for a command that shows the token to the gateway. It is often run by root, and the file belongs to the
 * account of the gateway. The gateway itself checks who else may read the file. Throws OperatorError.
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
