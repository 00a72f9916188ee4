/**
 * Where the onboarding sheet of an entry lies, and that no other is overwritten unasked. Knows nothing of what is in it.
 */
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { ExitCode, OperatorError } from '../errors';
import { existingOf, type FileToWrite, PUBLIC_MODE } from '../files/write';
import { sheetHtml } from './sheetHtml';
import { type Sheet, sheetMarkdown } from './sheetMarkdown';

export interface SheetFiles {
  readonly markdown: string;
  readonly html: string;
}

/**
 * Names are anything, files are not: what could be a path or an option becomes an underscore. A hash of the name then
 * keeps it apart from others that become the same.
 */
export function sheetFiles(folder: string, name: string): SheetFiles {
  const plain = name.replace(/[^A-Za-z0-9._-]/g, '_').replace(/^[.-]/, '_');
  const hash = createHash('sha256').update(name).digest('hex').slice(0, 6);
  const safe = plain === name ? plain : `${plain}-${hash}`;
  return { markdown: join(folder, `${safe}.md`), html: join(folder, `${safe}.html`) };
}

/** More names than this say nothing more. */
const MAX_NAMED_FILES = 4;

/** Throws OperatorError where one of them is there and `force` is not set. */
export async function refuseReplacedSheets(files: readonly SheetFiles[], force: boolean): Promise<void> {
  const existing = await existingOf(files.flatMap(({ markdown, html }) => [markdown, html]));
  if (existing.length === 0 || force) return;
  const verb = existing.length === 1 ? 'exists' : 'exist';
  const rest = existing.length - MAX_NAMED_FILES;
  const named = existing.slice(0, MAX_NAMED_FILES).join(', ');
  throw new OperatorError(
    `${named}${rest > 0 ? ` and ${rest} more` : ''} ${verb}; choose another folder with --sheet-dir, or replace what is there with --force`,
    ExitCode.Failed,
  );
}

export function sheetContents(files: SheetFiles, sheet: Sheet): FileToWrite[] {
  return [
    { path: files.markdown, content: sheetMarkdown(sheet), mode: PUBLIC_MODE },
    { path: files.html, content: sheetHtml(sheet), mode: PUBLIC_MODE },
  ];
}
