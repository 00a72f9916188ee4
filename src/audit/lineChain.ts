/**
 * The chain of the lines in the audit log file: each one has its number and the SHA-256 of what stands before it, from the
 * beginning of the line before. A check-point is signed too. Owns the form of that, and what the next line is linked to.
 * Knows no file.
 *
 * `…,"chain":{"seq":7,"previous":"64 hexadecimal digits"}}`, with `"key"` and `"signature"` behind them in a check-point.
 * Texts in a line cannot look like it: their quotes are escaped.
 */
import { createPublicKey, hash, type KeyObject, sign, verify } from 'node:crypto';
import { publicKeyFingerprint } from '../x509/fingerprints';

const TAIL_BEGINNING = ',"chain":{"seq":';
/** The longest signature is the one of an RSA key with 16,384 bits. */
const TAIL =
  /^,"chain":\{"seq":(\d{1,15}),"previous":"([0-9a-f]{64})"(?:,"key":"(spki-sha256:[0-9A-F:]{95})","signature":"([\w+/=]{1,2732})")?\}\}$/;
/** What the first line of a chain is linked to. */
export const NOTHING_BEFORE = '0'.repeat(64);
/** Without time: a gateway under load signs its lines all the same, and a file without signatures is noticed. */
export const MAX_UNSIGNED_LINES = 10_000;

/** Of the last line in the file. */
export interface Head {
  /** 0 where there is none yet. */
  readonly seq: number;
  /** What the next line has as `previous`. */
  readonly hash: string;
}

/** What a line says of its place. */
export interface Link {
  readonly seq: number;
  readonly previous: string;
  readonly signature?: Signature;
}

export interface Signature {
  /** As `publicKeyFingerprint` has it. */
  readonly key: string;
  readonly base64: string;
  /** The line without it. */
  readonly signed: string;
}

export interface Signer {
  readonly key: KeyObject;
  readonly fingerprint: string;
}

/** Undefined for a line that is not of a chain. */
export function linkOf(line: string): Link | undefined {
  const at = line.lastIndexOf(TAIL_BEGINNING);
  const [, seq, previous, key, base64] = (at < 1 ? undefined : TAIL.exec(line.slice(at))) ?? [];
  if (previous === undefined) return undefined;
  if (key === undefined || base64 === undefined) return { seq: Number(seq), previous };
  const signed = `${line.slice(0, line.lastIndexOf(',"signature":"'))}}}`;
  return { seq: Number(seq), previous, signature: { key, base64, signed } };
}

/** What the next line is linked to: of the text from the beginning of the line before, without its last line feed. */
export function hashOf(latin1: string): string {
  return hash('sha256', Buffer.from(latin1, 'latin1'));
}

/** The same of one line, which is ASCII. One that somebody changed may not be: its hash is a wrong one in either form. */
export function hashOfLine(line: string): string {
  return hash('sha256', line);
}

export function signerOf(key: KeyObject): Signer {
  return { key, fingerprint: publicKeyFingerprint(createPublicKey(key)) };
}

export function isSigned({ signed, base64 }: Signature, publicKey: KeyObject): boolean {
  try {
    return verify(
      digestOf(publicKey),
      Buffer.from(signed, 'latin1'),
      publicKey,
      Buffer.from(base64, 'base64'),
    );
  } catch {
    return false;
  }
}

/** Ed25519 and Ed448 have one of their own. */
function digestOf({ asymmetricKeyType }: KeyObject): string | null {
  return asymmetricKeyType?.startsWith('ed') === true ? null : 'sha256';
}

export class LineChain {
  readonly #signer: Signer | undefined;
  #head: Head;
  /** What `#head.hash` is of, with its line feed. Undefined before the first line, and where the file was not as it should be. */
  #text: string | undefined;
  /** Of the lines that were linked last, if all of them get into the file. */
  #next: Head;
  /** Of the last check-point among them; -1 where there is none. */
  #signedIndex = -1;
  #unsigned = 0;

  /** `text` is what `head.hash` is of, where that is known. */
  constructor(head: Head, signer?: Signer, text?: string) {
    this.#head = head;
    this.#text = text;
    this.#next = head;
    this.#signer = signer;
  }

  get head(): Head {
    return this.#head;
  }

  /** What the file ends with, without its line feed; undefined where that is not known. */
  get lastLine(): string | undefined {
    return this.#text === undefined ? undefined : withoutLineFeed(this.#text);
  }

  /** Lines since the last one that was signed. */
  get unsigned(): number {
    return this.#unsigned;
  }

  get signs(): boolean {
    return this.#signer !== undefined;
  }

  /** The lines with their links, to be written. `signs` says which of them are check-points. */
  link(lines: readonly string[], signs: (index: number) => boolean): string[] {
    let { seq, hash: previous } = this.#head;
    this.#signedIndex = -1;
    const linked = lines.map((line, index) => {
      seq += 1;
      const tail = `${TAIL_BEGINNING}${seq},"previous":"${previous}"`;
      const isSigned = this.#signer !== undefined && signs(index);
      if (isSigned) this.#signedIndex = index;
      const whole = `${line.slice(0, -1)}${tail}${isSigned ? signatureOf(this.#signer!, line, tail) : ''}}}`;
      previous = hashOfLine(whole);
      return whole;
    });
    this.#next = { seq, hash: previous };
    return linked;
  }

  /** All lines that were linked last are in the file. */
  written(linked: readonly string[]): void {
    this.#head = this.#next;
    this.#text = `${linked.at(-1)}\n`;
    this.#count(linked.length);
  }

  /** Only the first ones are, and `rest` behind them, which becomes part of what the next line is linked to. */
  cut(linked: readonly string[], count: number, rest: string): void {
    const known = count === 0 ? this.#text : `${linked[count - 1]}\n`;
    const isWhole = linkOf(rest)?.seq === this.#head.seq + count + 1;
    this.#count(count);
    // Where the line before is not known, the hash stays, and `aegis audit verify` speaks of the place.
    if (known === undefined) return;
    // A line of which only the line feed is missing is a line.
    this.#text = isWhole ? `${rest.replace(/^\n/, '')}\n` : known + rest;
    this.#head = {
      seq: this.#head.seq + count + (isWhole ? 1 : 0),
      hash: hashOf(withoutLineFeed(this.#text)),
    };
  }

  #count(written: number): void {
    const isSigned = this.#signedIndex >= 0 && this.#signedIndex < written;
    this.#unsigned = isSigned ? written - 1 - this.#signedIndex : this.#unsigned + written;
  }
}

function withoutLineFeed(text: string): string {
  return text.endsWith('\n') ? text.slice(0, -1) : text;
}

function signatureOf({ key, fingerprint }: Signer, line: string, tail: string): string {
  const named = `,"key":"${fingerprint}"`;
  const signed = Buffer.from(`${line.slice(0, -1)}${tail}${named}}}`, 'latin1');
  return `${named},"signature":"${sign(digestOf(key), signed, key).toString('base64')}"`;
}
