/** What a leg does on its socket for every event in every state. That the table is PS3.8's is tested in states.test.ts. */
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { MessageFlow } from '../../../src/association/messageFlow';
import { type Event, type Role, type State, transition } from '../../../src/association/states';
import {
  abort,
  associateAc,
  associateRj,
  associateRq,
  messagePdus,
  numberedRequest,
  pdu,
  CommandField as RequestField,
  releaseRp,
  releaseRq,
} from '../../support/dicomBytes';
import { contexts, TestLeg, turn } from '../../support/relayedLegs';
import { SopClass } from '../../support/uids';

const PROVIDER_ABORT_UNEXPECTED = abort(2, 2);
const echo = numberedRequest(
  1,
  { CommandField: RequestField.CEchoRq, AffectedSOPClassUID: SopClass.Verification },
  false,
);
const [data] = messagePdus(1, echo);

const legs: TestLeg[] = [];
beforeEach(() => {
  jest.useFakeTimers({ doNotFake: ['nextTick', 'queueMicrotask', 'setImmediate', 'clearImmediate'] });
});
afterEach(async () => {
  for (const { socket } of legs.splice(0)) socket.destroy();
  await turn();
  expect(jest.getTimerCount()).toBe(0);
  jest.useRealTimers();
});

function legOf(
  role: Role,
  peer: 'modality' | 'upstream' = role === 'acceptor' ? 'modality' : 'upstream',
): TestLeg {
  const leg = new TestLeg({ role, peer });
  legs.push(leg);
  return leg;
}

/** An association whose messages and events are reported by name. */
function relayed(role: Role): TestLeg {
  const test = legOf(role).establish();
  const { reported } = test;
  const receiver = {
    command() {
      reported.push('command');
      return 'forward' as const;
    },
    dataSetFragment: () => {},
    dataSetEnd: () => {},
    messageEnd: () => {},
  };
  test.leg.relay(
    {
      awaitsMore: false,
      awaitsDataSet: false,
      isPeerOwed: false,
      active: () => {},
      congested: () => reported.push('congested'),
      drained: () => reported.push('drained'),
      releaseRequested: () => reported.push('releaseRequested'),
      releaseConfirmed: () => reported.push('releaseConfirmed'),
      failed: (failure) => test.failed(failure),
    },
    new MessageFlow(receiver, contexts, 1000),
  );
  return test;
}

/** How each state is reached, as far as the gateway reaches it in this role. */
const ways: Readonly<Record<Role, Partial<Record<State, () => TestLeg>>>> = {
  acceptor: {
    awaitingRequest: () => legOf('acceptor').start(),
    awaitingClose: () => {
      const test = legOf('acceptor').start();
      test.socket.deliver(associateRq());
      test.leg.reject({ result: 1, source: 1, reason: 3 });
      return test;
    },
    established: () => relayed('acceptor'),
    awaitingLocalRelease: () => {
      const test = relayed('acceptor');
      test.socket.deliver(releaseRq());
      return test;
    },
  },
  requestor: {
    awaitingAnswer: () => legOf('requestor').start(),
    established: () => relayed('requestor'),
    awaitingReleaseResponse: () => {
      const test = relayed('requestor');
      test.leg.requestRelease();
      return test;
    },
    awaitingLocalRelease: () => {
      const test = relayed('requestor');
      test.socket.deliver(releaseRq());
      return test;
    },
    releaseCollisionRequestorAwaiting: () => {
      const test = relayed('requestor');
      test.leg.requestRelease();
      test.socket.deliver(releaseRq());
      return test;
    },
    awaitingClose: () => {
      const test = relayed('requestor');
      test.leg.abortAssociation({ source: 0, reason: 0 });
      return test;
    },
  },
};

const peerEvents: readonly (readonly [Event, Buffer])[] = [
  ['associateRq', associateRq()],
  ['associateAc', associateAc()],
  ['associateRj', associateRj(1, 1, 7)],
  ['pData', data!],
  ['releaseRq', releaseRq()],
  ['releaseRp', releaseRp()],
  ['abort', abort(0, 0)],
  ['invalidPdu', pdu(0x99)],
];

/** What each action of PS3.8 leaves: bytes written, what was reported, and how the socket is. */
interface Expected {
  readonly written?: Buffer;
  readonly reported?: readonly string[];
  readonly socket?: 'open' | 'ended' | 'destroyed';
}

function expectedOf(role: Role, state: State, event: Event): Expected {
  const peer = role === 'acceptor' ? 'modality' : 'upstream';
  const action = transition(role, state, event)?.action;
  const isInvalid = event === 'invalidPdu';
  switch (action) {
    case 'AA-1':
    case 'AA-8':
      return isInvalid
        ? { written: abort(2, 1), reported: ['failed pdu-type-unknown'] }
        : { written: PROVIDER_ABORT_UNEXPECTED, reported: ['failed state-pdu-unexpected'] };
    case 'AA-2':
      // In Sta2 there was no association, but the log needs its line.
      return {
        socket: 'destroyed',
        reported: [...(state === 'awaitingRequest' ? [`failed ${peer}-aborted`] : [])],
      };
    case 'AA-3':
      return { socket: 'destroyed', reported: [`failed ${peer}-aborted`] };
    case 'AA-7':
      return { written: isInvalid ? abort(2, 1) : abort(2, 2) };
    case 'AE-3':
      return { reported: ['associateAc'] };
    case 'AE-4':
      return { reported: ['associateRj 7'], socket: 'ended' };
    case 'AE-6':
      return { reported: ['associateRq'] };
    case 'AR-2':
      return { reported: ['releaseRequested'] };
    case 'AR-3':
      return { reported: ['releaseConfirmed'], socket: 'ended' };
    case 'AR-8':
      return { written: releaseRp() };
    case 'DT-2':
    case 'AR-6':
      return { reported: ['command'] };
    case 'AA-6':
      return {};
    default:
      throw new Error(`${event} in ${state} has ${action}, which no PDU causes`);
  }
}

const cases = Object.entries(ways).flatMap(([role, byState]) =>
  Object.entries(byState).flatMap(([state, reach]) =>
    peerEvents.map(([event, bytes]) => ({ role: role as Role, state: state as State, event, bytes, reach })),
  ),
);

describe('a PDU of the peer', () => {
  it.each(cases)('$event in $state, as $role', async ({ role, state, event, bytes, reach }) => {
    const { socket, reported } = reach();
    await turn();
    socket.takeWritten();
    reported.length = 0;
    socket.deliver(bytes);
    const expected = expectedOf(role, state, event);
    expect(socket.takeWritten()).toEqual(expected.written ?? Buffer.alloc(0));
    expect(reported.filter((name) => name !== 'closed')).toEqual(expected.reported ?? []);
    const how = socket.destroyed ? 'destroyed' : socket.isEnded ? 'ended' : 'open';
    expect(how).toBe(expected.socket ?? 'open');
  });

  it.each(cases.filter(({ event }) => event === 'pData'))(
    'ends an association whose peer closes after it, once: $state, as $role',
    async ({ bytes, reach }) => {
      const { socket, failures, reported } = reach();
      await turn();
      socket.deliver(bytes);
      const failedBefore = failures.length;
      socket.closeByPeer();
      await turn();
      expect(failures.length).toBeLessThanOrEqual(1);
      expect(failures.length).toBeGreaterThanOrEqual(failedBefore);
      expect(reported.filter((name) => name === 'closed')).toEqual(['closed']);
    },
  );
});

describe('the end of the connection', () => {
  const states = Object.entries(ways).flatMap(([role, byState]) =>
    Object.entries(byState).map(([state, reach]) => ({ role: role as Role, state: state as State, reach })),
  );

  it.each(states)('in $state, as $role', async ({ role, state, reach }) => {
    const { socket, failures, reported } = reach();
    socket.closeByPeer('ECONNRESET');
    await turn();
    const isFailure = ['AA-4', 'AA-5'].includes(transition(role, state, 'closed')!.action);
    const reason = role === 'acceptor' ? 'modality-closed' : 'upstream-closed';
    expect(failures).toEqual(isFailure ? [{ reason, socketError: 'ECONNRESET' }] : []);
    expect(reported.filter((name) => name === 'closed')).toEqual(['closed']);
    expect(jest.getTimerCount()).toBe(0);
  });

  it.each(states)(
    'is ours in time, where the peer does not close after an abort in $state, as $role',
    async ({ reach }) => {
      const { socket, leg, failures } = reach();
      leg.abortAssociation({ source: 2, reason: 0 });
      jest.advanceTimersByTime(5100);
      await turn();
      expect(socket.destroyed).toBe(true);
      expect(failures).toEqual([]);
    },
  );
});

describe('what an eager peer sends behind its request', () => {
  it('waits until the request is answered, unread', async () => {
    const test = legOf('acceptor').start();
    test.socket.deliver(Buffer.concat([associateRq(), data!, releaseRq()]));
    await turn();
    expect(test.reported).toEqual(['associateRq']);
    expect(test.leg.awaitsLocalAnswer).toBe(true);
  });

  it('is no longer read beyond 64 KB, and read when the request is answered', async () => {
    const test = legOf('acceptor').start();
    test.socket.deliver(associateRq(), ...Array.from({ length: 40 }, () => Buffer.alloc(4096, 0x04)));
    expect(test.socket.undeliveredBytes).toBeGreaterThan(40 * 4096 - 80 * 1024);
    test.leg.reject({ result: 1, source: 1, reason: 1 });
    await turn();
    expect(test.socket.undeliveredBytes).toBe(0);
  });
});

describe('deadlines of a leg', () => {
  it('end a connection without a request after ARTIM, without a byte', async () => {
    const { socket, reported } = legOf('acceptor').start();
    socket.deliver(associateRq().subarray(0, 50));
    jest.advanceTimersByTime(30_100);
    await turn();
    expect([socket.written.length, socket.destroyed]).toEqual([0, true]);
    expect(reported).toContain('failed artim-timeout');
  });

  it('end an association whose PDU does not become complete, also when its bytes trickle', async () => {
    const { socket, reported } = relayed('acceptor');
    await turn();
    for (const byte of data!.subarray(0, -1)) {
      socket.deliver(Buffer.of(byte));
      jest.advanceTimersByTime(60_000 / (data!.length - 20));
      await turn();
    }
    expect(reported[0]).toBe('failed stall-timeout');
    expect(socket.written).toEqual(abort(2, 0));
  });

  it('do not blame the peer for a PDU while it is not read', async () => {
    const { socket, leg, reported } = relayed('acceptor');
    await turn();
    socket.deliver(data!.subarray(0, 20));
    leg.in.pause();
    jest.advanceTimersByTime(120_000);
    await turn();
    leg.in.resume();
    jest.advanceTimersByTime(59_000);
    await turn();
    socket.deliver(data!.subarray(20));
    expect(reported).toEqual(['command']);
  });

  it('end an association whose peer does not take its bytes', async () => {
    const { socket, leg, reported } = relayed('requestor');
    socket.isTaking = false;
    leg.out.commandSet(1, Buffer.alloc(100));
    await turn();
    jest.advanceTimersByTime(60_100);
    await turn();
    expect(reported).toEqual(['failed stall-timeout']);
  });
});

describe('a plain port', () => {
  it('closes for a client that begins with TLS, without a byte', async () => {
    const test = new TestLeg({ detectTls: true }).start();
    test.socket.deliver(Buffer.from([0x16, 3, 1, 2, 0, 1]));
    await turn();
    expect(test.reported).toEqual(['failed tls-on-plain-port', 'closed']);
    expect(test.socket.written.length).toBe(0);
  });
});
