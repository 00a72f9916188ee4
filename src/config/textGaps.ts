/**
 * What stands between the values of a JSON text: commas, comments, line breaks, indentation. Knows no values.
 */
import { createScanner } from 'jsonc-parser';

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
