import { createServer } from 'node:net';
import { describe, expect, it } from '@jest/globals';
import { checkServer } from '../../../src/verification/serverCheck';
import { onCleanUp } from '../../support/cleanUp';
import { freePort } from '../../support/processes';
import { type SpyScript, SpyUpstream } from '../../support/spyUpstream';

const question = { calledAeTitle: 'ARCHIVE', deadlineMs: 5000 };

describe('a server', () => {
  it.each<[string, SpyScript, string | undefined]>([
    ['answers', {}, undefined],
    ['rejects us', { onAssociateRq: (connection) => connection.reject(1, 1, 3) }, 'rejected'],
    [
      'aborts, as Orthanc does with strangers',
      { onAssociateRq: (connection) => connection.abort() },
      'aborted',
    ],
    [
      'answers with a bad status',
      { onRequest: (connection, request) => connection.respond(request, { Status: 0x0110 }) },
      'status',
    ],
    ['does not know how to release', { onReleaseRq: (connection) => connection.destroy() }, 'closed'],
  ])('that %s is up', async (_what, script, failure) => {
    const { port } = await SpyUpstream.start({ script });
    const answer = await checkServer({ ...question, server: `127.0.0.1:${port}`, check: 'echo' });
    expect(answer).toMatchObject({ isUp: true, detail: '' });
    expect(answer.failed?.failure).toBe(failure);
  });

  it.each<[string, SpyScript, string]>([
    ['closes', { onAssociateRq: (connection) => connection.end() }, 'closed the connection'],
    ['is silent', { onAssociateRq: () => {} }, 'no answer within 0.2 s'],
  ])('that %s is down', async (_what, script, detail) => {
    const { port } = await SpyUpstream.start({ script });
    const server = `127.0.0.1:${port}`;
    const answer = await checkServer({ ...question, server, check: 'echo', deadlineMs: 200 });
    expect(answer).toMatchObject({ isUp: false, detail: expect.stringContaining(detail) });
  });

  it.each(['echo', 'tcp'] as const)('that does not listen is down (%s)', async (check) => {
    const answer = await checkServer({ ...question, server: `127.0.0.1:${await freePort()}`, check });
    expect(answer).toMatchObject({ isUp: false, detail: expect.stringContaining('ECONNREFUSED') });
    expect(answer.failed).toMatchObject({ failure: 'notConnected', code: 'ECONNREFUSED' });
  });

  it('that takes connections is up where no more is asked, and gets no byte', async () => {
    let received = 0;
    const closed = new Promise<void>((resolve) => {
      const server = createServer((socket) => {
        socket.on('data', (chunk) => {
          received += chunk.length;
        });
        socket.on('close', () => resolve());
      });
      onCleanUp(() => void server.close());
      server.listen(0, '127.0.0.1', async () => {
        const { port } = server.address() as { port: number };
        const answer = await checkServer({ ...question, server: `127.0.0.1:${port}`, check: 'tcp' });
        expect(answer).toEqual({ isUp: true, detail: '' });
      });
    });
    await closed;
    expect(received).toBe(0);
  });
});
