/** The running gateway, for a command that can do nothing without it. */
import { AdminClient, adminTargetAt, adminTargetOf } from '../admin/adminClient';
import { OperatorError } from '../errors';

/** Throws OperatorError where it cannot be asked. */
export function askedGateway({
  url,
  config,
}: {
  readonly url?: string;
  readonly config: string;
}): AdminClient {
  const target = url === undefined ? adminTargetOf(config) : adminTargetAt(url);
  if (target === undefined) {
    throw new OperatorError(
      `${config} has no admin, so the gateway cannot be asked; add "admin" with a token and restart it`,
    );
  }
  return new AdminClient(target);
}
