/** Legs on sockets without a network. */
import type { LegOptions } from '../../src/association/legOwner';
import type { Timeouts } from '../../src/config/schema';
import { configurationOf } from './policyOf';

const { timeouts: defaultTimeouts } = configurationOf({});

type LegChanges = Partial<Omit<LegOptions, 'timeouts'>> & { readonly timeouts?: Partial<Timeouts> };

export function legOptions({ timeouts, ...changes }: LegChanges = {}): LegOptions {
  return {
    role: 'acceptor',
    peer: 'modality',
    timeouts: { ...defaultTimeouts, ...timeouts },
    maxPduLength: 131072,
    quickAck: { description: 'off', acknowledge: () => {} },
    closed: () => {},
    ...changes,
  };
}
