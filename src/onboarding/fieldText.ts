/**
 * The values of a field as one line of text, and back: in the cells of a spreadsheet and in answers on a terminal.
 *
 * Spaces separate values. If a value contains a space, as AE titles may, each value ends in a bar: `CT 1|CT 2|`. `\|` and
 * `\\` are a bar and a backslash. A bar alone is the empty list.
 */
import { type Shape, shapeOf, unwrap } from '../config/schemaShape';
import { cidr } from '../config/schemaValues';
import type { EntryField } from './entryFields';

/**
 * The value as the configuration takes it, right or wrong: the schema judges. Undefined for an empty text. A single
 * value stands for itself.
 */
export function parseFieldText({ shape }: EntryField, text: string): unknown {
  const trimmed = text.trim();
  if (trimmed === '') return undefined;
  if (shape.kind === 'list') {
    const values = splitValues(trimmed, shape);
    return values.length === 1 && shape.isOneOrMore ? values[0] : values;
  }
  if (shape.kind === 'number' && /^-?\d+(\.\d+)?$/.test(trimmed)) return Number(trimmed);
  if (shape.kind === 'boolean' && /^(true|false)$/i.test(trimmed)) return trimmed.toLowerCase() === 'true';
  return trimmed;
}

/** The text that parseFieldText reads as the same value; empty where there is no value. */
export function formatFieldText({ shape }: EntryField, value: unknown): string {
  if (value === undefined) return '';
  if (shape.kind !== 'list') return String(value);
  const values = (Array.isArray(value) ? value : [value]).map(String);
  const isPlain = values.length > 0 && values.every((each) => /^[^\s|]+$/.test(each));
  if (isPlain) return values.join(' ');
  return values.length === 0 ? '|' : values.map((each) => `${each.replace(/[\\|]/g, '\\$&')}|`).join('');
}

/** The values of a list in one text; commas separate too, where no value can have one. */
export function splitValues(text: string, shape: Extract<Shape, { kind: 'list' }>): string[] {
  if (text.includes('|')) {
    const parts = text.match(/(?:\\[\\|]|[^|])+/g) ?? [];
    return parts.map((part) => part.replace(/\\([\\|])/g, '$1').trim()).filter((part) => part !== '');
  }
  return text.split(hasPlainItems(shape) ? /[\s,;]+/ : /\s+/).filter((part) => part !== '');
}

/** Addresses and permissions: no value has a space or a comma. */
export function hasPlainItems({ items }: Extract<Shape, { kind: 'list' }>): boolean {
  const item = shapeOf(items);
  return item.kind === 'choice' || unwrap(items) === cidr;
}
