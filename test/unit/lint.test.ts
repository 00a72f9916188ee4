/**
 * The rules of biome.json that make this project write one dialect: for each, code that it accepts and code that it
 * refuses. Biome runs once over all of it.
 */
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { temporaryFolder } from '../support/processes';

const root = join(__dirname, '../..');

interface Rule {
  readonly rule: string;
  /** Where the code stands; a rule may hold for some folders only. */
  readonly file: string;
  readonly accepted: string;
  readonly refused: string;
  /** What to write instead. */
  readonly message: RegExp;
}

const JEST = "import { describe, it } from '@jest/globals';\n";
const WAIT = /Wait for a condition or an event with the functions of test\/support\/waiting\.ts/;

const rules: readonly Rule[] = [
  {
    rule: 'a function at the top level is a declaration',
    file: 'bench/file.ts',
    accepted:
      'export function twice(n: number) {\n  const times = (m: number) => m * n;\n  return times(2);\n}\nexport const typed: Handler = (n) => twice(n);',
    refused: 'export const twice = (n: number) => n * 2;',
    message: /Write a function declaration/,
  },
  {
    rule: 'no function expression stands for one',
    file: 'bench/file.ts',
    accepted: 'export async function read() {}',
    refused: 'export const read = async function () {};',
    message: /Write a function declaration/,
  },
  {
    rule: 'a private member is #private',
    file: 'bench/file.ts',
    accepted: 'export class A {\n  #x = 1;\n  private constructor() {\n    this.#x += 1;\n  }\n}',
    refused: 'export class A {\n  private x = 1;\n}',
    message: /Write a #private member/,
  },
  {
    rule: 'a protected method is not written either',
    file: 'bench/file.ts',
    accepted: 'export class A {\n  #x(): void {}\n  y(): void {\n    this.#x();\n  }\n}',
    refused: 'export class A {\n  protected x(): void {}\n}',
    message: /Write a #private member/,
  },
  {
    rule: 'a parameter is not a property',
    file: 'bench/file.ts',
    accepted: 'export class A {\n  readonly x: number;\n  constructor(x: number) {\n    this.x = x;\n  }\n}',
    refused: 'export class A {\n  constructor(readonly x: number) {}\n}',
    message: /class property/,
  },
  {
    rule: 'a constant with a literal value has a name in capitals',
    file: 'bench/file.ts',
    accepted:
      "export const MAX_BYTES = 16 * 1024;\nexport let count = 0;\ncount += 1;\nexport const list = ['a'];\nexport function f() {\n  const half = 0.5;\n  return half;\n}",
    refused: "export const name = 'aegis';",
    message: /Write the name of this constant in capitals/,
  },
  {
    rule: 'so has one whose value is a sum of numbers',
    file: 'bench/file.ts',
    accepted: 'export const DAY_MS = 24 * 60 * 60 * 1000;',
    refused: 'export const dayMs = 24 * 60 * 60 * 1000;',
    message: /Write the name of this constant in capitals/,
  },
  ...['LONGEST', 'MOST', 'SHORTEST', 'FEWEST'].map((word) => ({
    rule: `no bound is called ${word}_…`,
    file: 'bench/file.ts',
    accepted: 'export const MAX_NAME = 16;\nexport const MIN_NAME = 1;',
    refused: `export const ${word}_NAME = 16;`,
    message: /Call an upper bound MAX_… and a lower bound MIN_…/,
  })),
  {
    rule: 'a test is written with `it`',
    file: 'test/unit/a.test.ts',
    accepted: `${JEST}describe('a', () => {\n  it('works', () => {});\n});`,
    refused: "import { test } from '@jest/globals';\ntest('works', () => {});",
    message: /Import `it`/,
  },
  {
    rule: 'no test is focused',
    file: 'test/unit/a.test.ts',
    accepted: `${JEST}describe('a', () => {\n  it('works', () => {});\n});`,
    refused: `${JEST}describe('a', () => {\n  it.only('works', () => {});\n});`,
    message: /focus/,
  },
  {
    rule: 'no test is skipped, but where the machine lacks something',
    file: 'test/integration/a.test.ts',
    accepted: `${JEST}const onLinux = process.platform === 'linux' ? it : it.skip;\ndescribe('a', () => {\n  onLinux('works', () => {});\n});`,
    refused: `${JEST}describe('a', () => {\n  it.skip('works', () => {});\n});`,
    message: /Don't disable tests/,
  },
  {
    rule: 'a test does not sleep',
    file: 'test/unit/a.test.ts',
    accepted: "await new Promise((resolve) => socket.once('close', resolve));",
    refused: 'await new Promise((resolve) => setTimeout(resolve, 50));',
    message: WAIT,
  },
  {
    rule: 'a test does not sleep with timers/promises',
    file: 'test/integration/a.test.ts',
    accepted: "import { setImmediate as nextTurn } from 'node:timers/promises';\nawait nextTurn();",
    refused: "import { setTimeout as delay } from 'node:timers/promises';\nawait delay(50);",
    message: WAIT,
  },
];

describe('the dialect', () => {
  /** What Biome says, a line for each error. */
  let output = '';
  const folder = temporaryFolder();
  const fileOf = (index: number, { file }: Rule, kind: 'accepted' | 'refused') =>
    file.replace(/[^/]+$/, `${kind}${index}-$&`);

  beforeAll(() => {
    for (const name of ['biome.json', 'lint'])
      cpSync(join(root, name), join(folder, name), { recursive: true });
    for (const [index, rule] of rules.entries()) {
      for (const kind of ['accepted', 'refused'] as const) {
        const path = join(folder, fileOf(index, rule, kind));
        mkdirSync(dirname(path), { recursive: true });
        writeFileSync(path, `${rule[kind]}\n`);
      }
    }
    const biome = join(root, 'node_modules/@biomejs/biome/bin/biome');
    const options = ['--reporter=github', '--max-diagnostics=none', '--vcs-enabled=false'];
    output = spawnSync(process.execPath, [biome, 'lint', ...options], {
      cwd: folder,
      encoding: 'utf8',
    }).stdout;
  });

  const diagnosticsOf = (file: string) =>
    output.split('\n').filter((line) => line.startsWith('::error') && line.includes(`${file},`));

  it.each(rules.map((rule, index) => ({ ...rule, index })))('$rule', (rule) => {
    expect(diagnosticsOf(fileOf(rule.index, rule, 'accepted'))).toEqual([]);
    const [diagnostic] = diagnosticsOf(fileOf(rule.index, rule, 'refused'));
    expect(diagnostic).toMatch(rule.message);
  });

  it('uses every plugin', () => {
    const { overrides } = JSON.parse(readFileSync(join(root, 'biome.json'), 'utf8'));
    const used = overrides.flatMap(({ plugins = [] }: { plugins?: string[] }) => plugins);
    expect(used.sort()).toEqual(readdirSync(join(root, 'lint')).map((name) => `./lint/${name}`));
  });
});
