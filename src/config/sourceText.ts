/**
 * The text of a configuration: JSON with comments and trailing commas to a value, and each place of the value
 * back to its line and column. Knows nothing of what a configuration may hold.
 */
import { createScanner, type Node, type ParseError, parseTree, printParseErrorCode } from 'jsonc-parser';
import type { ConfigurationPath } from './problems';
import { quoteValue } from './quote';

/**
 * Deepest nesting of braces and brackets. The schema needs 7; the parser recurses for each level, so without a
 * limit a file of brackets would exhaust the stack.
 */
const DEEPEST_NESTING = 64;

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
 * Never throws, whatever the text is. `at` tells where an offset is; another one is for a text that was made out of the
 * one that the operator wrote.
 */
export function parseSourceText(
  text: string,
  at: (offset: number) => Position = positionsIn(text),
): SourceText {
  const faults: TextFault[] = [];
  const failed = (): SourceText => ({ value: undefined, faults, positionOf: () => at(0) });

  const tooDeep = offsetOfDeepNesting(text);
  if (tooDeep !== undefined) {
    faults.push({
      position: at(tooDeep),
      path: [],
      message: `is nested too deep; accepted are ${DEEPEST_NESTING} levels`,
    });
    return failed();
  }

  const errors: ParseError[] = [];
  const root = parseTree(text, errors, { allowTrailingComma: true });
  for (const error of telling(errors, text, at)) {
    faults.push({ position: at(error.offset), path: [], message: describeSyntaxError(error, text) });
  }
  if (root === undefined || errors.length > 0) return failed();

  const value = plainValue(root, [], (node, path, message) => {
    faults.push({ position: at(node.offset), path, message: message(at) });
  });
  return { value, faults, positionOf: (path, key) => at(offsetOf(root, path, key)) };
}

type ReportFault = (
  node: Node,
  path: ConfigurationPath,
  message: (at: (offset: number) => Position) => string,
) => void;

/** Plain values of a tree; duplicate keys and `__proto__` are faults, the first value of a key counts. */
function plainValue(node: Node, path: ConfigurationPath, report: ReportFault): unknown {
  if (node.type === 'array') {
    return (node.children ?? []).map((item, index) => plainValue(item, [...path, index], report));
  }
  if (node.type !== 'object') return node.value;
  const object: Record<string, unknown> = Object.create(null);
  const firstByKey = new Map<string, Node>();
  for (const { children: [keyNode, valueNode] = [] } of node.children ?? []) {
    if (keyNode === undefined || valueNode === undefined) continue;
    const key: string = keyNode.value;
    const first = firstByKey.get(key);
    if (first !== undefined) {
      report(keyNode, path, (at) => {
        const { line, column } = at(first.offset);
        return `duplicate key ${quoteValue(key)}; it is at ${line}:${column} already, keep one of them`;
      });
    } else if (key === '__proto__') {
      report(keyNode, path, () => 'the key "__proto__" is not accepted; use another name');
    } else {
      firstByKey.set(key, keyNode);
      object[key] = plainValue(valueNode, [...path, key], report);
    }
  }
  return object;
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
  InvalidNumberFormat: 'is no number of JSON, such as 60 or 0.5',
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
  if (text.trim() === '') return 'is empty; copy config/aegis.example.jsonc to begin with';
  const reference = /^\$\{[^}\s]*\}/.exec(text.slice(error.offset, error.offset + 200))?.[0];
  if (reference !== undefined) return `${reference} needs double quotes round it: "${reference}"`;
  const symbol = quoteValue(text.slice(error.offset, error.offset + error.length));
  if (name === 'InvalidSymbol') return `${symbol} ${messageBySyntaxError[name]}`;
  if (isAtCloser(error, text) && name === 'ValueExpected') return `a value is expected before ${symbol}`;
  if (isAtCloser(error, text) && name === 'CommaExpected') {
    return `a ${symbol === '"}"' ? 'closing bracket ]' : 'closing brace }'} is expected before ${symbol}`;
  }
  return messageBySyntaxError[name] ?? 'is no valid JSON';
}

function isAtCloser(error: ParseError, text: string): boolean {
  return text[error.offset] === '}' || text[error.offset] === ']';
}

/** After these the parser has lost its place, and what it reports next is no fault of the operator. */
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

/** The errors that tell something: the first of each line, up to where the parser loses its place. */
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
    // A closer that fits nothing is no way up for the parser either.
    else if (token === closers.at(-1)) closers.pop();
    if (closers.length > DEEPEST_NESTING) return scanner.getTokenOffset();
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
