/**
 * The gateway as operators run it: the built command line in a process of its own, with a configuration file in a
 * folder of its own. gateway.ts is the same gateway inside the test's process.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { ConfigurationInput } from './gateway';
import { startProcess, type TestProcess, temporaryFolder } from './processes';

/** From here, and from where the soak is compiled to. */
const root = [resolve(__dirname, '../..'), resolve(__dirname, '../../..')].find((folder) =>
  existsSync(join(folder, 'package.json')),
)!;
export const CLI = join(root, 'dist/cli.js');

/** A line of the audit log as it is parsed again. */
export type AuditLine = Readonly<Record<string, unknown>>;

export class GatewayProcess {
  readonly process: TestProcess;
  readonly configurationFile: string;

  private constructor(process: TestProcess, configurationFile: string) {
    this.process = process;
    this.configurationFile = configurationFile;
  }

  /** Starts it and waits for nothing. `launcher`: a program, with its arguments, that starts what comes behind them. */
  static launch(
    configuration: ConfigurationInput | string,
    options: readonly string[] = [],
    launcher: readonly string[] = [],
  ): GatewayProcess {
    // `npm test` builds; a test file that is run alone must not fail for want of it.
    if (!existsSync(CLI)) execFileSync('npm', ['run', 'build'], { cwd: root });
    const file = join(temporaryFolder(), 'aegis.jsonc');
    writeFileSync(file, textOf(configuration));
    const [program, ...rest] = [...launcher, process.execPath, CLI, '--config', file, 'start', ...options];
    return new GatewayProcess(startProcess(program!, rest), file);
  }

  /** Resolves once it listens. */
  static async start(
    configuration: ConfigurationInput,
    options: readonly string[] = [],
  ): Promise<GatewayProcess> {
    const gateway = GatewayProcess.launch(configuration, options);
    await gateway.process.waitForOutput(/aegis: listening on .*\n/);
    return gateway;
  }

  /** The port of a listener, as the gateway reported it; it reports all of them at once. */
  port(listener: string): number {
    const reported = new RegExp(`listening on .*:(\\d+) \\(${listener}\\)`).exec(this.process.stderr);
    return Number(reported?.[1]);
  }

  /** Every line of stdout. Throws where one is not a JSON object. */
  get auditLines(): AuditLine[] {
    return this.process.stdout
      .split('\n')
      .slice(0, -1)
      .map((line) => JSON.parse(line) as AuditLine);
  }

  /** The first line of this event, now or as soon as it comes. */
  async event(name: string): Promise<AuditLine> {
    return (await this.events(name, 1))[0]!;
  }

  /** All lines of this event, as soon as there are so many. */
  events(name: string, count: number): Promise<AuditLine[]> {
    return this.process.waitFor(`audit lines ${name}: ${count}`, () => {
      const lines = this.auditLines.filter(({ event }) => event === name);
      return lines.length >= count && lines;
    });
  }

  /** Writes another configuration and asks for a reload. */
  reload(configuration: ConfigurationInput | string): void {
    writeFileSync(this.configurationFile, textOf(configuration));
    this.process.kill('SIGHUP');
  }
}

function textOf(configuration: ConfigurationInput | string): string {
  return typeof configuration === 'string' ? configuration : JSON.stringify(configuration, undefined, 2);
}
