/** Whose account a command runs under, for the log of the gateway. Proves nothing. */
import { userInfo } from 'node:os';

/** `alice as root` behind sudo. Undefined in a container whose account has no name. */
export function systemUser(): string | undefined {
  const { SUDO_USER: caller } = process.env;
  const account = accountName();
  return caller === undefined || caller === account ? account : `${caller} as ${account}`;
}

function accountName(): string | undefined {
  try {
    return userInfo().username;
  } catch {
    return undefined;
  }
}
