/**
 * The text of a configuration: JSON with comments and trailing commas to a value, and each place of the value
 * back to its line and column. Knows nothing of what a configuration may hold.
 */
import {
  createScanner,
  type JSONVisitor,
  type Node,
  type ParseError,
  parseTree,
  printParseErrorCode,
  visit,
} from 'jsonc-parser';
import type { ConfigurationPath } from '../text/problems';
import { escapeUnsafe, quoteValue } from '../text/quote';

/**
 * Deepest nesting of braces and brackets. The schema needs 7; the parser recurses for each level, so without a
 * limit a file of brackets would exhaust the stack.
 */
const MAX_NESTING = 64;

/** 1-based; columns in UTF-16 code units, as editors count. */
export interface Position {
  readonly line: number;
  readonly column: number;
}

/** What is wrong with the text itself. */
export interface TextFault {
  readonly position: Position;
  /** The object or list that holds it, as far as the text could be read; empty for errors of syntax. */
  readonly path: ConfigurationPath;
  readonly message: string;
}

export interface SourceText {
  /** Objects have no prototype, so that no key can reach one. Undefined where the syntax is wrong. */
  readonly value: unknown;
  readonly faults: readonly TextFault[];
  /**
   * Where the value at `path` begins, or the key `key` of the object at `path`. The nearest thing around it
   * where the text has no such place.
   */
  positionOf(path: ConfigurationPath, key?: string): Position;
}

/**
 * Never throws, whatever the text is. `at` says where an offset is. Another one is for a text that was made out of
 * what the operator wrote.
 */
export function parseSourceText(
  text: string,
  at: (offset: number) => Position = positionsIn(text),
): SourceText {
  const faults: TextFault[] = [];
  const failed = (): SourceText => ({ value: undefined, faults, positionOf: () => at(0) });

  // Every other byte of UTF-16 is a NUL, and each would be an error of its own.
  const nul = text.indexOf('\0');
  if (nul >= 0) {
    const message = 'has NUL bytes, as UTF-16 has; save the file as UTF-8';
    faults.push({ position: at(nul), path: [], message });
    return failed();
  }
  const tooDeep = offsetOfDeepNesting(text);
  if (tooDeep !== undefined) {
    faults.push({
      position: at(tooDeep),
      path: [],
      message: `is nested too deep; accepted are ${MAX_NESTING} levels`,
    });
    return failed();
  }

  // Positions are asked for where something is wrong, and a tree is several times as large as the value.
  let root: Node | undefined;
  const positionOf = (path: ConfigurationPath, key?: string) => {
    root ??= parseTree(text, [], readOptions);
    return at(root === undefined ? 0 : offsetOf(root, path, key));
  };
  const { value, errors, refusedKeys } = readValue(text);
  for (const error of telling(errors, text, at)) {
    faults.push({ position: at(error.offset), path: [], message: describeSyntaxError(error, text) });
  }
  if (errors.length > 0) return failed();
  for (const { key, offset, path } of refusedKeys) {
    faults.push({ position: at(offset), path, message: describeRefusedKey(key, positionOf(path, key)) });
  }
  return { value, faults, positionOf };
}

const readOptions = { allowTrailingComma: true };

type Container = unknown[] | Record<string, unknown>;

/** A key that counts for nothing: the second of its name, or `__proto__`. */
interface RefusedKey {
  readonly key: string;
  readonly offset: number;
  /** The object that has it. */
  readonly path: ConfigurationPath;
}

interface ValueReading {
  /** With errors, whatever could be read. */
  readonly value: unknown;
  readonly errors: readonly ParseError[];
  readonly refusedKeys: readonly RefusedKey[];
}

function readValue(text: string): ValueReading {
  const errors: ParseError[] = [];
  const refusedKeys: RefusedKey[] = [];
  const values: unknown[] = [];
  /** From the whole to the innermost one. */
  const containers: Container[] = [values];
  /** Of the value that comes next; undefined where that is left out. */
  let wanted: string | undefined;
  const put = (value: unknown): boolean => {
    const container = containers.at(-1)!;
    if (Array.isArray(container)) container.push(value);
    else if (wanted === undefined) return false;
    else container[wanted] = value;
    return true;
  };
  const begin = (container: Container): boolean => {
    const isWanted = put(container);
    containers.push(container);
    return isWanted;
  };
  const end = () => void containers.pop();
  const visitor: JSONVisitor = {
    onObjectBegin: () => begin(Object.create(null)),
    onObjectEnd: end,
    onArrayBegin: () => begin([]),
    onArrayEnd: end,
    onLiteralValue: put,
    onObjectProperty: (key, offset, _length, _line, _character, path) => {
      const isRefused = key === '__proto__' || key in containers.at(-1)!;
      wanted = isRefused ? undefined : key;
      if (isRefused) refusedKeys.push({ key, offset, path: path() });
    },
    onError: (error, offset, length) => errors.push({ error, offset, length }),
  };
  visit(text, visitor, readOptions);
  return { value: values[0], errors, refusedKeys };
}

function describeRefusedKey(key: string, { line, column }: Position): string {
  return key === '__proto__'
    ? 'the key "__proto__" is not accepted; use another name'
    : `duplicate key ${quoteValue(key)}; it is at ${line}:${column} already, keep one of them`;
}

function offsetOf(root: Node, path: ConfigurationPath, key: string | undefined): number {
  let node = root;
  for (const segment of path) {
    const child =
      node.type === 'array' ? node.children?.[segment as number] : propertyOf(node, segment)?.children?.[1];
    if (child === undefined) return node.offset;
    node = child;
  }
  return propertyOf(node, key)?.offset ?? node.offset;
}

/** The first one, as the value has it. */
function propertyOf(node: Node, key: string | number | undefined): Node | undefined {
  return node.children?.find(
    (property) => property.children?.[0]?.value === key && property.type === 'property',
  );
}

const messageBySyntaxError: Readonly<Record<string, string>> = {
  InvalidSymbol: 'is not JSON; keys and texts stand in double quotes',
  InvalidNumberFormat: 'is not a JSON number such as 60 or 0.5',
  PropertyNameExpected: 'a key in double quotes is expected here',
  ValueExpected: 'a value is expected here',
  ColonExpected: 'a colon is expected here, between a key and its value',
  CommaExpected: 'a comma is expected before this',
  CloseBraceExpected: 'a closing brace } is expected here',
  CloseBracketExpected: 'a closing bracket ] is expected here',
  EndOfFileExpected: 'nothing but comments is expected after the configuration',
  UnexpectedEndOfComment: 'a comment that begins with /* does not end; add */',
  UnexpectedEndOfString: 'a text does not end; add a double quote in the same line',
  UnexpectedEndOfNumber: 'a number is not complete',
  InvalidUnicode: 'a \\u escape needs four hex digits',
  InvalidEscapeCharacter: 'a text has an unknown escape; a backslash is written \\\\',
  InvalidCharacter: 'a text has a control character; write it as an escape such as \\t',
};

function describeSyntaxError(error: ParseError, text: string): string {
  const name = printParseErrorCode(error.error);
  if (text.trim() === '') return 'is empty; remove it, then make one with "aegis init"';
  const reference = /^\$\{[^}\s]*\}/.exec(text.slice(error.offset, error.offset + 200))?.[0];
  if (reference !== undefined) {
    const shown = escapeUnsafe(reference);
    return `${shown} needs double quotes round it: "${shown}"`;
  }
  const symbol = quoteValue(text.slice(error.offset, error.offset + error.length));
  if (name === 'InvalidSymbol') return `${symbol} ${messageBySyntaxError[name]}`;
  if (isAtCloser(error, text) && name === 'ValueExpected') return `a value is expected before ${symbol}`;
  if (isAtCloser(error, text) && name === 'CommaExpected') {
    return `a ${symbol === '"}"' ? 'closing bracket ]' : 'closing brace }'} is expected before ${symbol}`;
  }
  return messageBySyntaxError[name] ?? 'is not valid JSON';
}

function isAtCloser(error: ParseError, text: string): boolean {
  return text[error.offset] === '}' || text[error.offset] === ']';
}

/** After these the parser has lost its place, and what it reports next is not a fault of the operator. */
const losesPlace: ReadonlySet<string> = new Set([
  'CloseBraceExpected',
  'CloseBracketExpected',
  'EndOfFileExpected',
  'UnexpectedEndOfComment',
  'UnexpectedEndOfString',
]);

/** What the parser says of the gap that a symbol leaves which it could not read. */
const followsSymbol: ReadonlySet<string> = new Set([
  'PropertyNameExpected',
  'ColonExpected',
  'ValueExpected',
]);

/** The errors worth reporting: the first of each line, up to where the parser loses its place. */
function telling(
  errors: readonly ParseError[],
  text: string,
  at: (offset: number) => Position,
): ParseError[] {
  const kept: ParseError[] = [];
  const lines = new Set<number>();
  let isAfterSymbol = false;
  for (const error of errors) {
    const name = printParseErrorCode(error.error);
    const { line } = at(error.offset);
    const isConsequence: boolean = isAfterSymbol && followsSymbol.has(name);
    isAfterSymbol = name === 'InvalidSymbol' || isConsequence;
    if (isConsequence) continue;
    if (!lines.has(line)) kept.push(error);
    lines.add(line);
    // Another kind of file: what else is wrong with it says nothing, and may be a secret.
    if (name === 'InvalidSymbol' && text.slice(0, error.offset).trim() === '') break;
    if (losesPlace.has(name) || (isAtCloser(error, text) && name === 'CommaExpected')) break;
  }
  return kept;
}

/** jsonc-parser's token kinds; its own enum does not exist at run time. */
const Token = { OpenBrace: 1, CloseBrace: 2, OpenBracket: 3, CloseBracket: 4, EndOfFile: 17 } as const;

function offsetOfDeepNesting(text: string): number | undefined {
  const scanner = createScanner(text, true);
  const closers: number[] = [];
  for (let token: number = scanner.scan(); token !== Token.EndOfFile; token = scanner.scan()) {
    if (token === Token.OpenBrace) closers.push(Token.CloseBrace);
    else if (token === Token.OpenBracket) closers.push(Token.CloseBracket);
    // A closer that fits nothing does not lead up for the parser either.
    else if (token === closers.at(-1)) closers.pop();
    if (closers.length > MAX_NESTING) return scanner.getTokenOffset();
  }
  return undefined;
}

/** Line and column of an offset in `text`. */
export function positionsIn(text: string): (offset: number) => Position {
  const lineStarts = [0];
  for (const lineBreak of text.matchAll(/\r\n|\n|\r/g)) {
    lineStarts.push(lineBreak.index + lineBreak[0].length);
  }
  return (offset) => positionAt(lineStarts, offset);
}

function positionAt(lineStarts: readonly number[], offset: number): Position {
  let low = 0;
  let high = lineStarts.length - 1;
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if (lineStarts[middle]! <= offset) low = middle;
    else high = middle - 1;
  }
  return { line: low + 1, column: offset - lineStarts[low]! + 1 };
}
