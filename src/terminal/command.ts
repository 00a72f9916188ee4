/**
 * What every command gets and how it is registered. The options of a verb are defined at once, in the file of its
 * family. Its work is a file of its own, which imports what it needs as usual and is itself imported when somebody asks
 * for the verb: `aegis start` does not pay for `aegis pki`.
 */
import { type Command, Help, type HelpConfiguration } from 'commander';
import type { ExitCode } from '../errors';
import { wrapped } from '../text/table';

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

/** What every help fits. */
const HELP_COLUMNS = 80;
/** Beside a longer option, too little is left for its words. They begin on the next line then. */
const MAX_TERM_COLUMNS = 30;

/** How commander writes the options, arguments and verbs of a help. */
export const helpStyle: HelpConfiguration = {
  padWidth: (command, helper) =>
    Math.min(MAX_TERM_COLUMNS, Help.prototype.padWidth.call(helper, command, helper)),
  formatItem(term, termWidth, description, helper) {
    const item = (name: string) =>
      Help.prototype.formatItem.call(helper, name, termWidth, description, helper);
    return term.length <= termWidth ? item(term) : `  ${term}\n${item('')}`;
  },
};

/** The two sections that end the help of every command. */
export function helpSections(examples: readonly string[], exitCodes: readonly string[] = EXIT_CODES): string {
  const lines = [
    'EXAMPLES',
    ...examples.flatMap(exampleLines),
    '',
    'EXIT CODES',
    // The words of a code stand below each other.
    ...exitCodes.flatMap((code) => indented(wrapped(code, HELP_COLUMNS - 5), '   ')),
  ];
  return `\n${lines.join('\n')}\n`;
}

/** A shell reads the next line too behind a `\`. A remark in brackets gets a line of its own. */
function exampleLines(example: string): string[] {
  if (example.length + 2 <= HELP_COLUMNS) return [`  ${example}`];
  const [command = '', remark] = example.split(/ {4}(?=\()/);
  const lines: string[] = [];
  // An option stays with its value.
  for (const part of command.split(/ (?=--)/)) {
    const longer = `${lines.at(-1) ?? ''} ${part}`;
    if (lines.length > 0 && longer.length <= HELP_COLUMNS - 6) lines[lines.length - 1] = longer;
    else lines.push(part);
  }
  const shell = lines.map((line, index) => (index < lines.length - 1 ? `${line} \\` : line));
  return indented(remark === undefined ? shell : [...shell, remark], '  ');
}

function indented(lines: readonly string[], hanging: string): string[] {
  return lines.map((line, index) => `  ${index === 0 ? '' : hanging}${line}`);
}
