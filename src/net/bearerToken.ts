/**
 * What a bearer token is and how it is read from its file. Who asks for it is not known here; no message holds it.
 */
import { OperatorError } from '../errors';
import { readSecretFile } from './textFiles';

/** Fewer could be tried out over the network. */
export const SHORTEST_TOKEN = 16;
/** Long before the 16 KB that a request may have for all its headers. */
export const LONGEST_TOKEN = 512;

/** Whether this goes into a header as it is and is too long to be guessed. */
export function isBearerToken(text: string): boolean {
  return /^[\x21-\x7e]+$/.test(text) && text.length >= SHORTEST_TOKEN && text.length <= LONGEST_TOKEN;
}

/** What is wrong with a text that is none, without the text. */
export const bearerTokenFault =
  `is no token; accepted are ${SHORTEST_TOKEN} to ${LONGEST_TOKEN} printable ASCII characters without spaces, ` +
  'for example from "openssl rand -hex 32"';

/** The token in a file, without the line break at its end. Throws OperatorError. */
export function readBearerToken(file: string): string {
  const token = readSecretFile(file, 'token', 'a text file').replace(/\r?\n$/, '');
  if (!isBearerToken(token)) throw new OperatorError(`${file} ${bearerTokenFault.replace('is', 'holds')}`);
  return token;
}
