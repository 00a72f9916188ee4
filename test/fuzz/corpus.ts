/** The folder in which a run finds what earlier ones kept: inputs by target, and crashes. Never in version control. */
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export class Corpus {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** In an order that is always the same. */
  inputsOf(target: string): Buffer[] {
    const folder = this.#made(target);
    return readdirSync(folder)
      .sort()
      .map((name) => readFileSync(join(folder, name)));
  }

  keep(target: string, input: Buffer): void {
    writeFileSync(join(this.#made(target), nameOf(input)), input);
  }

  /** The file that repeats it; beside it, a text says how and what went wrong. */
  keepCrash(target: string, input: Buffer, what: string): string {
    const file = join(this.#made('crashes'), `${target}-${nameOf(input)}`);
    writeFileSync(file, input);
    writeFileSync(`${file}.txt`, `${repeatCommand(target, file)}\n\n${what}\n`);
    return file;
  }

  #made(name: string): string {
    const folder = join(this.#folder, name);
    mkdirSync(folder, { recursive: true });
    return folder;
  }
}

export function repeatCommand(target: string, file: string): string {
  return `npm run fuzz -- --target ${target} --file ${file}`;
}

function nameOf(input: Buffer): string {
  return createHash('sha256').update(input).digest('hex').slice(0, 16);
}
