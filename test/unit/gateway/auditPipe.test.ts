/** Lines on their way from a worker to a primary that is busy. */
import { expect, it } from '@jest/globals';
import type { AuditEvent } from '../../../src/audit/events';
import { AuditPipe } from '../../../src/gateway/workers/auditPipe';

const refused: AuditEvent = { event: 'command.refused', outcome: 'denied' };
const completed: AuditEvent = { event: 'command.completed', outcome: 'allowed' };

function open() {
  const sent: AuditEvent[] = [];
  let messages = 0;
  const pipe = new AuditPipe((events) => {
    sent.push(...events);
    messages += 1;
  });
  const calls: string[] = [];
  const sender = { pause: () => void calls.push('pause'), resume: () => void calls.push('resume') };
  return { pipe, sent, messages: () => messages, calls, sender };
}

it('sends the lines of a turn together, at the latest at its end, and leaves start and stop to the primary', async () => {
  const { pipe, sent, messages } = open();
  pipe.record({ event: 'gateway.started', outcome: 'info' });
  pipe.record(refused);
  pipe.record(completed);
  expect(sent).toEqual([]);
  await new Promise(setImmediate);
  expect(sent).toEqual([refused, completed]);
  pipe.record(refused);
  pipe.flush();
  await new Promise(setImmediate);
  expect([sent.length, messages()]).toEqual([3, 2]);
});

it('reads nobody who causes lines while the primary does not write them, and leaves out none', () => {
  const { pipe, sent, calls, sender } = open();
  for (let count = 0; count < 1000; count += 1) {
    pipe.hold(sender, 'allowed');
    pipe.record(completed);
    pipe.flush();
  }
  expect(calls).toEqual([]);
  pipe.hold(sender, 'allowed');
  pipe.hold(sender, 'allowed');
  expect(calls).toEqual(['pause']);
  pipe.written(1);
  expect(calls).toEqual(['pause', 'resume']);
  expect(sent).toHaveLength(1000);
});

it('reads nobody who is refused while the log takes no lines, and serves the others', () => {
  const { pipe, calls, sender } = open();
  pipe.logBlocked(true);
  pipe.hold(sender, 'allowed');
  expect(calls).toEqual([]);
  pipe.hold(sender, 'denied');
  expect(calls).toEqual(['pause']);
  pipe.logBlocked(false);
  pipe.hold(sender, 'denied');
  expect(calls).toEqual(['pause', 'resume']);
});

it('keeps what the primary has not written, for the case that it dies', () => {
  const { pipe } = open();
  pipe.record(refused);
  pipe.record(completed);
  pipe.flush();
  pipe.record(completed);
  pipe.written(1);
  expect(pipe.unwritten).toEqual([completed, completed]);
  pipe.flush();
  pipe.written(2);
  expect(pipe.unwritten).toEqual([]);
});
