/**
 * The command sets that one peer sends: gathers the fragments of each, decodes and checks it. A set that the standard lets
 * come again and again, each time the same bytes, is read once: every pending answer of a C-FIND. What is read depends on
 * nothing but these bytes and the abstract syntax, so reading them again could only give the same. Decides nothing.
 */
import { checkCommandSet } from '../dimse/checkCommandSet';
import { type CommandSet, decodeCommandSet } from '../dimse/commandSet';
import { CommandSetError } from '../dimse/commandSetError';
import { isPendingStatus, isResponse } from '../dimse/commands';
import { GatheredBytes } from './gatheredBytes';

interface KnownCommand {
  readonly bytes: Buffer;
  readonly abstractSyntax: string;
  readonly command: CommandSet;
}

export class CommandReader {
  readonly #maxBytes: number;
  readonly #gathered: GatheredBytes;
  /** One that came in one piece: lent until it is read. */
  #whole: Buffer | undefined;
  /** The last pending answer. An association that has none keeps nothing. */
  #pending: KnownCommand | undefined;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
    this.#gathered = new GatheredBytes(maxBytes);
  }

  /** `isWhole`: nothing came before, and {@link read} comes before these bytes change. Throws CommandSetError. */
  add(bytes: Buffer, isWhole: boolean): void {
    if (isWhole && this.#gathered.length === 0 && bytes.length <= this.#maxBytes) this.#whole = bytes;
    else if (this.#gathered.add(bytes) < bytes.length) {
      const detail = `a command set of more than ${this.#maxBytes} bytes`;
      throw new CommandSetError('command-set-too-long', detail);
    }
  }

  /** What was added, for a context with this abstract syntax; nothing of it is kept as bytes. Throws CommandSetError. */
  read(abstractSyntax: string): CommandSet {
    const bytes = this.#whole ?? this.#gathered.take();
    this.#whole = undefined;
    const known = this.#pending;
    if (known?.abstractSyntax === abstractSyntax && known.bytes.equals(bytes)) return known.command;
    const command = decodeCommandSet(bytes);
    checkCommandSet(command, abstractSyntax);
    if (isResponse(command.CommandField) && isPendingStatus(command.Status ?? 0)) {
      this.#pending = { bytes: ownCopy(bytes), abstractSyntax, command };
    }
    return command;
  }
}

/** Not of Node's pool, of which one copy would keep 8 KB. */
function ownCopy(bytes: Buffer): Buffer {
  const copy = Buffer.allocUnsafeSlow(bytes.length);
  bytes.copy(copy);
  return copy;
}
