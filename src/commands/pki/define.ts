/**
 * How a verb of `aegis pki` is defined: its name, options and help, and the file with its work, which is imported when the
 * verb is asked for.
 */
import { type Command, Option } from 'commander';
import {
  append,
  type CommandContext,
  type GlobalOptions,
  helpSections,
  type Work,
  workOf,
} from '../../terminal/command';

const DEFAULT_EXIT_CODES = [
  '0  done',
  '1  failed: a file exists, cannot be read or written',
  '2  wrong usage',
];

export function repeated(flags: string, description: string): Option {
  return new Option(flags, description).argParser(append);
}

interface Verb<Options, Argument> {
  readonly name: string;
  readonly description: string;
  readonly argument?: readonly [name: string, description: string];
  readonly options: readonly Option[];
  readonly examples: readonly string[];
  readonly exitCodes?: readonly string[];
  /** Imports the file with the work. */
  load(): Promise<Work<Options, [argument: Argument]>>;
}

export type Register = (pki: Command, context: CommandContext) => void;

/** The verb, to be added to the command; its options have the types that its work expects. */
export function verb<Options extends GlobalOptions, Argument = string>(
  definition: Verb<Options, Argument>,
): Register {
  const { name, description, argument, options, examples, exitCodes = DEFAULT_EXIT_CODES } = definition;
  return (pki, context) => {
    const command = pki.command(name).description(description);
    if (argument !== undefined) command.argument(...argument);
    for (const option of options) command.addOption(option);
    command.addHelpText('after', helpSections(examples, exitCodes)).action(workOf(context, definition.load));
  };
}
