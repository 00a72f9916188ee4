/** The request of an association: server after server, and what ends it. The dialling itself is a stand-in. */
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { UpstreamAnswer, UpstreamRequest } from '../../../src/gateway/upstream';
import { abort, associateAc, associateRj, associateRq, pdu, releaseRq } from '../../support/dicomBytes';
import { dialled, fakeDialTcp, fakeDialTls, fakeTlsFacts } from '../../support/fakeDial';
import { timeoutsOf, turn } from '../../support/relayedLegs';

const actualDial = jest.requireActual<typeof import('../../../src/net/dial')>('../../../src/net/dial');
jest.doMock('../../../src/net/dial', () => ({ ...actualDial, dialTcp: fakeDialTcp, dialTls: fakeDialTls }));
// Only now, so that it gets the stand-in.
const { UpstreamAssociation } = jest.requireActual<typeof import('../../../src/gateway/upstream')>(
  '../../../src/gateway/upstream',
);

const rq = associateRq({ called: 'ARCHIVE' });

const associations: InstanceType<typeof UpstreamAssociation>[] = [];
beforeEach(() => {
  jest.useFakeTimers({ doNotFake: ['nextTick', 'queueMicrotask', 'setImmediate', 'clearImmediate'] });
  dialled.length = 0;
});
afterEach(async () => {
  for (const association of associations.splice(0)) association.cancel();
  for (const { socket } of dialled) socket.destroy();
  await turn();
  expect(jest.getTimerCount()).toBe(0);
  jest.useRealTimers();
});

function requested(changes: Partial<UpstreamRequest> = {}) {
  const answers: UpstreamAnswer[] = [];
  const failed: string[] = [];
  const association = new UpstreamAssociation({
    servers: ['10.0.0.1:104', '10.0.0.2:104', '10.0.0.3:104'],
    associateRq: rq,
    maxPduLength: 131072,
    timeouts: timeoutsOf(),
    keepAliveSeconds: 0,
    quickAck: { description: 'off', acknowledge: () => {} },
    serverFailed: (server, detail) => failed.push(`${server} ${detail}`),
    answered: (answer) => answers.push(answer),
    ...changes,
  });
  associations.push(association);
  return { association, answers, failed };
}

async function passed(ms: number): Promise<void> {
  jest.advanceTimersByTime(ms);
  await turn();
}

/** How one server can fail, from its dialling on; and what is learnt of it. */
const serverFailures: Readonly<Record<string, { act: () => Promise<unknown>; detail: string }>> = {
  'that cannot be dialled': {
    act: () => dialled.at(-1)!.fail(new Error('refused')),
    detail: 'refused',
  },
  'that closes without an answer': {
    act: async () => {
      await dialled.at(-1)!.succeed();
      dialled.at(-1)!.socket.closeByPeer();
      await turn();
    },
    detail: 'the connection was closed without an answer',
  },
  'that does not answer in time': {
    act: async () => {
      await dialled.at(-1)!.succeed();
      await passed(30_100);
    },
    detail: 'no answer to the association request in time',
  },
  'that answers with what is not a PDU': {
    act: async () => {
      await dialled.at(-1)!.succeed();
      dialled.at(-1)!.socket.deliver(pdu(0x99));
      await turn();
    },
    detail: 'PDU type 99H; 01H to 07H are accepted',
  },
  'that answers with another PDU': {
    act: async () => {
      await dialled.at(-1)!.succeed();
      dialled.at(-1)!.socket.deliver(releaseRq());
      await turn();
    },
    detail: 'releaseRq in state awaitingAnswer',
  },
};

describe('a server', () => {
  it('gets the request in one write, and its answer is handed over with the leg', async () => {
    const { answers, failed } = requested();
    await dialled[0]!.succeed();
    expect(dialled[0]!.socket.writes).toEqual([rq]);
    dialled[0]!.socket.deliver(associateAc());
    expect(answers).toMatchObject([{ kind: 'accepted', server: '10.0.0.1:104' }]);
    expect([dialled.length, failed]).toEqual([1, []]);
  });

  it.each(Object.entries(serverFailures))('%s makes room for the next one', async (_how, { act, detail }) => {
    const { answers, failed } = requested();
    await act();
    expect(failed).toHaveLength(1);
    expect(failed[0]).toContain(`10.0.0.1:104 ${detail}`);
    expect(dialled.map(({ target }) => target)).toEqual(['10.0.0.1:104', '10.0.0.2:104']);
    expect(answers).toEqual([]);
    await dialled[1]!.succeed();
    dialled[1]!.socket.deliver(associateAc());
    expect(answers).toMatchObject([{ kind: 'accepted', server: '10.0.0.2:104' }]);
  });

  it.each(Object.entries(serverFailures))(
    '%s, where all are like it, ends the request once',
    async (_how, { act, detail }) => {
      const { answers, failed } = requested();
      for (let server = 0; server < 3; server += 1) await act();
      await passed(100_000);
      expect(failed).toHaveLength(3);
      expect(answers).toMatchObject([{ kind: 'failed', server: '10.0.0.3:104' }]);
      const [answer] = answers;
      const details = answer?.kind === 'failed' ? answer.detail.split('; 10.') : [];
      expect(details).toHaveLength(3);
      for (const each of details) expect(each).toContain(detail);
    },
  );

  it('that rejects is the answer: no other one is asked', async () => {
    const { answers, failed } = requested();
    await dialled[0]!.succeed();
    dialled[0]!.socket.deliver(associateRj(1, 1, 7));
    await turn();
    expect(answers).toEqual([
      { kind: 'rejected', server: '10.0.0.1:104', rj: { result: 1, source: 1, reason: 7 } },
    ]);
    expect([dialled.length, failed, dialled[0]!.socket.isEnded]).toEqual([1, [], true]);
  });

  it('that aborts makes room for the next one, but is not down', async () => {
    const { failed } = requested();
    await dialled[0]!.succeed();
    dialled[0]!.socket.deliver(abort(2, 0));
    await turn();
    expect([dialled.length, failed]).toEqual([2, []]);
  });

  it('is reached over TLS where that is wanted, and a failure there keeps its reason and facts', async () => {
    const { answers } = requested({ servers: ['10.0.0.1:2762'], tls: {} as never });
    expect(dialled[0]!.isTls).toBe(true);
    await dialled[0]!.fail(
      new actualDial.DialError('tls', 'X', 'not trusted', 'certificate-untrusted', fakeTlsFacts),
    );
    expect(answers).toEqual([
      {
        kind: 'failed',
        reason: 'certificate-untrusted',
        detail: '10.0.0.1:2762: not trusted',
        server: '10.0.0.1:2762',
        tls: fakeTlsFacts,
      },
    ]);
  });

  it('has less time where others are left to ask, the last one all of it', async () => {
    const { answers, failed } = requested({
      servers: ['10.0.0.1:104', '10.0.0.2:104'],
      othersAnswerMs: 5000,
    });
    await dialled[0]!.succeed();
    await passed(5100);
    expect(failed).toHaveLength(1);
    expect(dialled[0]!.socket.writes.at(-1)).toEqual(abort(0, 0));
    await dialled[1]!.succeed();
    await passed(29_000);
    expect(answers).toEqual([]);
    await passed(1100);
    expect(answers).toMatchObject([{ kind: 'failed' }]);
  });

  it('that answers late, after another one was asked, is not heard', async () => {
    const { answers } = requested();
    await dialled[0]!.succeed();
    await passed(30_100);
    dialled[0]!.socket.deliver(associateAc());
    await turn();
    expect(answers).toEqual([]);
    await dialled[1]!.succeed();
    dialled[1]!.socket.deliver(associateAc());
    expect(answers).toMatchObject([{ server: '10.0.0.2:104' }]);
  });
});

describe('a request that is cancelled', () => {
  it('while it dials closes the connection that comes, without a byte', async () => {
    const { association, answers, failed } = requested();
    association.cancel();
    await dialled[0]!.succeed();
    expect([dialled[0]!.socket.destroyed, dialled[0]!.socket.written.length]).toEqual([true, 0]);
    expect([answers, failed, dialled.length]).toEqual([[], [], 1]);
  });

  it('while it dials asks no other server where that fails', async () => {
    const { association, answers, failed } = requested();
    association.cancel();
    await dialled[0]!.fail(new Error('refused'));
    expect([answers, failed, dialled.length]).toEqual([[], [], 1]);
  });

  it.each([
    ['an acceptance', associateAc()],
    ['a rejection', associateRj(1, 1, 1)],
    ['an abort', abort(2, 0)],
    ['nonsense', pdu(0x99)],
  ])('while it waits is aborted, and %s is not heard', async (_what, bytes) => {
    const { association, answers, failed } = requested();
    await dialled[0]!.succeed();
    association.cancel();
    expect(dialled[0]!.socket.writes).toEqual([rq, abort(0, 0)]);
    dialled[0]!.socket.deliver(bytes);
    await passed(100_000);
    expect([answers, failed, dialled.length]).toEqual([[], [], 1]);
  });

  it('between two servers asks no more', async () => {
    const { association, answers } = requested();
    await dialled[0]!.fail(new Error('refused'));
    association.cancel();
    await dialled[1]!.succeed();
    await passed(100_000);
    expect([answers, dialled.length, dialled[1]!.socket.written.length]).toEqual([[], 2, 0]);
  });
});
