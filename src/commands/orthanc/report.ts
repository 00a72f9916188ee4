/**
 * One line for something at a place in Orthanc's files, in the form of all messages: severity, place, setting, words.
 */

import type { Place } from '../../orthanc/configuration';
import { escapeUnsafe } from '../../text/quote';

interface PlacedMessage extends Place {
  readonly severity: string;
  /** Empty where it is about the text. */
  readonly setting: string;
  readonly message: string;
}

export function placedLine({ severity, file, line, column, setting, message }: PlacedMessage): string {
  const words = setting === '' ? message : `${setting} ${message}`;
  return `${severity}: ${escapeUnsafe(file)}:${line}:${column} ${words}\n`;
}
