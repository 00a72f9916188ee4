import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Questions } from '../../../src/terminal/questions';
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
