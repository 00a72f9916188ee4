/**
 * What every command gets and how it is registered. The options of a verb are defined at once, in the file of its
 * family. Its work is a file of its own, which imports what it needs as usual and is itself imported when somebody asks
 * for the verb: `aegis start` does not pay for `aegis pki`.
 */
import type { Command } from 'commander';
import type { ExitCode } from '../errors';

export interface CommandContext {
  /** Writes to stdout, without adding a newline. */
  print(text: string): void;
  /** Writes to stderr, without adding a newline. */
  printError(text: string): void;
  /** Sets the exit code of the process; the last call wins. Only cli.ts touches the process itself. */
  exit(code: ExitCode): void;
}

/** Options that every command has; read them with `command.optsWithGlobals()`. */
export interface GlobalOptions {
  /** Path of the configuration file. */
  readonly config: string;
  /** The path is not the default one: --config or AEGIS_CONFIG names it. Known to a Work only. */
  readonly isConfigNamed?: boolean;
  /** `modality set`. Known to a Work only. */
  readonly verb?: string;
  /** Machine-readable output. */
  readonly json?: boolean;
}

/** Adds one verb, or a family of verbs, to the program or to its family. */
export type RegisterCommand = (parent: Command, context: CommandContext) => void;

/** What a verb does. `words` are its arguments in the order of the command line. */
export type Work<Options, Words extends readonly unknown[]> = (
  context: CommandContext,
  options: Options,
  ...words: Words
) => void | Promise<void>;

/** The action of a verb, for commander. `load` imports the file with the work, which every run does once. */
export function workOf<Options extends GlobalOptions, Words extends readonly unknown[]>(
  context: CommandContext,
  load: () => Promise<Work<Options, Words>>,
): (...parameters: unknown[]) => Promise<void> {
  return async (...parameters) => {
    // Commander adds the options of the verb alone, and the verb.
    const words = parameters.slice(0, -2) as unknown as Words;
    const verb = parameters.at(-1) as Command;
    const isConfigNamed =
      verb.getOptionValueSourceWithGlobals('config') === 'cli' || process.env.AEGIS_CONFIG !== undefined;
    const work = await load();
    const options = { ...verb.optsWithGlobals<Options>(), isConfigNamed, verb: fullName(verb) };
    await work(context, options, ...words);
  };
}

/** Without the name of the program. */
function fullName(verb: Command): string {
  const { parent } = verb;
  return parent?.parent ? `${fullName(parent)} ${verb.name()}` : verb.name();
}

/** Collects the values of an option that may be repeated. */
export function append(value: string, values: readonly string[] = []): string[] {
  return [...values, value];
}

/** Those of the program as a whole; each verb says what they mean for it. */
const EXIT_CODES = [
  '0  done, or allowed',
  '1  failed, or denied',
  '2  wrong usage, or the configuration is not valid',
];

/** The two sections that end the help of every command. */
export function helpSections(examples: readonly string[], exitCodes: readonly string[] = EXIT_CODES): string {
  const lines = (title: string, entries: readonly string[]) => [
    title,
    ...entries.map((entry) => `  ${entry}`),
  ];
  return `\n${[...lines('EXAMPLES', examples), '', ...lines('EXIT CODES', exitCodes)].join('\n')}\n`;
}
