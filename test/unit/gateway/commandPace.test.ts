/** How fast the commands of a modality are taken, on legs without a network. */
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { CommandPaces } from '../../../src/gateway/commandPace';
import { CommandField, messagePdus, numberedRequest } from '../../support/dicomBytes';
import { RelayedLegs, receivedFrom, turn } from '../../support/relayedLegs';
import { SopClass } from '../../support/uids';

const all: RelayedLegs[] = [];
let paces: CommandPaces;
beforeEach(() => {
  jest.useFakeTimers({ doNotFake: ['nextTick', 'queueMicrotask', 'setImmediate', 'clearImmediate'] });
  paces = new CommandPaces();
});
afterEach(async () => {
  for (const legs of all.splice(0)) legs.end();
  await turn();
  expect(jest.getTimerCount()).toBe(0);
  jest.useRealTimers();
});

async function relayed(isAllowed: boolean, commandsPerSecond: number): Promise<RelayedLegs> {
  const legs = new RelayedLegs({
    decideCommand: () => (isAllowed ? { allowed: true } : { allowed: false, reason: 'command-not-allowed' }),
    pace: paces.begin('ct1', commandsPerSecond),
  });
  all.push(legs);
  await turn();
  return legs;
}

function echo(messageId: number): Buffer {
  const request = { CommandField: CommandField.CEchoRq, AffectedSOPClassUID: SopClass.Verification };
  return Buffer.concat(messagePdus(1, numberedRequest(messageId, request, false)));
}

function echoes(count: number): Buffer {
  return Buffer.concat(Array.from({ length: count }, (_, index) => echo(index + 1)));
}

function refusedOf(legs: RelayedLegs): number {
  return legs.recorded.filter(({ event }) => event === 'command.refused').length;
}

async function turns(count = 100): Promise<void> {
  for (let index = 0; index < count; index += 1) await turn();
}

async function pass(ms: number): Promise<void> {
  for (let passed = 0; passed < ms; passed += 10) {
    jest.advanceTimersByTime(10);
    await turns(8);
  }
}

describe('a modality', () => {
  it('is read no further when it has used up its commands, also inside what was read', async () => {
    const legs = await relayed(false, 100);
    legs.inbound.socket.deliver(echoes(500));
    await turns();
    // A refusal costs as much as ten commands. One more than its budget was begun.
    expect(refusedOf(legs)).toBe(101);
    expect(legs.inbound.socket.isPaused).toBe(true);
    await pass(1000);
    expect(refusedOf(legs)).toBeGreaterThanOrEqual(109);
    expect(refusedOf(legs)).toBeLessThanOrEqual(112);
  });

  it('has its part of each turn of the event loop, however many associations pipeline', async () => {
    const several = await Promise.all(Array.from({ length: 40 }, () => relayed(false, 10_000)));
    const refused = () => several.reduce((sum, legs) => sum + refusedOf(legs), 0);
    for (const { inbound } of several) inbound.socket.deliver(echoes(30));
    // The first command of each association goes on at once: what it sent is read.
    expect(refused()).toBeLessThanOrEqual(40 + 8);
    for (let before = refused(); refused() < 1000; before = refused()) {
      await turn();
      expect(refused() - before).toBeLessThanOrEqual(8);
    }
    await turns(300);
    expect(refused()).toBe(1200);
  });

  it('shares its commands among its associations', async () => {
    const one = await relayed(false, 100);
    one.inbound.socket.deliver(echoes(500));
    await turns();
    const other = await relayed(false, 100);
    other.inbound.socket.deliver(echoes(500));
    const before = refusedOf(one);
    await pass(2000);
    expect(refusedOf(other)).toBeGreaterThanOrEqual(9);
    expect(refusedOf(one) - before).toBeGreaterThanOrEqual(9);
    expect(refusedOf(one) - before + refusedOf(other)).toBeLessThanOrEqual(23);
  });

  it('has every command answered in the end, in order', async () => {
    const legs = await relayed(false, 500);
    legs.inbound.socket.deliver(echoes(600));
    await turns();
    await pass(3000);
    const { messages } = receivedFrom(legs.inbound.socket.takeWritten());
    expect(messages.map(({ command }) => command.MessageIDBeingRespondedTo)).toEqual(
      Array.from({ length: 600 }, (_, index) => index + 1),
    );
    expect(legs.inbound.socket.isPaused).toBe(false);
  });

  it('is not limited by a rate of 0', async () => {
    const legs = await relayed(false, 0);
    legs.inbound.socket.deliver(echoes(2000));
    await turns(300);
    expect(refusedOf(legs)).toBe(2000);
  });

  it('that takes no answers has no more than 16 waiting, and one for each association', async () => {
    const several = await Promise.all(Array.from({ length: 5 }, () => relayed(false, 0)));
    for (const { inbound } of several) {
      inbound.socket.isTaking = false;
      inbound.socket.deliver(echoes(500));
    }
    await turns();
    const refused = several.reduce((sum, legs) => sum + refusedOf(legs), 0);
    expect(refused).toBeLessThanOrEqual(16 + 5);
    expect(several.every(({ inbound }) => inbound.socket.isPaused)).toBe(true);
    // Another one, which reads, goes on beside them.
    const reading = await relayed(false, 0);
    reading.inbound.socket.deliver(echoes(100));
    await turns(300);
    expect(refusedOf(reading)).toBe(100);
  });

  it('goes on when it takes its answers', async () => {
    const legs = await relayed(false, 0);
    legs.inbound.socket.isTaking = false;
    legs.inbound.socket.deliver(echoes(40));
    await turns();
    expect(refusedOf(legs)).toBe(16);
    for (let count = 0; count < 5; count += 1) {
      legs.inbound.socket.takeAgain();
      await turns();
    }
    expect(refusedOf(legs)).toBe(40);
    expect(receivedFrom(legs.inbound.socket.takeWritten()).messages).toHaveLength(40);
  });

  it('leaves nothing behind for the next association of its own', async () => {
    const legs = await relayed(false, 0);
    legs.inbound.socket.isTaking = false;
    legs.inbound.socket.deliver(echoes(40));
    await turns();
    legs.inbound.socket.destroy();
    await turns();
    const next = await relayed(false, 0);
    next.inbound.socket.isTaking = false;
    next.inbound.socket.deliver(echoes(40));
    await turns();
    expect(refusedOf(next)).toBe(16);
  });
});
