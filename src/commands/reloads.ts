/**
 * Reloads of a running gateway, by a signal or over HTTP: one after the other, so that the last one counts. All or
 * nothing: a configuration that can't be used changes nothing, and the log says why.
 */
import type { ReloadResult } from '../admin/gatewayControl';
import type { Monitoring } from '../admin/monitoring';
import type { LoadedConfiguration } from '../config/load';
import type { RunningGateway } from '../gateway/gateway';

type Say = (text: string) => void;

export interface Reloadable {
  readonly gateway: RunningGateway;
  readonly monitoring: Monitoring;
}

export class Reloads {
  readonly #file: string;
  readonly #say: Say;
  readonly #starting: Promise<Reloadable>;
  #last: Promise<unknown>;

  /** Reloads wait for the start; where that fails, they reject as it did. */
  constructor(file: string, starting: Promise<Reloadable>, say: Say) {
    this.#file = file;
    this.#say = say;
    this.#starting = starting;
    this.#last = starting.catch(() => {});
  }

  inTurn(): Promise<ReloadResult> {
    const reloaded = this.#last.then(async () => await this.#reload(await this.#starting));
    this.#last = reloaded.catch(() => {});
    return reloaded;
  }

  async #reload({ gateway, monitoring }: Reloadable): Promise<ReloadResult> {
    const { loadConfiguration } = await import('../config/load');
    let loaded: LoadedConfiguration;
    try {
      loaded = loadConfiguration(this.#file);
      const takeOver = monitoring.prepareReload(loaded.configuration);
      await gateway.reload(loaded.configuration);
      takeOver();
    } catch (error) {
      const detail = error instanceof Error ? error.message : String(error);
      monitoring.record({ event: 'configuration.rejected', outcome: 'failed', detail });
      this.#say(`${this.#file} was not reloaded, the running configuration stays:\n${detail}`);
      return { isReloaded: false, problems: await problemsOf(error) };
    }
    monitoring.record({ event: 'configuration.reloaded', outcome: 'info' });
    this.#say(`${this.#file} was reloaded`);
    return { isReloaded: true, problems: await warn(loaded, this.#say) };
  }
}

async function problemsOf(error: unknown): Promise<ReloadResult['problems']> {
  const { ConfigurationError } = await import('../config/problems');
  if (error instanceof ConfigurationError) return error.problems;
  return [{ message: error instanceof Error ? error.message : String(error), severity: 'error' }];
}

/** What does not keep the gateway from starting: an expired certificate still serves peers that do not look. */
export async function warn({ configuration, problems, place }: LoadedConfiguration, say: Say) {
  const { inspectTlsFiles } = await import('../config/files');
  const { formatProblem } = await import('../config/problems');
  const expiring = place(inspectTlsFiles(configuration)).filter(({ kind }) => kind === 'expiry');
  const all = [...problems, ...expiring];
  for (const problem of all) say(`warning: ${formatProblem(problem)}`);
  return all;
}
