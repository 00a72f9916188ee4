/**
 * What the system says of a file that cannot be read or written, in words, with what to do. The one table of its error
 * codes. Knows nothing of what is in the file.
 */
import { ExitCode, OperatorError } from '../errors';
import { escapeUnsafe } from '../text/quote';

/** What to do, where the caller knows better than the table. */
export interface FileAdvice {
  readonly missing?: string;
  readonly folder?: string;
  readonly forbidden?: string;
}

/** A file that cannot be used. Never shows what is in it. */
export class FileError extends OperatorError {
  /** As it was named. */
  readonly file: string;
  /** What is wrong with it, and what to do: the message without the name of the file. */
  readonly problem: string;
  /** Of the system, such as `ENOENT`; undefined where the system was content. */
  readonly code: string | undefined;

  constructor(file: string, problem: string, exitCode: ExitCode = ExitCode.Failed, code?: string) {
    super(`${escapeUnsafe(file)} ${problem}`, exitCode);
    this.file = file;
    this.problem = problem;
    this.code = code;
  }
}

/** The error of the system as one for people; errors that are for people already stay as they are. */
export function fileError(
  verb: 'read' | 'write',
  cause: unknown,
  file: string,
  advice: FileAdvice = {},
  exitCode: ExitCode = ExitCode.Failed,
): OperatorError {
  if (cause instanceof OperatorError) return cause;
  const error = cause as NodeJS.ErrnoException;
  return new FileError(file, describeSystemError(verb, error, advice), exitCode, error.code);
}

function describeSystemError(
  verb: 'read' | 'write',
  { code = '', message }: NodeJS.ErrnoException,
  advice: FileAdvice,
): string {
  const cannot = verb === 'read' ? 'cannot be read' : 'cannot be written';
  switch (code) {
    case 'ENOENT':
      return verb === 'read'
        ? `does not exist; ${advice.missing ?? 'correct the path'}`
        : `${cannot}: its folder does not exist (ENOENT); make the folder, or correct the path`;
    case 'EISDIR':
      return `is a folder; ${advice.folder ?? 'name a file, or move the folder away'}`;
    case 'ENOTDIR':
      return `${cannot}: a part of its path is not a folder (ENOTDIR); correct the path`;
    case 'EACCES':
    case 'EPERM':
      return `${cannot} by the user that runs aegis (${code}); ${advice.forbidden ?? 'run it as the owner, or change owner or mode'}`;
    case 'EROFS':
      return `${cannot}: the file system is read-only (EROFS); mount it for writing, or choose another folder`;
    case 'ENOSPC':
    case 'EDQUOT':
      return `${cannot}: the disk is full (${code}); free some space and try again`;
    default:
      return `${cannot}: ${escapeUnsafe(message)}`;
  }
}
