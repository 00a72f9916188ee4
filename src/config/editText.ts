/**
 * Changes to the properties of a JSON text with comments that leave everything else as it is: comments, order,
 * spaces, trailing commas. Text in, text out; knows nothing of what a configuration may hold.
 *
 * Not jsonc-parser's own modify(): it moves the comment behind the last property to the new one, deletes those between
 * two properties, and works on one change at a time.
 */
import { type Node, parseTree } from 'jsonc-parser';
import type { ConfigurationPath } from '../text/problems';
import {
  endOf,
  endOfLineComment,
  formatJson,
  formatProperty,
  gapOf,
  hasBlankLines,
  isWrittenInOneLine,
  type JsonStyle,
  lineIndent,
  lineStart,
  styleOf,
} from './jsonLayout';

/** Properties in the order in which they are to stand. */
export type Properties = Iterable<readonly [key: string, value: unknown]>;

interface Edit {
  readonly offset: number;
  readonly length: number;
  readonly content: string;
}

/**
 * Adds properties behind the last one of the object at `path`. However many they are, it is one change. Throws a
 * RangeError where there is no object.
 */
export function addProperties(text: string, path: ConfigurationPath, properties: Properties): string {
  const object = objectAt(rootOf(text), path);
  return applyEdits(text, additions(text, object, [...properties], styleOf(text)));
}

/**
 * Sets the value at `path`, which begins at an object that is there; objects between the two are made where they are
 * missing. In a list, the items that stay keep their comments. An object is replaced whole, with the comments in it.
 */
export function setValue(
  text: string,
  path: ConfigurationPath,
  value: unknown,
  style: JsonStyle = styleOf(text),
): string {
  const root = rootOf(text);
  const existing = valueAt(root, path);
  if (existing?.type === 'array' && isContinued(existing, [value].flat())) {
    return setItems(text, path, [value].flat(), style);
  }
  if (existing !== undefined) {
    const isOneLine = !/[\r\n]/.test(text.slice(existing.offset, endOf(existing)));
    const content = formatJson(value, style, lineIndent(text, existing.offset), isOneLine);
    return applyEdits(text, [{ offset: existing.offset, length: existing.length, content }]);
  }
  let depth = path.length - 1;
  while (valueAt(root, path.slice(0, depth)) === undefined) depth -= 1;
  const nested = path.slice(depth + 1).reduceRight<unknown>((inner, key) => ({ [key]: inner }), value);
  const object = objectAt(root, path.slice(0, depth));
  return applyEdits(text, additions(text, object, [[String(path[depth]), nested]], style));
}

/** Whether the list becomes `wanted` by taking items out and adding others at its end. */
function isContinued({ children = [] }: Node, wanted: readonly unknown[]): boolean {
  const items = children.map(({ value }) => value as unknown);
  const kept = items.filter((item) => wanted.includes(item));
  const isPlain = children.every(({ type }) => type !== 'object' && type !== 'array');
  return isPlain && kept.length > 0 && kept.every((item, index) => item === wanted[index]);
}

function setItems(
  text: string,
  path: ConfigurationPath,
  wanted: readonly unknown[],
  style: JsonStyle,
): string {
  let list = valueAt(rootOf(text), path)!;
  const added = wanted.slice((list.children ?? []).filter(({ value }) => wanted.includes(value)).length);
  let changed = text;
  for (let index = (list.children?.length ?? 0) - 1; index >= 0; index -= 1) {
    if (wanted.includes(list.children![index]!.value)) continue;
    changed = applyEdits(changed, removal(changed, list, index));
    list = valueAt(rootOf(changed), path)!;
  }
  const items = added.map((item) => [undefined, item] as const);
  return applyEdits(changed, additions(changed, list, items, style));
}

/**
 * Takes out a property. What explains it goes with it: a comment behind it on its line, and one right above it where
 * the two are a paragraph of their own. Every other comment stays. Throws a RangeError where there is no such property.
 */
export function removeProperty(text: string, path: ConfigurationPath): string {
  const object = objectAt(rootOf(text), path.slice(0, -1));
  const properties = object.children ?? [];
  const index = properties.findIndex((property) => keyOf(property) === path.at(-1));
  if (index < 0) throw new RangeError(`there is no ${path.join('.')}`);
  return applyEdits(text, removal(text, object, index));
}

/** The text of each value in the object at `path` whose key is in the map, as `change` returns it; in one pass. */
export function changeValues<Change>(
  text: string,
  path: ConfigurationPath,
  changeByKey: ReadonlyMap<string, Change>,
  change: (valueText: string, change: Change, style: JsonStyle) => string,
): string {
  const style = styleOf(text);
  const edits = (objectAt(rootOf(text), path).children ?? []).flatMap(({ children: [key, value] = [] }) => {
    const wanted = changeByKey.get(key?.value);
    if (wanted === undefined || value === undefined) return [];
    const { offset, length } = value;
    // What is changed inside has to find its indentation without the text around it.
    const indent = lineIndent(text, offset);
    const changed = change(indent + text.slice(offset, offset + length), wanted, style);
    return [{ offset, length, content: changed.slice(indent.length) }];
  });
  return applyEdits(text, edits);
}

/** Whether the text itself has something at `path`; the environment may add more. */
export function hasValue(text: string, path: ConfigurationPath): boolean {
  return valueAt(rootOf(text), path) !== undefined;
}

/** Behind the last property of an object, or the last item of a list: items have no key. */
function additions(
  text: string,
  object: Node,
  properties: readonly (readonly [key: string | undefined, value: unknown])[],
  style: JsonStyle,
): Edit[] {
  if (properties.length === 0) return [];
  const closing = endOf(object) - 1;
  const last = object.children?.at(-1);
  const contentEnd = last === undefined ? object.offset + 1 : endOf(last);
  const gap = gapOf(text, contentEnd, closing);
  const { comma } = gap;
  // Comments on lines of their own stay at the end: above a new property, they would seem to explain it.
  const end =
    last === undefined
      ? gap.end
      : endOfLineComment(text, comma === undefined ? contentEnd : comma + 1, closing);
  const edits: Edit[] = [];
  if (last !== undefined && comma === undefined) edits.push({ offset: contentEnd, length: 0, content: ',' });

  const isInLine = !/[\r\n]/.test(text.slice(object.offset, closing));
  const stayInLine = isInLine && last !== undefined && properties.every(([, value]) => !isObject(value));
  const baseIndent = lineIndent(text, object.offset);
  const indent = last !== undefined && !isInLine ? lineIndent(text, last.offset) : baseIndent + style.unit;
  const isOneLine = stayInLine || isWrittenInOneLine(text, last);
  const written = properties.map(([key, value]) =>
    key === undefined
      ? formatJson(value, style, indent, isOneLine)
      : formatProperty(key, value, style, indent, isOneLine),
  );
  if (stayInLine) {
    const trailing = comma === undefined ? '' : ',';
    edits.push({ offset: end, length: 0, content: ` ${written.join(', ')}${trailing}` });
    return edits;
  }
  if (isInLine && last !== undefined) {
    const start = object.offset + 1;
    const { length } = /^[ \t]*/.exec(text.slice(start, closing))![0];
    edits.unshift({ offset: start, length, content: style.eol + indent });
  }
  const between = hasBlankLines(text, object) ? style.eol : '';
  const trailing = comma === undefined ? '' : ',';
  const lead = last === undefined ? '' : between;
  const content = `${lead}${style.eol}${indent}${written.join(`,${between}${style.eol}${indent}`)}${trailing}`;
  const rest = text.slice(end, closing);
  const isBraceOnOwnLine = /[\r\n]/.test(rest);
  edits.push({
    offset: end,
    length: isBraceOnOwnLine ? 0 : rest.length,
    content: isBraceOnOwnLine ? content : content + style.eol + baseIndent,
  });
  return edits;
}

/** At the beginning of what stands behind a property and the comments on its line. */
const BLANK_LINE = /^[^\S\r\n]*\r?\n[^\S\r\n]*\r?\n/;

function removal(text: string, object: Node, index: number): Edit[] {
  const properties = object.children!;
  const property = properties[index]!;
  const previous = properties[index - 1];
  const next = properties[index + 1];
  const before = previous === undefined ? object.offset + 1 : endOf(previous);
  const beforeGap = gapOf(text, before, property.offset);
  const afterEnd = next?.offset ?? endOf(object) - 1;
  const afterGap = gapOf(text, endOf(property), afterEnd);

  const ownEnd = afterGap.comma === undefined ? endOf(property) : afterGap.comma + 1;
  let end = endOfLineComment(text, ownEnd, afterEnd);
  let start = property.offset;
  const isFirstOnLine = /^[ \t]*$/.test(text.slice(lineStart(text, start), start));
  const isLastOnLine = /^[ \t]*[\r\n]/.test(text.slice(end, afterEnd));
  if (isFirstOnLine && isLastOnLine) {
    const bodyStart = beforeGap.comma === undefined ? before : beforeGap.comma + 1;
    const above = paragraphAbove(text, bodyStart, lineStart(text, start));
    const behind = text.slice(end, afterEnd);
    const isOwnParagraph = BLANK_LINE.test(behind) || (next === undefined && behind.trim() === '');
    start = isOwnParagraph ? above : lineStart(text, start);
    // From the line break in front on, blank lines included; at the beginning of the object also those behind it.
    start -= /\s*$/.exec(text.slice(bodyStart, start))![0].length;
    if (previous === undefined && start === bodyStart) end += blankLines(text.slice(end, afterEnd));
  } else if (previous === undefined && next !== undefined) {
    end += /^[ \t]*/.exec(text.slice(end, afterEnd))![0].length;
  } else {
    start -= /[ \t]*$/.exec(text.slice(before, start))![0].length;
  }
  const edits: Edit[] = [];
  // The comma behind the property before it separates nothing any more, unless the text likes trailing ones.
  if (next === undefined && afterGap.comma === undefined && beforeGap.comma !== undefined) {
    edits.push({ offset: beforeGap.comma, length: 1, content: '' });
  }
  edits.push({ offset: start, length: end - start, content: '' });
  return edits;
}

/**
 * Where the comment lines that stand right above `keyLine` begin, if a blank line or the beginning of the object is
 * above them; else `keyLine`.
 */
function paragraphAbove(text: string, from: number, keyLine: number): number {
  let start = keyLine;
  while (start > from) {
    const line = lineStart(text, start - 1);
    if (line < from) return start;
    const content = text.slice(line, start).trim();
    if (content === '') return start;
    start = line;
  }
  return start;
}

/** How much of the white space at the beginning stands before its last line break. */
function blankLines(text: string): number {
  return /^\s*?(?=\r?\n[^\S\r\n]*(?!\s))/.exec(text)?.[0].length ?? 0;
}

/** All edits refer to the text as it is; they are in its order and do not overlap. */
function applyEdits(text: string, edits: readonly Edit[]): string {
  const parts: string[] = [];
  let position = 0;
  for (const { offset, length, content } of edits) {
    parts.push(text.slice(position, offset), content);
    position = offset + length;
  }
  parts.push(text.slice(position));
  return parts.join('');
}

function rootOf(text: string): Node {
  const root = parseTree(text, [], { allowTrailingComma: true });
  if (root === undefined) throw new RangeError('there is no JSON value');
  return root;
}

function objectAt(root: Node, path: ConfigurationPath): Node {
  const node = valueAt(root, path);
  if (node?.type !== 'object') throw new RangeError(`there is no object at ${path.join('.')}`);
  return node;
}

/** The first one, where a key is there twice, as the value has it. */
function valueAt(root: Node, path: ConfigurationPath): Node | undefined {
  return path.reduce<Node | undefined>(
    (node, key) =>
      node?.type === 'object'
        ? node.children?.find((property) => keyOf(property) === key)?.children?.[1]
        : undefined,
    root,
  );
}

function keyOf(property: Node): unknown {
  return property.children?.[0]?.value;
}

function isObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
