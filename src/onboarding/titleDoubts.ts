/**
 * AE titles may have spaces and commas in them, and people write both between several. What can be read in two ways is
 * told or asked back; the schema takes either.
 */

import { shapeOf } from '../config/schemaShape';
import { quoteValue } from '../text/quote';
import type { EntryField } from './entryFields';

/** Whether a field holds AE titles, one or several. */
function holdsTitles({ shape }: EntryField): boolean {
  const item = shape.kind === 'list' ? shapeOf(shape.items) : shape;
  return item.kind === 'string' && item.title === 'AE title';
}

/** The titles of a field that have a comma in them: an operator who wanted several would have had to write them apart. */
export function titlesWithComma(field: EntryField, value: unknown): string[] {
  if (field.shape.kind !== 'list' || !holdsTitles(field)) return [];
  return [value].flat().filter((title) => typeof title === 'string' && title.includes(',')) as string[];
}

/** What an answer was taken for, where it could have meant something else; undefined where it is plain. */
export function doubtAbout(field: EntryField, answer: string, value: unknown): string | undefined {
  if (!holdsTitles(field) || field.shape.kind !== 'list' || answer.includes('|')) return undefined;
  const titles = [value].flat();
  if (titles.length > 1) {
    return `${titles.length} AE titles, ${titles.map(quoteValue).join(' and ')}, not one with a space (that is ${answer}|)`;
  }
  const [title] = titlesWithComma(field, value);
  return title === undefined
    ? undefined
    : `one AE title with a comma, ${quoteValue(title)}, not several (those have spaces between them)`;
}
