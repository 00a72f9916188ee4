import { expect, it, jest } from '@jest/globals';
import type { RunningGateway } from '../../../src/gateway/runningGateway';
import { Systemd } from '../../../src/service/systemd';
import { turnsUntil } from '../../support/waiting';

function gatewayWith(heartbeat = async () => {}) {
  return { associationCount: 0, isListening: true, heartbeat } satisfies Partial<RunningGateway>;
}

function reporter(environment: NodeJS.ProcessEnv = {}) {
  const sent: string[] = [];
  const env: NodeJS.ProcessEnv = { NOTIFY_SOCKET: '/run/systemd/notify', ...environment };
  const open = () => (text: string) => sent.push(text) > 0;
  return { sent, env, systemd: Systemd.ofEnvironment(() => {}, env, open)! };
}

it('reports nothing where systemd did not ask for it', () => {
  expect(Systemd.ofEnvironment(() => {}, {})).toBeUndefined();
});

it('keeps the variables from the children of the gateway', () => {
  const { env } = reporter({ WATCHDOG_USEC: '60000000', WATCHDOG_PID: String(process.pid), PATH: '/bin' });
  expect(env).toEqual({ PATH: '/bin' });
});

it('reports that it listens, how many associations there are, a reload, and the drain', () => {
  jest.useFakeTimers();
  const { sent, systemd } = reporter();
  const gateway = gatewayWith();
  systemd.ready(gateway);
  expect(sent.splice(0)).toEqual(['READY=1\nSTATUS=listening; 0 associations']);
  gateway.associationCount = 3;
  jest.advanceTimersByTime(1000);
  jest.advanceTimersByTime(5000);
  expect(sent.splice(0)).toEqual(['STATUS=listening; 3 associations']);
  systemd.reloading();
  systemd.reloaded(2);
  expect(sent.splice(0)).toEqual([
    expect.stringMatching(/^RELOADING=1\nMONOTONIC_USEC=\d+$/),
    'READY=1\nSTATUS=configuration rejected: 2 problems, see the log; listening; 3 associations',
  ]);
  systemd.reloaded(0);
  gateway.associationCount = 1;
  systemd.stopping();
  expect(sent.splice(0)).toEqual([
    'READY=1\nSTATUS=listening; 3 associations',
    'STOPPING=1\nSTATUS=draining; 1 association left',
  ]);
  systemd.close();
});

it('gives a sign of life at half of the time of the watchdog, and none while a worker hangs', async () => {
  jest.useFakeTimers({ doNotFake: ['setImmediate'] });
  const { sent, systemd } = reporter({ WATCHDOG_USEC: '10000000' });
  let answer = () => {};
  const signs = () => sent.filter((text) => text === 'WATCHDOG=1').length;
  systemd.ready(
    gatewayWith(
      () =>
        new Promise((resolve) => {
          answer = resolve;
        }),
    ),
  );
  expect(signs()).toBe(0);
  answer();
  await turnsUntil(() => signs() === 1);
  jest.advanceTimersByTime(5000);
  answer();
  await turnsUntil(() => signs() === 2);
  jest.advanceTimersByTime(60_000);
  expect(signs()).toBe(2);
  systemd.close();
});

it('leaves the watchdog of another process alone', () => {
  const { sent, systemd } = reporter({ WATCHDOG_USEC: '10000000', WATCHDOG_PID: '1' });
  systemd.ready(gatewayWith());
  systemd.close();
  expect(sent).toHaveLength(1);
});

it('says what to do where koffi is missing', () => {
  const said: string[] = [];
  Systemd.ofEnvironment(
    (text) => said.push(text),
    { NOTIFY_SOCKET: '@name' },
    () => {
      throw new Error("Cannot find module 'koffi'\nRequire stack:");
    },
  );
  expect(said).toEqual([expect.stringMatching(/by the program systemd-notify.*needs NotifyAccess=all/)]);
});
