/**
 * A cable between the gateway and a modality that can be pulled out: a pair of virtual network interfaces, one of them in
 * a network namespace of its own, in which a real storescu runs. Only root has it, and not in every container.
 */
import { spawnSync } from 'node:child_process';
import { onCleanUp } from '../support/cleanUp';

function run(...commandArguments: string[]): boolean {
  return spawnSync('ip', commandArguments).status === 0;
}

export class Link {
  readonly gatewayAddress: string;
  readonly modalityAddress: string;
  readonly namespace: string;
  readonly #interface: string;

  private constructor() {
    // Names and addresses that no other run at the same time has.
    const number = process.pid % 60_000;
    const network = `10.231.${Math.floor(number / 240)}.`;
    const first = 1 + (number % 60) * 4;
    this.gatewayAddress = `${network}${first}`;
    this.modalityAddress = `${network}${first + 1}`;
    this.namespace = `soak${number}`;
    this.#interface = `soak${number}`;
  }

  /** undefined where it cannot be made. */
  static open(): Link | undefined {
    if (process.getuid?.() !== 0) return undefined;
    const link = new Link();
    if (!run('netns', 'add', link.namespace)) return undefined;
    onCleanUp(() => {
      run('link', 'del', link.#interface);
      run('netns', 'del', link.namespace);
    });
    return link.#make() ? link : undefined;
  }

  #make(): boolean {
    const { namespace, gatewayAddress, modalityAddress } = this;
    const ours = this.#interface;
    return (
      run('link', 'add', ours, 'type', 'veth', 'peer', 'name', 'modality0', 'netns', namespace) &&
      run('addr', 'add', `${gatewayAddress}/30`, 'dev', ours) &&
      run('link', 'set', ours, 'up') &&
      run('-n', namespace, 'addr', 'add', `${modalityAddress}/30`, 'dev', 'modality0') &&
      run('-n', namespace, 'link', 'set', 'modality0', 'up')
    );
  }

  /** Pulls the cable at the modality's end: nothing comes through any more, and neither side hears of it. */
  down(): void {
    run('-n', this.namespace, 'link', 'set', 'modality0', 'down');
  }

  up(): void {
    run('-n', this.namespace, 'link', 'set', 'modality0', 'up');
  }
}
