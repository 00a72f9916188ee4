import { describe, expect, it, jest } from '@jest/globals';
import {
  type AssociationPlace,
  LocalPlaces,
  type PlaceRequest,
} from '../../../src/gateway/associationPlaces';

/** Places, and who was let in or refused, in order. */
function setUp(defaults: Partial<PlaceRequest> = {}) {
  const places = new LocalPlaces();
  const granted: string[] = [];
  const refused: string[] = [];
  const request = (name: string, wanted: Partial<PlaceRequest> = {}): AssociationPlace =>
    places.request(
      {
        modality: name.replace(/\d+$/, ''),
        upstream: 'ARCHIVE',
        maxOfAll: 100,
        maxOfModality: undefined,
        maxOfUpstream: undefined,
        isObserved: false,
        waitMs: 1000,
        ...defaults,
        ...wanted,
      },
      (answer) =>
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
