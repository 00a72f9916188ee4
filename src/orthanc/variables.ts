/**
 * Variables in the text of an Orthanc configuration, replaced before it is parsed and exactly as Orthanc does it:
 * `${NAME}`, `${NAME:-default}`, also outside of strings. What is not set becomes nothing.
 */
import { createScanner } from 'jsonc-parser';

export interface SubstitutedText {
  /** Without its comments. */
  readonly text: string;
  /** Variables that are not set and have no default, with where they stand in the original. */
  readonly unset: readonly { readonly name: string; readonly offset: number }[];
  /** Where an offset of `text` is in the original; the beginning of the reference for what came from a variable. */
  originalOffset(offset: number): number;
}

/** A default may be in quotes of either kind, which do not count, and may then have a brace in it. */
const REFERENCE = /\$\{([^:}]+)(?::-("[^"]*"|'[^']*'|[^"'}]*))?\}/g;

interface Replacement {
  readonly originalStart: number;
  readonly originalEnd: number;
  readonly start: number;
  readonly end: number;
}

export function substituteVariables(original: string, env: NodeJS.ProcessEnv): SubstitutedText {
  // References in comments do not matter.
  const code = blankComments(original);
  const replacements: Replacement[] = [];
  const unset: { name: string; offset: number }[] = [];
  let shift = 0;
  const text = code.replace(
    REFERENCE,
    (reference: string, name: string, byDefault: string | undefined, offset: number) => {
      const isSet = Object.hasOwn(env, name);
      if (!isSet && byDefault === undefined) unset.push({ name, offset });
      const value = isSet ? (env[name] ?? '') : withoutQuotes(byDefault ?? '');
      const start = offset + shift;
      const originalEnd = offset + reference.length;
      replacements.push({ originalStart: offset, originalEnd, start, end: start + value.length });
      shift += value.length - reference.length;
      return value;
    },
  );
  const originalOffset = (offset: number): number => {
    const before = replacements.findLast(({ start }) => start <= offset);
    if (before === undefined) return offset;
    return offset < before.end ? before.originalStart : before.originalEnd + offset - before.end;
  };
  return { text, unset, originalOffset };
}

/** jsonc-parser's token kinds; its own enum does not exist at run time. */
const Token = { LineComment: 12, BlockComment: 13, EndOfFile: 17 } as const;

/** Spaces for comments: every offset and every line stays. */
function blankComments(text: string): string {
  const scanner = createScanner(text);
  const parts: string[] = [];
  let end = 0;
  for (let token: number = scanner.scan(); token !== Token.EndOfFile; token = scanner.scan()) {
    if (token !== Token.LineComment && token !== Token.BlockComment) continue;
    const start = scanner.getTokenOffset();
    parts.push(text.slice(end, start), text.slice(start, scanner.getPosition()).replace(/[^\r\n]/g, ' '));
    end = scanner.getPosition();
  }
  return parts.join('') + text.slice(end);
}

function withoutQuotes(text: string): string {
  return /^(["']).*\1$/s.test(text) ? text.slice(1, -1) : text;
}
