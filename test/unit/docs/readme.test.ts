/**
 * Keeps what operators copy out of the documentation true to the program: commands, options, configurations, links.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { beforeAll, describe, expect, it } from '@jest/globals';
import type { Command } from 'commander';
import { addEntryOptions } from '../../../src/commands/modality/modality';
import { createProgram } from '../../../src/commands/program';
import { parseConfiguration } from '../../../src/config/load';
import { makeInstances } from '../../../src/demo/instances';
import { makeScenes } from '../../../src/demo/scenes';
import type { DemoSite } from '../../../src/demo/site';

const root = resolve(__dirname, '../../..');

function read(file: string) {
  return readFileSync(join(root, file), 'utf8');
}

const pages = [
  ...['README.md', 'CONTRIBUTING.md', 'SECURITY.md', 'CHANGELOG.md', 'certs/README.md'],
  ...readdirSync(join(root, 'docs'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md'))
    .map((name) => join('docs', name)),
];
const program = createProgram({ print: () => {}, printError: () => {}, exit: () => {} });
beforeAll(async () => {
  const family = program.commands.find((command) => command.name() === 'modality')!;
  for (const verb of family.commands) if (['add', 'set'].includes(verb.name())) await addEntryOptions(verb);
});

interface CodeBlock {
  readonly language: string;
  readonly code: string;
}

function blocksOf(page: string): CodeBlock[] {
  return [...read(page).matchAll(/^```(\w*)\n([\s\S]*?)^```$/gm)].map(([, language, code]) => ({
    language: language!,
    code: code!,
  }));
}

function inlineCodeOf(page: string): string[] {
  return [
    ...read(page)
      .replace(/^```[\s\S]*?^```$/gm, '')
      .matchAll(/`([^`\n]+)`/g),
  ].map(([, code]) => code!);
}

/** What stands behind `aegis` on a line, up to a comment, a pipe or the next command. */
function commandLinesIn(code: string): string[] {
  const lines = code.replaceAll('\\\n', ' ').split('\n');
  return lines.flatMap((line) => {
    const [, rest] =
      /^(?:\S+=\S+ )*(?:ExecStart=\S*\/)?aegis(?: ([^#|;&>]*))?(?:[#|;&>].*)?$/.exec(line.trim()) ?? [];
    return rest === undefined ? [] : [rest.trim()];
  });
}

/** What a command line names that the program does not have; undefined where there is nothing. */
function unknownIn(commandLine: string): string | undefined {
  let command: Command = program;
  let isPath = true;
  const words = (commandLine.match(/"[^"]*"|\S+/g) ?? []).filter((word) => !/^[([…]/.test(word));
  for (let index = 0; index < words.length; index += 1) {
    const word = words[index]!;
    if (word.startsWith('-') && word !== '-') {
      if (word === '--help') continue;
      const option = optionsOf(command).find(({ short, long }) => short === word || long === word);
      if (option === undefined) return `${command.name()} has no option ${word}`;
      if (option.required) index += 1;
    } else if (isPath && command.commands.length > 0) {
      const found = command.commands.find((candidate) => candidate.name() === word);
      if (found === undefined) return `${command.name()} has no command ${word}`;
      command = found;
    } else {
      isPath = false;
      if (command.registeredArguments.length === 0) return `${command.name()} takes no argument ${word}`;
    }
  }
  return undefined;
}

function optionsOf(command: Command): Command['options'] {
  return command.parent === null ? command.options : [...command.options, ...optionsOf(command.parent)];
}

const HELP_COLUMNS = 80;

function helpOf(command: Command): string {
  let help = '';
  command.configureOutput({
    getOutHelpWidth: () => HELP_COLUMNS,
    writeOut: (text) => {
      help += text;
    },
  });
  command.outputHelp();
  return help;
}

function withDescendants(command: Command): Command[] {
  return [command, ...command.commands.flatMap(withDescendants)];
}

describe('the help', () => {
  let shown: readonly (readonly [name: string, help: string])[];
  const helps = withDescendants(program).map((command) => [command.name(), helpOf(command)] as const);

  // The keys of an entry are among the options only once somebody asks for them.
  beforeAll(() => {
    shown = withDescendants(program).map((command) => [command.name(), helpOf(command)]);
  });

  it('of every command fits 80 columns', () => {
    const wide = shown.flatMap(([name, help]) =>
      help.split('\n').flatMap((line) => (line.length > HELP_COLUMNS ? [`${name}: ${line}`] : [])),
    );
    expect(wide).toEqual([]);
  });

  it.each(helps)('of %s ends with examples and exit codes', (_name, help) => {
    expect(help).toMatch(/EXAMPLES\n {2}aegis .*[\s\S]*EXIT CODES\n {2}0 {2}\S/);
  });

  it.each(helps)('of %s shows commands that exist, with options that exist', (_name, help) => {
    const examples = help.slice(help.indexOf('EXAMPLES'), help.indexOf('EXIT CODES'));
    const lines = commandLinesIn(examples.replaceAll(/ {2,}\(.*\)$/gm, ''));
    expect(lines.length).toBeGreaterThan(0);
    expect(lines.map(unknownIn).filter((unknown) => unknown !== undefined)).toEqual([]);
  });
});

describe('the documentation', () => {
  const commandLines = pages.flatMap((page) => [
    ...blocksOf(page).flatMap(({ code }) => commandLinesIn(code)),
    ...inlineCodeOf(page).flatMap(commandLinesIn),
  ]);

  it('shows commands that exist, with options that exist', () => {
    expect(commandLines.length).toBeGreaterThan(20);
    expect(commandLines.map(unknownIn).filter((unknown) => unknown !== undefined)).toEqual([]);
  });

  it('names every command somewhere', () => {
    const names = (command: Command, path: readonly string[]): string[] =>
      command.commands.flatMap((child) =>
        child.commands.length > 0
          ? names(child, [...path, child.name()])
          : [[...path, child.name()].join(' ')],
      );
    const shown = (name: string) => commandLines.some((line) => line.startsWith(name));
    expect(names(program, []).filter((name) => !shown(name) && name !== 'demo')).toEqual([]);
    expect(read('README.md')).toContain('npm run demo');
  });

  it('shows npm scripts that exist', () => {
    const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> };
    const lines = pages.flatMap((page) => blocksOf(page).map(({ code }) => code)).join('\n');
    const named = [...lines.matchAll(/\bnpm (?:run ([\w:]+)|(test|start))\b/g)].map(
      ([, run, own]) => run ?? own!,
    );
    expect(named).toEqual(expect.arrayContaining(['demo', 'test', 'check']));
    for (const name of named) expect(Object.keys(scripts)).toContain(name);
  });

  it('links to files and headings that exist', () => {
    const broken = pages.flatMap((page) =>
      [...read(page).matchAll(/\]\((?!https?:)([^)#]*)(#[^)]*)?\)/g)].flatMap(([link, path, anchor]) => {
        const target = path === '' ? page : relative(root, resolve(root, dirname(page), path!));
        if (!existsSync(join(root, target))) return [`${page}: ${link}`];
        return anchor === undefined || anchorsOf(target).has(anchor) ? [] : [`${page}: ${link}`];
      }),
    );
    expect(broken).toEqual([]);
  });
});

function anchorsOf(page: string): ReadonlySet<string> {
  const headings = [...read(page).matchAll(/^#+ (.+)$/gm)].map(([, heading]) => heading!);
  return new Set(
    headings.map(
      (heading) =>
        `#${heading
          .toLowerCase()
          .replace(/[^\w\- ]/g, '')
          .replaceAll(' ', '-')}`,
    ),
  );
}

describe('a configuration that is shown whole', () => {
  const shown = [
    ...blocksOf('README.md')
      .filter(({ language }) => language === 'jsonc')
      .map(({ code }) => ({ where: 'README.md', code })),
    { where: 'deploy/container.jsonc', code: read('deploy/container.jsonc') },
  ];

  it.each(shown)('has no problem: $where', ({ where, code }) => {
    expect(parseConfiguration(code, where, {}).problems).toEqual([]);
  });
});

describe('the picture of the demo', () => {
  // Where it fails: draw it again, as scripts/draw-terminal.cjs says.
  it('shows what the demo prints', async () => {
    const site = { certificates: {}, port: 0 } as DemoSite;
    const scenes = await makeScenes(site, makeInstances());
    const lines = read('docs/demo.svg').split('\n');
    // A pair of lines: what was sent and what the archive got, then the answer and the line of the audit log.
    const isShown = ({ sent, expected: { wire, audit, archive } }: (typeof scenes)[number]) =>
      lines.some(
        (line, index) =>
          [sent, archive].every((text) => line.includes(text)) &&
          [wire, audit].every((text) => lines[index + 1]?.includes(text)),
      );
    expect(scenes.filter((scene) => !isShown(scene)).map(({ sent }) => sent)).toEqual([]);
  });
});

describe('what is deployed', () => {
  const unit = new Map(
    [...read('deploy/aegis.service').matchAll(/^(\w+)=(.*)$/gm)].map(([, key, value]) => [key!, value!]),
  );
  const dockerfile = read('Dockerfile');
  const listsIn = (instruction: RegExp) =>
    [...dockerfile.matchAll(instruction)].map(([, list]) => JSON.parse(list!) as string[]);

  it('runs commands that exist', () => {
    const [entryPoint] = listsIn(/^ENTRYPOINT (\[.*\])$/gm);
    const [command] = listsIn(/^CMD (\[.*\])$/gm);
    const [healthCheck] = listsIn(/^HEALTHCHECK .* CMD (\[.*\])$/gm);
    const { bin } = JSON.parse(read('package.json')) as { bin: { aegis: string } };
    expect(dockerfile).toContain(`ln -s /app/${bin.aegis} /usr/local/bin/aegis`);
    expect(entryPoint).toEqual(['aegis']);
    expect(healthCheck?.[0]).toBe('aegis');
    expect(commandLinesIn(`ExecStart=${unit.get('ExecStart')}`)).toHaveLength(1);
    const lines = [
      command!.join(' '),
      healthCheck!.slice(1).join(' '),
      ...commandLinesIn(`ExecStart=${unit.get('ExecStart')}`),
    ];
    expect(lines.map(unknownIn).filter((unknown) => unknown !== undefined)).toEqual([]);
  });

  it('gives the gateway more time to stop than it takes', () => {
    const { timeouts } = parseConfiguration(read('deploy/container.jsonc'), '', {}).configuration!;
    const longestSeconds = timeouts.drainSeconds + timeouts.closeSeconds;
    expect(Number(unit.get('TimeoutStopSec'))).toBeGreaterThan(longestSeconds);
    const [, dockerSeconds] = /--stop-timeout (\d+)/.exec(read('docs/containers.md'))!;
    expect(Number(dockerSeconds)).toBeGreaterThan(longestSeconds);
    const [, windowsSeconds] = /<stoptimeout>(\d+)sec</.exec(read('deploy/windows/aegis.xml'))!;
    expect(Number(windowsSeconds)).toBeGreaterThan(longestSeconds);
    const [, nssmMs] = /AppStopMethodConsole (\d+)/.exec(read('docs/windows.md'))!;
    expect(Number(nssmMs) / 1000).toBeGreaterThan(longestSeconds);
  });

  it('runs a command that exists as a service of Windows', () => {
    const [, line] = /<arguments>"[^"]+cli\.js" (.+)<\/arguments>/.exec(read('deploy/windows/aegis.xml'))!;
    expect(unknownIn(line!)).toBeUndefined();
  });

  it('copies into the image what is there, and what .dockerignore lets through', () => {
    const copied = [...dockerfile.matchAll(/^COPY (?!--)(.+) \S+$/gm)].flatMap(([, sources]) =>
      sources!.split(' '),
    );
    const allowed = read('.dockerignore')
      .split('\n')
      .flatMap((line) => (line.startsWith('!') ? [line.slice(1)] : []));
    expect(copied.filter((file) => !existsSync(join(root, file)))).toEqual([]);
    expect([...new Set(copied)].sort()).toEqual([...allowed].sort());
  });
});
