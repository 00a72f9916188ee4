import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { askSecret } from '../../../src/pki/secrets';
import { openTerminal, type Terminal } from '../../support/terminal';

let terminal: Terminal;
beforeEach(() => {
  terminal = openTerminal();
});
afterEach(() => terminal.close());

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
