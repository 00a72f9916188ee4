import { describe, expect, it } from '@jest/globals';
import { LocalPlaces, type PlaceRequest } from '../../../src/gateway/associationPlaces';
import { LeasedPlaces } from '../../../src/shared/leasedPlaces';
import { type LeaseKeeper, Leases, type Verdict } from '../../../src/shared/leases';
import type { Store } from '../../../src/shared/store';
import { waitFor } from '../../support/waiting';

const WANTED: PlaceRequest = {
  modality: 'ct',
  upstream: 'ARCHIVE',
  maxOfAll: 10,
  maxOfModality: 3,
  maxOfUpstream: undefined,
  perSecond: 0,
  isObserved: false,
  waitMs: 500,
};

/** Answers one verdict after the other, the last one for ever. */
function setUpPlaces(verdicts: readonly Verdict[], isClosedWhileAway = false) {
  const said: string[] = [];
  const answers = [...verdicts];
  const keeper: LeaseKeeper = {
    take: async () => (answers.length > 1 ? answers.shift()! : answers[0]!),
    hold: () => void said.push('hold'),
    free: () => void said.push('free'),
  };
  const places = new LeasedPlaces(new LocalPlaces(), keeper, isClosedWhileAway);
  const ask = (wanted: Partial<PlaceRequest> = {}) => {
    const answered: unknown[] = [];
    const place = places.request({ ...WANTED, ...wanted }, (answer) => answered.push(answer));
    return { place, answered, answer: () => waitFor('the answer', () => answered[0]) };
  };
  return { places, said, ask };
}

describe('the places of one gateway of several', () => {
  it('are granted where both have one, and given back once', async () => {
    const { places, said, ask } = setUpPlaces(['taken']);
    const { place, answer } = ask();
    expect(await answer()).toEqual({ isGranted: true, exceedsModalityLimit: false, servers: [] });
    place.free();
    place.free();
    expect([places.taken, said]).toEqual([0, ['free']]);
  });

  it('are refused by its own limit without asking anybody', async () => {
    const { ask } = setUpPlaces(['taken']);
    const { answer } = ask({ maxOfModality: 0 });
    expect(await answer()).toEqual({ isGranted: false, detail: 'the modality has the 0 that it may have' });
  });

  it.each<[Verdict, string]>([
    ['modality', 'the modality has the 3 that it may have, counted over all gateways'],
    ['all', 'all 10 places of the gateway are taken, counted over all gateways'],
  ])('are refused at once where others have them: %s', async (verdict, detail) => {
    const { said, ask } = setUpPlaces([verdict]);
    const { place, answer } = ask();
    expect(await answer()).toEqual({ isGranted: false, detail });
    place.free();
    expect(said).toEqual([]);
  });

  it('wait for the last place of an upstream, and no longer than they may', async () => {
    const { ask } = setUpPlaces(['upstream', 'upstream', 'taken']);
    expect(await ask().answer()).toMatchObject({ isGranted: true });
    const full = setUpPlaces(['upstream']).ask({ maxOfUpstream: 2, waitMs: 150 });
    expect(await full.answer()).toEqual({
      isGranted: false,
      detail: 'all 2 places of the upstream are taken, counted over all gateways',
    });
  });

  it('are given back where who asked has gone before the answer', async () => {
    const { said, ask } = setUpPlaces(['taken']);
    const { place, answered } = ask();
    // Its own places have answered, and the question is on its way.
    await Promise.resolve();
    place.free();
    await waitFor('the place to come back', () => said.length === 1);
    expect([answered, said]).toEqual([[], ['free']]);
  });

  it('are its own while the server is away, and said to the server later', async () => {
    const { said, ask } = setUpPlaces(['away']);
    const { place, answer } = ask();
    expect(await answer()).toMatchObject({ isGranted: true });
    place.free();
    expect(said).toEqual(['hold', 'free']);
  });

  it('are none while the server is away, where that is configured', async () => {
    const { said, ask } = setUpPlaces(['away'], true);
    const { place, answer } = ask();
    expect(await answer()).toMatchObject({ isGranted: false, reason: 'shared-unavailable' });
    place.free();
    expect(said).toEqual([]);
  });
});

/** A server that answers as the test wants, and what it was asked. */
class FakeStore implements Store {
  readonly asked: (readonly (string | number)[])[] = [];
  readonly givenUp: string[] = [];
  answer: (script: string) => Promise<unknown> = async () => 0;

  run(script: string, parameters: readonly (string | number)[]): Promise<unknown> {
    this.asked.push([script, ...parameters]);
    return this.answer(script);
  }

  giveUp(detail: string): void {
    this.givenUp.push(detail);
  }
}

async function setUpLeases() {
  const store = new FakeStore();
  const leases = new Leases(store, 5000);
  return { store, leases };
}

describe('what a gateway holds', () => {
  it('is asked for only once it is registered, and said again whole under a new ID', async () => {
    const { store, leases } = await setUpLeases();
    expect(await leases.take(WANTED)).toBe('away');
    leases.hold(WANTED);
    const before = leases.id;
    await leases.register();
    expect(store.asked).toEqual([
      ['register', leases.id, before, 5000, 'all', 1, 'modality:ct', 1, 'upstream:ARCHIVE', 1],
    ]);
    expect(leases.id).not.toBe(before);
    expect(await leases.take(WANTED)).toBe('taken');
    expect(store.asked[1]).toEqual([
      ...['take', leases.id, 5000, 'modality:ct', 3, 'all', 10, 'upstream:ARCHIVE', -1, 0],
    ]);
    leases.lost();
    await leases.register();
    expect(store.asked[2]?.slice(4)).toEqual(['all', 2, 'modality:ct', 2, 'upstream:ARCHIVE', 2]);
  });

  it('is said again where it has changed meanwhile', async () => {
    const { store, leases } = await setUpLeases();
    store.answer = async () => {
      if (store.asked.length === 1) leases.hold({ modality: 'mr', upstream: '' });
      return 0;
    };
    await leases.register();
    expect(store.asked.map(([script, , , , ...held]) => [script, ...held])).toEqual([
      ['register'],
      ['register', 'all', 1, 'modality:mr', 1],
    ]);
  });

  it.each([-1, 7, 'taken', null, undefined, Number.NaN])('is not taken by the answer %p', async (answer) => {
    const { store, leases } = await setUpLeases();
    await leases.register();
    store.answer = async () => answer;
    expect(await leases.take(WANTED)).toBe('away');
  });

  it('begins again where the server has forgotten this gateway', async () => {
    const { store, leases } = await setUpLeases();
    await leases.register();
    store.answer = async () => -1;
    expect(await leases.take(WANTED)).toBe('away');
    expect(store.givenUp).toEqual(['it does not know this gateway any more']);
  });
});
