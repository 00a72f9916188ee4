/**
 * How a JSON text is laid out: what stands between its values, and how new parts are written so that they look like the
 * rest. Changes nothing in a text that is there.
 */
import { createScanner, type Node } from 'jsonc-parser';

export interface JsonStyle {
  readonly eol: string;
  /** One level of indentation. */
  readonly unit: string;
}

/** Lists and one-line objects up to here stay on one line; what editors show beside a tree of files. */
const MAX_LINE_LENGTH = 110;

/** Two spaces and line feeds where the text gives no sign of something else. */
export function styleOf(text: string): JsonStyle {
  const eol = text.includes('\r\n') ? '\r\n' : '\n';
  // The first key of the root, or of what stands in it.
  const unit = /^([ \t]+)"/m.exec(text)?.[1] ?? '  ';
  return { eol, unit };
}

/**
 * The value as JSON; lines after the first begin with `indent`. Lists of plain values take one line where they fit;
 * objects do with `isOneLine` only.
 */
export function formatJson(value: unknown, style: JsonStyle, indent: string, isOneLine = false): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const short = oneLine(value);
  const fits = indent.length + short.length <= MAX_LINE_LENGTH;
  const isPlainList = Array.isArray(value) && value.every((item) => typeof item !== 'object');
  if (Object.keys(value).length === 0 || (fits && (isPlainList || isOneLine))) return short;
  const inner = indent + style.unit;
  const items = Array.isArray(value)
    ? value.map((item: unknown) => formatJson(item, style, inner, isOneLine))
    : Object.entries(value).map(([key, item]) => formatProperty(key, item, style, inner, isOneLine));
  const [open, close] = Array.isArray(value) ? ['[', ']'] : ['{', '}'];
  return `${open}${style.eol}${inner}${items.join(`,${style.eol}${inner}`)}${style.eol}${indent}${close}`;
}

/** `"key": value`. */
export function formatProperty(
  key: string,
  value: unknown,
  style: JsonStyle,
  indent: string,
  isOneLine = false,
): string {
  return `${JSON.stringify(key)}: ${formatJson(value, style, indent, isOneLine)}`;
}

function oneLine(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(oneLine).join(', ')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const properties = Object.entries(value).map(([key, item]) => `${JSON.stringify(key)}: ${oneLine(item)}`);
  return properties.length === 0 ? '{}' : `{ ${properties.join(', ')} }`;
}

/** What stands between two properties, or a property and the brace: the comma, and where the last comment ends. */
export function gapOf(text: string, start: number, end: number): { comma: number | undefined; end: number } {
  let comma: number | undefined;
  let contentEnd = start;
  for (const token of tokensBetween(text, start, end)) {
    if (token.kind === Token.Comma) comma = token.offset;
    if (token.kind !== Token.LineBreak && token.kind !== Token.Space)
      contentEnd = token.offset + token.length;
  }
  return { comma, end: contentEnd };
}

/** The end of the comments that follow on the same line; `start` where there are none. */
export function endOfLineComment(text: string, start: number, end: number): number {
  let commentEnd = start;
  for (const { kind, offset, length } of tokensBetween(text, start, end)) {
    if (kind !== Token.LineComment && kind !== Token.BlockComment && kind !== Token.Space) break;
    if (kind !== Token.Space) commentEnd = offset + length;
  }
  // A block comment in front of the next property explains that one.
  const isNextOnSameLine =
    end > commentEnd && !/[\r\n]/.test(text.slice(commentEnd, end)) && text[end] === '"';
  return isNextOnSameLine ? start : commentEnd;
}

/** jsonc-parser's token kinds; its own enum does not exist at run time. */
const Token = {
  Comma: 5,
  LineComment: 12,
  BlockComment: 13,
  LineBreak: 14,
  Space: 15,
  EndOfFile: 17,
} as const;

function* tokensBetween(text: string, start: number, end: number) {
  const scanner = createScanner(text);
  scanner.setPosition(start);
  for (let kind: number = scanner.scan(); kind !== Token.EndOfFile; kind = scanner.scan()) {
    const offset = scanner.getTokenOffset();
    if (offset >= end) return;
    yield { kind, offset, length: scanner.getTokenLength() };
  }
}

/** Where the line begins that `offset` is in. */
export function lineStart(text: string, offset: number): number {
  return text.lastIndexOf('\n', offset - 1) + 1;
}

/** The white space that this line begins with, up to `offset`. */
export function lineIndent(text: string, offset: number): string {
  return /^[ \t]*/.exec(text.slice(lineStart(text, offset), offset))![0];
}

/** Between the last two properties. */
export function hasBlankLines(text: string, { children = [] }: Node): boolean {
  const [one, other] = children.slice(-2);
  return (
    one !== undefined &&
    other !== undefined &&
    /\r?\n[^\S\r\n]*\r?\n/.test(text.slice(endOf(one), other.offset))
  );
}

/** A property whose value is a filled object on one line: the next ones are to look the same. */
export function isWrittenInOneLine(text: string, property: Node | undefined): boolean {
  const value = property?.children?.[1];
  if (value?.type !== 'object' || value.children?.length === 0) return false;
  return !/[\r\n]/.test(text.slice(value.offset, endOf(value)));
}

export function endOf(node: Node): number {
  return node.offset + node.length;
}
