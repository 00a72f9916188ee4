/** What there is to warn of about passphrases and passwords: too short to protect anything, or open to others. */
import type { CommandContext } from '../../terminal/command';

/** Fewer can be tried one after the other by whoever has a copy of the encrypted file. */
const fewestCharacters = 8;

/** For a secret that is chosen now; one that was chosen before is what it is. */
export async function warnOfShortSecret(
  context: CommandContext,
  what: 'passphrase' | 'password',
  secret: string,
  protectedFile: string,
): Promise<void> {
  const { countOf } = await import('../../text/quote');
  const { length } = [...secret];
  if (length >= fewestCharacters) return;
  context.printError(
    `warning: the ${what} has ${countOf(length, 'character')}, so whoever gets hold of ${protectedFile} can find it by trying; choose one of at least ${fewestCharacters}\n`,
  );
}

/** As private keys of the gateway are refused; here others may have their reasons. */
export async function warnOfSharedSecret(
  context: CommandContext,
  what: 'passphrase' | 'password',
  file: string | undefined,
): Promise<void> {
  if (file === undefined) return;
  const { describeSharing } = await import('../../files/read');
  const problem = describeSharing(file, what);
  if (problem !== undefined) context.printError(`warning: ${problem}\n`);
}
