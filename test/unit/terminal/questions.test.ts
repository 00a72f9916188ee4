import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { askSecret, Questions } from '../../../src/terminal/questions';
import { openTerminal, type Terminal } from '../../support/terminal';

let terminal: Terminal;
beforeEach(() => {
  terminal = openTerminal();
});
afterEach(() => terminal.close());

describe('Questions', () => {
  it('takes the default for an empty answer', async () => {
    const questions = new Questions();
    const answer = questions.confirm('write this');
    terminal.keyboard.write('\n');
    expect(await answer).toBe(true);
    questions.close();
    expect(terminal.asked).toBe('write this (y/n) [y]: \r\n');
  });

  it('leaves the line of the question where nothing more is entered', async () => {
    const questions = new Questions();
    const answer = questions.confirm('write this');
    terminal.keyboard.end();
    await expect(answer).rejects.toThrow('nothing was entered; nothing was written');
    expect(terminal.asked).toBe('write this (y/n) [y]: \n');
  });
});

describe('asking for a secret', () => {
  it('returns what was typed without showing it', async () => {
    const answer = askSecret('password: ');
    terminal.keyboard.write('correct horse\r');
    expect(await answer).toBe('correct horse');
    expect(terminal.asked).toBe('password: \n');
  });

  it.each([
    ['Ctrl-C', '\x03'],
    ['Ctrl-D', '\x04'],
  ])('ends with an error on %s', async (_key, character) => {
    const answer = askSecret('password: ');
    terminal.keyboard.write(character);
    await expect(answer).rejects.toThrow('nothing was entered');
  });
});
