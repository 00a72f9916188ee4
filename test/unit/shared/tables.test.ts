import { describe, expect, it } from '@jest/globals';
import * as z from 'zod';
import type { Store } from '../../../src/shared/store';
import { Table } from '../../../src/shared/tables';

function setUp(known: Readonly<Record<string, string>> = {}) {
  const took: (readonly [string, string | undefined])[] = [];
  const said: (readonly (string | number)[])[] = [];
  const table = new Table({
    kind: 'test',
    maxRecords: 5,
    value: z.string().max(10),
    took: (field, value) => void took.push([field, value]),
    all: () => Object.entries(known),
  });
  const store: Store = {
    run: async (_, parameters) => void said.push(parameters.slice(3)),
    giveUp: () => {},
  };
  return { table, took, said, say: () => table.say(store) };
}

describe('records that every gateway has', () => {
  it('are said once, with a later moment for each change', async () => {
    const { table, said, say } = setUp();
    table.put('ct', 'one', 100);
    table.put('ct', 'two', 100);
    table.put('mr', undefined, 50);
    await say();
    await say();
    expect(said).toEqual([['ct', 101, '"two"', 'mr', 50, '']]);
  });

  it('are said again after a loss, where nothing newer is known', async () => {
    const { table, said, say } = setUp({ ct: 'kept' });
    table.startAgain();
    await say();
    table.hear(['7', 'ct', '900 "newer"']);
    table.startAgain();
    expect(table.version).toBe('0');
    await say();
    expect(said).toEqual([
      ['ct', 0, '"kept"'],
      ['ct', 900, '"kept"'],
    ]);
  });

  it('are taken over where they are newer, removals too', () => {
    const { table, took } = setUp();
    table.put('ct', 'own', 100);
    expect(table.hear(['3', 'ct', '99 "older"', 'mr', '5 "new"'])).toBe(false);
    table.hear(['4', 'ct', '101 "newer"', 'mr', '6 ']);
    table.hear(['5', 'ct', '101 "again"']);
    expect(took).toEqual([
      ['mr', 'new'],
      ['ct', 'newer'],
      ['mr', undefined],
    ]);
    expect(table.version).toBe('5');
  });

  it.each<[string, unknown]>([
    ['no list', 'text'],
    ['no version', []],
    ['a version that is not a number', ['x', 'ct', '5 "a"']],
    ['numbers in place of texts', ['1', 5, 6]],
    ['no moment', ['1', 'ct', '"a"']],
    ['a moment of next year', ['1', 'ct', `${Date.now() + 365 * 86_400_000} "a"`]],
    ['a value that is not JSON', ['1', 'ct', '5 {']],
    ['a value of another kind', ['1', 'ct', '5 {"a":1}']],
    ['a value that is too long', ['1', 'ct', `5 "${'a'.repeat(20_000)}"`]],
    ['a field that is too long', ['1', 'c'.repeat(300), '5 "a"']],
    ['a field without a value', ['1', 'ct']],
  ])('are not taken from a server that answers nonsense: %s', (_, answer) => {
    const { table, took } = setUp();
    table.hear(answer);
    expect(took).toEqual([]);
  });
});
