/**
 * JSON with comments as a person would write it: one member a line, remarks above it, small values in one line. Knows
 * nothing of what it writes.
 */
import { escapeUnsafe } from '../text/quote';

export interface Member {
  readonly key: string;
  readonly value: unknown | MemberList;
  readonly comments?: readonly string[];
  /** As a comment, for an operator to complete or decide. */
  readonly isCommentedOut?: boolean;
}

/** The members of an object that has lines of its own. */
export class MemberList {
  readonly members: readonly Member[];

  constructor(members: readonly Member[]) {
    this.members = members;
  }
}

const INDENT = '  ';

/** The text of one object, without a line break at its end. */
export function formatMembers({ members }: MemberList): string {
  const lines = members.flatMap(({ key, value, comments = [], isCommentedOut }, index) => {
    // Also in front of one that is a comment still: it only has to be uncommented.
    const separator = index < members.length - 1 ? ',' : '';
    const text = `${JSON.stringify(key)}: ${formatValue(value)}${separator}`;
    return [
      ...comments.map(formatComment),
      ...text.split('\n').map((line) => (isCommentedOut === true ? `// ${line}` : line)),
    ];
  });
  return lines.length === 0 ? '{}' : `{\n${lines.map((line) => INDENT + line).join('\n')}\n}`;
}

/** A name that came from a file must not end the comment that it stands in. */
export function formatComment(text: string): string {
  return `// ${escapeUnsafe(text)}`;
}

function formatValue(value: unknown): string {
  if (value instanceof MemberList) return formatMembers(value);
  if (Array.isArray(value)) {
    if (!value.some((item) => item instanceof MemberList)) return `[${value.map(formatValue).join(', ')}]`;
    return `[\n${value.map((item) => indented(formatValue(item))).join(',\n')}\n]`;
  }
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const members = Object.entries(value).map(
    ([key, inner]) => `${JSON.stringify(key)}: ${formatValue(inner)}`,
  );
  return members.length === 0 ? '{}' : `{ ${members.join(', ')} }`;
}

function indented(text: string): string {
  return text
    .split('\n')
    .map((line) => INDENT + line)
    .join('\n');
}
