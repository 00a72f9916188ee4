/**
 * Which commands somebody may use, as an operator names them: in an option, or in answer to a question. Nothing named
 * is nothing allowed.
 */
import type { PendingCaller } from '../../admin/pendingCaller';
import { type CommandPermission, commandPermissions } from '../../dimse/permissions';
import { OperatorError } from '../../errors';
import { canAsk } from '../../pki/secrets';
import type { CommandContext } from '../../terminal/command';
import { Questions } from '../../terminal/questions';
import { escapeUnsafe, quoteValue } from '../../text/quote';
import { callerLines } from './pendingText';

/** `echo,store` or `echo store`. Throws OperatorError. */
export function parsePermissions(text: string): CommandPermission[] {
  const names = text.split(/[\s,]+/).filter((name) => name !== '');
  const unknown = names.find((name) => !isPermission(name));
  if (unknown === undefined && names.length > 0) return [...new Set(names.filter(isPermission))];
  const what = unknown === undefined ? 'no command is named' : `${quoteValue(unknown)} is no command`;
  throw new OperatorError(`${what}; accepted are ${commandPermissions.join(', ')}`);
}

function isPermission(name: string): name is CommandPermission {
  return (commandPermissions as readonly string[]).includes(name);
}

/**
 * Shows who it is about and asks on the terminal, again where the answer is no good. Throws OperatorError where nobody
 * can be asked, or nothing is entered.
 */
export async function askPermissions(
  caller: PendingCaller,
  context: CommandContext,
): Promise<CommandPermission[]> {
  if (!canAsk()) {
    throw new OperatorError(
      `name what it may do: --allow with one or more of ${commandPermissions.join(', ')}`,
    );
  }
  context.printError(`${callerLines(caller).map(escapeUnsafe).join('\n')}\n`);
  const questions = new Questions();
  let permissions: CommandPermission[] = [];
  try {
    await questions.ask(`commands that it may use (${commandPermissions.join(' ')})`, '', (answer) => {
      try {
        permissions = parsePermissions(answer);
        return undefined;
      } catch (error) {
        return (error as Error).message;
      }
    });
    return permissions;
  } finally {
    questions.close();
  }
}
