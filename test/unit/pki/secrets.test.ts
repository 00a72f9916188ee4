import { PassThrough } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { askSecret } from '../../../src/pki/secrets';

const stdin = Object.getOwnPropertyDescriptor(process, 'stdin')!;
let keyboard: PassThrough;
let shown: string;

beforeEach(() => {
  keyboard = new PassThrough();
  shown = '';
  Object.defineProperty(process, 'stdin', { ...stdin, get: () => keyboard });
  jest.spyOn(process.stderr, 'write').mockImplementation((text) => {
    shown += String(text);
    return true;
  });
});

afterEach(() => {
  Object.defineProperty(process, 'stdin', stdin);
  jest.restoreAllMocks();
});

describe('asking for a secret', () => {
  it('returns what was typed without showing it', async () => {
    const answer = askSecret('password: ');
    keyboard.write('correct horse\r');
    expect(await answer).toBe('correct horse');
    expect(shown).toBe('password: \n');
  });

  it.each([
    ['Ctrl-C', '\x03'],
    ['Ctrl-D', '\x04'],
  ])('ends with an error on %s', async (_key, character) => {
    const answer = askSecret('password: ');
    keyboard.write(character);
    await expect(answer).rejects.toThrow('nothing was entered');
  });
});
