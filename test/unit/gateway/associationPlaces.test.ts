import { setImmediate as nextTurn } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import {
  type AssociationPlace,
  LocalPlaces,
  type PlaceRequest,
} from '../../../src/gateway/associationPlaces';
import { yieldingIdleMs } from '../../../src/gateway/sharedPlaces';
import { waitFor } from '../../support/waiting';

const wanted: PlaceRequest = {
  modality: 'ct',
  upstream: 'ARCHIVE',
  maxOfAll: 100,
  maxOfModality: undefined,
  maxOfUpstream: undefined,
  perSecond: 0,
  isObserved: false,
  waitMs: 1000,
};

/** Places, and who was let in or refused, in order. */
function setUp(defaults: Partial<PlaceRequest> = {}) {
  const places = new LocalPlaces();
  const granted: string[] = [];
  const refused: string[] = [];
  const request = (name: string, own: Partial<PlaceRequest> = {}): AssociationPlace =>
    places.request({ ...wanted, modality: name.replace(/\d+$/, ''), ...defaults, ...own }, (answer) =>
      (answer.isGranted ? granted : refused).push(
        name + ('exceedsModalityLimit' in answer && answer.exceedsModalityLimit ? '!' : ''),
      ),
    );
  return { places, granted, refused, request };
}

function turn() {
  return Promise.resolve();
}

describe('places of associations', () => {
  it('are granted, and answered only after the request has returned', async () => {
    const { places, granted, request } = setUp();
    request('ct1');
    expect(granted).toEqual([]);
    expect(places.taken).toBe(1);
    await turn();
    expect(granted).toEqual(['ct1']);
  });

  it('keep nothing of what asked for them, once it is answered', async () => {
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc') as () => void;
    const { places } = setUp();
    const asked = { isAnswered: false };
    const held: AssociationPlace[] = [];
    const askFor = (): WeakRef<object> => {
      const answered = () => {
        asked.isAnswered = true;
      };
      held.push(places.request(wanted, answered));
      return new WeakRef(answered);
    };
    const reference = askFor();
    await nextTurn();
    collect();
    expect([asked.isAnswered, held.length, reference.deref()]).toEqual([true, 1, undefined]);
  });

  it('are refused beyond the limit of all, and beyond that of a modality', async () => {
    const { granted, refused, request } = setUp({ maxOfAll: 3, maxOfModality: 2 });
    for (const name of ['ct1', 'ct2', 'ct3', 'mr1', 'mr2']) request(name);
    await turn();
    expect([granted, refused]).toEqual([
      ['ct1', 'ct2', 'mr1'],
      ['ct3', 'mr2'],
    ]);
  });

  it('are only noted beyond the limit of a modality that is observed', async () => {
    const { granted, request } = setUp({ maxOfModality: 1, isObserved: true });
    request('ct1');
    request('ct2');
    await turn();
    expect(granted).toEqual(['ct1', 'ct2!']);
  });

  it('come back once, however often they are freed', async () => {
    const { places, granted, request } = setUp({ maxOfModality: 1 });
    const first = request('ct1');
    first.free();
    first.free();
    expect(places.taken).toBe(0);
    request('ct2');
    await turn();
    expect(granted).toEqual(['ct2']);
  });

  it('are waited for at an upstream that is full, first come, first served', async () => {
    const { granted, request } = setUp({ maxOfUpstream: 1 });
    const held = [request('ct1'), request('ct2'), request('ct3')];
    await turn();
    expect(granted).toEqual(['ct1']);
    held[0]?.free();
    await turn();
    expect(granted).toEqual(['ct1', 'ct2']);
    held[1]?.free();
    await turn();
    expect(granted).toEqual(['ct1', 'ct2', 'ct3']);
  });

  it('are waited for in a line that formed after an earlier one was empty', async () => {
    const { granted, request } = setUp({ maxOfUpstream: 1 });
    const first = request('ct1');
    const second = request('ct2');
    await turn();
    first.free();
    await turn();
    request('ct3');
    second.free();
    await turn();
    expect(granted).toEqual(['ct1', 'ct2', 'ct3']);
  });

  it('go round the modalities that wait, no matter which asks for most', async () => {
    const { granted, request } = setUp({ maxOfUpstream: 1 });
    const held = new Map<string, AssociationPlace>();
    for (const name of ['ct1', 'ct2', 'ct3', 'ct4', 'mr1', 'us1', 'mr2']) held.set(name, request(name));
    for (let count = 0; count < 7; count += 1) {
      await turn();
      held.get(granted.at(-1) ?? '')?.free();
    }
    expect(granted).toEqual(['ct1', 'ct2', 'mr1', 'us1', 'ct3', 'mr2', 'ct4']);
  });

  it('are not waited for longer than the deadline', async () => {
    jest.useFakeTimers();
    const { places, granted, refused, request } = setUp({ maxOfUpstream: 1, waitMs: 500 });
    const first = request('ct1');
    const second = request('ct2');
    await turn();
    jest.advanceTimersByTime(501);
    await turn();
    expect(refused).toEqual(['ct2']);
    second.free();
    first.free();
    await turn();
    expect([granted, places.taken]).toEqual([['ct1'], 0]);
    expect(jest.getTimerCount()).toBe(0);
    jest.useRealTimers();
  });

  it('are left in line by one that went away', async () => {
    const { places, granted, refused, request } = setUp({ maxOfUpstream: 1 });
    const first = request('ct1');
    const gone = request('ct2');
    request('ct3');
    gone.free();
    first.free();
    await turn();
    expect([granted, refused]).toEqual([['ct3'], []]);
    expect(places.taken).toBe(1);
  });

  it('answer nobody who freed before the answer came', async () => {
    const { granted, request } = setUp();
    request('ct1').free();
    await turn();
    expect(granted).toEqual([]);
  });

  it('of different upstreams do not mind each other', async () => {
    const { granted, request } = setUp({ maxOfUpstream: 1 });
    request('ct1');
    request('ct2', { upstream: 'OTHER' });
    await turn();
    expect(granted).toEqual(['ct1', 'ct2']);
  });
});

describe('a gateway that is full', () => {
  it('asks the modality that holds most for a place, while another one waits', async () => {
    const asked: string[] = [];
    const { places, granted, refused, request } = setUp({ maxOfAll: 4 });
    const hold = (name: string) => {
      const place = places.request(
        {
          modality: 'idle',
          upstream: 'ARCHIVE',
          maxOfAll: 4,
          maxOfModality: undefined,
          maxOfUpstream: undefined,
          perSecond: 0,
          isObserved: false,
          waitMs: 1000,
        },
        () => granted.push(name),
        (held) => {
          asked.push(`${name} of ${held}`);
          place.free();
        },
      );
    };
    for (const name of ['idle1', 'idle2', 'idle3', 'idle4']) hold(name);
    await turn();
    request('ct1');
    await waitFor('the place', () => granted.includes('ct1'));
    request('mr1');
    await waitFor('the place', () => granted.includes('mr1'));
    // The idle one has two left, and so does not owe one to who has one.
    request('ct2');
    await turn();
    expect([asked, refused]).toEqual([['idle1 of 4', 'idle2 of 3'], ['ct2']]);
    expect(places.taken).toBe(4);
  });

  it('asks sooner for a place of a modality that holds many', () => {
    expect([1, 8, 16, 80, 1000].map(yieldingIdleMs)).toEqual([5000, 5000, 2500, 500, 40]);
  });

  it('refuses at once who holds as much as the others', async () => {
    const { refused, request } = setUp({ maxOfAll: 4 });
    for (const name of ['ct1', 'ct2', 'ct3', 'ct4', 'ct5']) request(name);
    await turn();
    expect(refused).toEqual(['ct5']);
  });

  it('has a bounded line, and forgets who leaves it', async () => {
    const { places, granted, refused, request } = setUp({ maxOfAll: 2 });
    const held = [request('idle1'), request('idle2')];
    const waiting = Array.from({ length: 65 }, (_, index) => request(`ct${index}`));
    await turn();
    expect(refused).toEqual(['ct64']);
    for (const place of [...waiting, ...held]) place.free();
    expect(places.taken).toBe(0);
    request('mr1');
    await turn();
    expect(granted).toEqual(['idle1', 'idle2', 'mr1']);
  });
});

describe('a modality that begins associations faster than it may', () => {
  const fast = { perSecond: 2, waitMs: 1000 };
  beforeEach(() => {
    jest.useFakeTimers({ doNotFake: ['nextTick', 'queueMicrotask'] });
  });
  afterEach(() => {
    jest.useRealTimers();
  });

  it('is answered later, and holds up nobody else', async () => {
    const { granted, refused, request } = setUp(fast);
    for (let count = 1; count <= 23; count += 1) request(`ct${count}`).free();
    const late = [request('ct24'), request('ct25')];
    request('mr1');
    await turn();
    expect(granted).toEqual(['mr1']);
    jest.advanceTimersByTime(600);
    await turn();
    expect(granted).toEqual(['mr1', 'ct24']);
    jest.advanceTimersByTime(500);
    await turn();
    expect([granted, refused]).toEqual([['mr1', 'ct24', 'ct25'], []]);
    for (const place of late) place.free();
    expect(jest.getTimerCount()).toBe(0);
  });

  it('is rejected when the wait is over, or where many wait', async () => {
    const { places, granted, refused, request } = setUp({ ...fast, waitMs: 2000 });
    for (let count = 1; count <= 20; count += 1) request('ct1').free();
    const waiting = Array.from({ length: 65 }, (_, index) => request(`ct${index}`));
    await turn();
    expect(refused).toEqual(['ct64']);
    jest.advanceTimersByTime(4000);
    await turn();
    // Some had their second meanwhile.
    expect(refused.length + granted.length).toBe(65);
    expect(refused.length).toBeGreaterThan(50);
    for (const place of waiting) place.free();
    expect([places.taken, jest.getTimerCount()]).toEqual([0, 0]);
  });
});
