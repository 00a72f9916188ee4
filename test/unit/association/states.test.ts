import { describe, expect, it } from '@jest/globals';
import {
  type Event,
  events,
  type Role,
  type State,
  states,
  transition,
} from '../../../src/association/states';

/**
 * PS3.8 Table 9-10 as it is printed: a row for every event, a column for every state from Sta1 to Sta13.
 * `AA-8>13` is "action AA-8, next state Sta13"; `.` is an empty cell.
 */
const printedTable: Record<Event, string> = {
  requestAssociation: 'AE-1>4 . . . . . . . . . . . .',
  connected: '. . . AE-2>5 . . . . . . . . .',
  associateAc: '. AA-1>13 AA-8>13 . AE-3>6 AA-8>13 AA-8>13 AA-8>13 AA-8>13 AA-8>13 AA-8>13 AA-8>13 AA-6>13',
  associateRj: '. AA-1>13 AA-8>13 . AE-4>1 AA-8>13 AA-8>13 AA-8>13 AA-8>13 AA-8>13 AA-8>13 AA-8>13 AA-6>13',
  connectionAccepted: 'AE-5>2 . . . . . . . . . . . .',
  associateRq: '. AE-6>3 AA-8>13 . AA-8>13 AA-8>13 AA-8>13 AA-8>13 AA-8>13 AA-8>13 AA-8>13 AA-8>13 AA-7>13',
  acceptAssociation: '. . AE-7>6 . . . . . . . . . .',
  rejectAssociation: '. . AE-8>13 . . . . . . . . . .',
  sendData: '. . . . . DT-1>6 . AR-7>8 . . . . .',
  pData: '. AA-1>13 AA-8>13 . AA-8>13 DT-2>6 AR-6>7 AA-8>13 AA-8>13 AA-8>13 AA-8>13 AA-8>13 AA-6>13',
  requestRelease: '. . . . . AR-1>7 . . . . . . .',
  releaseRq: '. AA-1>13 AA-8>13 . AA-8>13 AR-2>8 AR-8>9/10 AA-8>13 AA-8>13 AA-8>13 AA-8>13 AA-8>13 AA-6>13',
  releaseRp: '. AA-1>13 AA-8>13 . AA-8>13 AA-8>13 AR-3>1 AA-8>13 AA-8>13 AR-10>12 AR-3>1 AA-8>13 AA-6>13',
  confirmRelease: '. . . . . . . AR-4>13 AR-9>11 . . AR-4>13 .',
  requestAbort: '. . AA-1>13 AA-2>1 AA-1>13 AA-1>13 AA-1>13 AA-1>13 AA-1>13 AA-1>13 AA-1>13 AA-1>13 .',
  abort: '. AA-2>1 AA-3>1 . AA-3>1 AA-3>1 AA-3>1 AA-3>1 AA-3>1 AA-3>1 AA-3>1 AA-3>1 AA-2>1',
  closed: '. AA-5>1 AA-4>1 AA-4>1 AA-4>1 AA-4>1 AA-4>1 AA-4>1 AA-4>1 AA-4>1 AA-4>1 AA-4>1 AR-5>1',
  artimExpired: '. AA-2>1 . . . . . . . . . . AA-2>1',
  invalidPdu: '. AA-1>13 AA-8>13 . AA-8>13 AA-8>13 AA-8>13 AA-8>13 AA-8>13 AA-8>13 AA-8>13 AA-8>13 AA-7>13',
};

function printed(role: Role, state: State, event: Event): string {
  const cell = printedTable[event].split(' ')[states.indexOf(state)] ?? '';
  return cell === 'AR-8>9/10' ? (role === 'requestor' ? 'AR-8>9' : 'AR-8>10') : cell;
}

function implemented(role: Role, state: State, event: Event): string {
  const found = transition(role, state, event);
  return found === undefined ? '.' : `${found.action}>${states.indexOf(found.next) + 1}`;
}

describe('the state machine of PS3.8 Table 9-10', () => {
  const roles: readonly Role[] = ['acceptor', 'requestor'];
  it.each(roles)('does what the table says for every event in every state, as %s', (role) => {
    for (const event of events) {
      const row = states.map((state) => implemented(role, state, event)).join(' ');
      const expected = states.map((state) => printed(role, state, event)).join(' ');
      expect(`${event}: ${row}`).toBe(`${event}: ${expected}`);
    }
  });

  it('has thirteen states and nineteen events', () => {
    expect([states.length, events.length]).toEqual([13, 19]);
  });
});
