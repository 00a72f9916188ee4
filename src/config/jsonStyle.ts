/**
 * How new parts of a JSON text are written: as the rest of the text is. Detects line ends and indentation and
 * formats values; changes nothing in a text that is there.
 */

export interface JsonStyle {
  readonly eol: string;
  /** One level of indentation. */
  readonly unit: string;
}

/** Lists and one-line objects up to here stay on one line; what editors show beside a tree of files. */
const LONGEST_LINE = 110;

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
  const fits = indent.length + short.length <= LONGEST_LINE;
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
