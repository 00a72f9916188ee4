/** From the first PDU to the relay: what is asked, what is answered, and that the record comes before the answer. */
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { AuditEvent } from '../../../src/audit/events';
import type { InboundContext } from '../../../src/gateway/inboundContext';
import type { Destination, Route, RouteDecision } from '../../../src/gateway/route';
import {
  abort,
  associateAc,
  associateRj,
  associateRq,
  proposedContext,
  releaseRp,
  releaseRq,
} from '../../support/dicomBytes';
import { dialled, fakeDialTcp, fakeDialTls } from '../../support/fakeDial';
import { FakeSocket } from '../../support/fakeSocket';
import { limitsOf, timeoutsOf, turn } from '../../support/relayedLegs';
import { SopClass, TransferSyntax } from '../../support/uids';

const actualDial = jest.requireActual<typeof import('../../../src/net/dial')>('../../../src/net/dial');
jest.doMock('../../../src/net/dial', () => ({ ...actualDial, dialTcp: fakeDialTcp, dialTls: fakeDialTls }));
// Only now, so that they get the stand-in.
const { InboundAssociation } = jest.requireActual<typeof import('../../../src/gateway/inbound')>(
  '../../../src/gateway/inbound',
);
const { LocalPlaces } = jest.requireActual<typeof import('../../../src/gateway/associationPlaces')>(
  '../../../src/gateway/associationPlaces',
);

const rq = associateRq({ contexts: [proposedContext(1, SopClass.Verification)] });
const ac = associateAc({
  contexts: [{ id: 1, result: 0, transferSyntax: TransferSyntax.ImplicitVrLittleEndian }],
});

const destination: Destination = {
  modality: 'ct1',
  place: {
    modality: 'ct1',
    upstream: 'ARCHIVE',
    maxOfModality: 1,
    maxOfUpstream: undefined,
    isObserved: false,
  },
  address: '10.0.0.1:104',
  passUserIdentity: false,
  dataSetChecks: { inbound: undefined, upstream: undefined },
  decideCommand: () => ({ allowed: true }),
};

const sockets: FakeSocket[] = [];
beforeEach(() => {
  jest.useFakeTimers({ doNotFake: ['nextTick', 'queueMicrotask', 'setImmediate', 'clearImmediate'] });
  dialled.length = 0;
});
afterEach(async () => {
  for (const socket of [...sockets.splice(0), ...dialled.map((call) => call.socket)]) socket.destroy();
  await turn();
  expect(jest.getTimerCount()).toBe(0);
  jest.useRealTimers();
});

function connected(
  decision: RouteDecision = { allowed: true, destination },
  isRefusing = false,
  places = new LocalPlaces(),
) {
  const recorded: AuditEvent[] = [];
  let decided = decision;
  /** Of each write, what had been recorded before it. */
  const outline = () =>
    recorded.map(({ event, reason }) => (reason === undefined ? event : `${event} ${reason}`));
  const atWrite: string[][] = [];
  const context: InboundContext = {
    timeouts: timeoutsOf(),
    keepAliveSeconds: 60,
    limits: limitsOf(),
    places,
    audit: { record: (event) => recorded.push(event) },
    quickAck: { description: 'off', acknowledge: () => {} },
    isRefusing: () => isRefusing,
    associationsPerSecond: () => 0,
    certificateRefusal: () => undefined,
  };
  const route: Route = {
    direction: 'ingress',
    decideAddress: () => ({ allowed: true }),
    decide: () => decided,
  };
  const socket = new FakeSocket();
  sockets.push(socket);
  socket.wrote = () => atWrite.push(outline());
  let closed = 0;
  const connection = {
    connectionId: '00',
    listener: 'plain',
    socket: socket.asSocket,
    sourceAddress: '127.0.0.1',
    sourcePort: 1,
    pendingDone: () => {},
  };
  const association = new InboundAssociation(context, route, connection, () => {
    closed += 1;
  });
  const decide = (changed: RouteDecision) => {
    decided = changed;
  };
  return { association, socket, places, outline, atWrite, decide, closedCount: () => closed };
}

async function dialledAfter(setting: ReturnType<typeof connected>) {
  setting.socket.deliver(rq);
  await turn();
  const [call] = dialled;
  await call!.succeed();
  return call!.socket;
}

describe('an association', () => {
  it('is recorded before it is accepted', async () => {
    const setting = connected();
    const upstream = await dialledAfter(setting);
    expect(setting.outline()).toEqual([]);
    upstream.deliver(ac);
    expect(setting.socket.written[0]).toBe(2);
    expect(setting.atWrite).toEqual([['association.accepted']]);
    setting.socket.closeByPeer();
    await turn();
    expect(setting.outline()).toEqual(['association.accepted', 'association.aborted modality-closed']);
    expect([setting.places.taken, setting.closedCount()]).toEqual([0, 1]);
    expect(upstream.writes.at(-1)).toEqual(abort(2, 0));
  });

  it.each([
    [
      'the policy',
      connected.bind(undefined, { allowed: false, reason: 'calling-ae-title-unknown' }),
      'calling-ae-title-unknown',
    ],
    ['the drain', connected.bind(undefined, undefined, true), 'draining'],
  ])('is recorded before it is rejected by %s, and nothing is dialled', async (_who, setUp, reason) => {
    const setting = setUp();
    setting.socket.deliver(rq);
    await turn();
    expect(setting.atWrite).toEqual([[`association.rejected ${reason}`]]);
    expect(setting.socket.written[0]).toBe(3);
    expect([dialled.length, setting.places.taken]).toEqual([0, 0]);
  });

  it.each([
    ['rejects', associateRj(1, 1, 7), 'upstream-rejected', associateRj(1, 1, 7)],
    ['aborts', abort(2, 0), 'upstream-unavailable', associateRj(2, 3, 1)],
    [
      'answers without sense',
      associateAc({ contexts: [] }).fill(0xff, 76, 78),
      'upstream-protocol-error',
      undefined,
    ],
  ])('is recorded before it is rejected where the upstream %s', async (_how, answer, reason, rj) => {
    const setting = connected();
    const upstream = await dialledAfter(setting);
    upstream.deliver(answer);
    await turn();
    expect(setting.atWrite).toEqual([[`association.rejected ${reason}`]]);
    if (rj !== undefined) expect(setting.socket.written).toEqual(rj);
    expect(setting.places.taken).toBe(0);
  });

  it.each([
    ['before its request', async () => {}, 'connection.refused modality-closed'],
    [
      'while the upstream is dialled',
      async (socket: FakeSocket) => {
        socket.deliver(rq);
        await turn();
      },
      'association.aborted modality-closed',
    ],
  ])('whose peer goes %s is recorded once, and frees its place', async (_when, reach, line) => {
    const setting = connected();
    await reach(setting.socket);
    setting.socket.closeByPeer();
    await turn();
    await dialled[0]?.succeed();
    expect(setting.outline()).toEqual([line]);
    expect([setting.places.taken, setting.closedCount()]).toEqual([0, 1]);
    expect(dialled.every(({ socket }) => socket.destroyed && socket.written.length === 0)).toBe(true);
  });

  it('that is stopped while the upstream is asked is rejected, and the upstream hears an abort', async () => {
    const setting = connected();
    const upstream = await dialledAfter(setting);
    expect(setting.association.stop()).toBe(false);
    upstream.deliver(ac);
    await turn();
    expect(setting.atWrite).toEqual([['association.rejected draining']]);
    expect(upstream.writes.at(-1)).toEqual(abort(0, 0));
    expect(setting.places.taken).toBe(0);
  });

  it('that is stopped once it is relayed is aborted on both sides, recorded first', async () => {
    const setting = connected();
    const upstream = await dialledAfter(setting);
    upstream.deliver(ac);
    expect(setting.association.stop()).toBe(true);
    expect(setting.atWrite.at(-1)).toEqual(['association.accepted', 'association.aborted gateway-stopped']);
    expect([setting.socket.writes.at(-1), upstream.writes.at(-1)]).toEqual([abort(2, 0), abort(2, 0)]);
  });
});

describe('an association that has no context to propose', () => {
  const foreign = associateRq({ contexts: [proposedContext(1, 'CT')] });
  const accepted = ['association.accepted', 'association.unusable presentation-contexts-unusable'];

  async function unserved(): Promise<ReturnType<typeof connected>> {
    const setting = connected();
    setting.socket.deliver(foreign);
    await turn();
    // What came behind the request is read now.
    await turn();
    expect([setting.atWrite, setting.socket.written[0]]).toEqual([[accepted], 2]);
    expect([dialled.length, setting.places.taken]).toEqual([0, 1]);
    return setting;
  }

  it.each<[string, string, (setting: ReturnType<typeof connected>) => unknown]>([
    ['is idle', 'idle-timeout', () => jest.advanceTimersByTime(timeoutsOf().idleSeconds * 1000)],
    ['is open when the gateway stops', 'gateway-stopped', ({ association }) => association.stop()],
    [
      'is no longer allowed',
      'calling-ae-title-unknown',
      ({ association, decide }) => {
        decide({ allowed: false, reason: 'calling-ae-title-unknown' });
        expect(association.enforce()).toBe(true);
      },
    ],
  ])('and %s ends in an A-ABORT', async (_how, reason, end) => {
    const setting = await unserved();
    end(setting);
    await turn();
    expect(setting.outline()).toEqual([...accepted, `association.aborted ${reason}`]);
    expect(setting.socket.writes.at(-1)).toEqual(abort(2, 0));
    expect(setting.places.taken).toBe(0);
  });

  it('is released', async () => {
    const setting = await unserved();
    setting.socket.deliver(releaseRq());
    await turn();
    expect(setting.outline()).toEqual([...accepted, 'association.released']);
    expect(setting.socket.writes.at(-1)).toEqual(releaseRp());
    expect(setting.places.taken).toBe(0);
  });

  it('is over when its peer goes', async () => {
    const setting = await unserved();
    setting.socket.closeByPeer();
    await turn();
    expect(setting.outline()).toEqual([...accepted, 'association.aborted modality-closed']);
    expect([setting.places.taken, setting.closedCount()]).toEqual([0, 1]);
  });

  it('counts for the limit of its modality', async () => {
    const setting = await unserved();
    const second = connected(undefined, false, setting.places);
    second.socket.deliver(foreign);
    await turn();
    expect(second.outline()).toEqual(['association.rejected association-limit']);
    expect(second.socket.written).toEqual(associateRj(2, 3, 2));
  });

  it('takes no place of the archive', async () => {
    const full = { ...destination, place: { ...destination.place, maxOfUpstream: 0 } };
    const setting = connected({ allowed: true, destination: full });
    setting.socket.deliver(foreign);
    await turn();
    expect(setting.outline()).toEqual(accepted);
  });
});
