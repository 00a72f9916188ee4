import { PassThrough } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { Questions } from '../../../src/commands/questions';

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

describe('Questions', () => {
  it('takes the default for an empty answer', async () => {
    const questions = new Questions();
    const answer = questions.confirm('write this');
    keyboard.write('\n');
    expect(await answer).toBe(true);
    questions.close();
    expect(shown).toBe('write this (y/n) [y]: ');
  });

  it('leaves the line of the question where nothing more is entered', async () => {
    const questions = new Questions();
    const answer = questions.confirm('write this');
    keyboard.end();
    await expect(answer).rejects.toThrow('nothing was entered; nothing was written');
    expect(shown).toBe('write this (y/n) [y]: \n');
  });
});
