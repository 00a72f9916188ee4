/** What decides, all of one configuration. Knows no connections. */
import type { Configuration } from '../config/schema';
import { OperatorError } from '../errors';
import { compilePolicy } from '../policy/compile';
import type { Policy } from '../policy/policy';
import { loadModalityTls, type ModalityTls } from './egressRoute';

export interface Rules {
  readonly policy: Policy;
  readonly modalityTls: ModalityTls;
}

/** Throws OperatorError where the configuration cannot be used. */
export function rulesOf(configuration: Configuration): Rules {
  return { policy: policyOf(configuration), modalityTls: loadModalityTls(configuration) };
}

export function policyOf(configuration: Configuration): Policy {
  const { policy, problems } = compilePolicy(configuration, Date.now());
  const errors = problems.filter(({ severity }) => severity === 'error');
  if (errors.length > 0) throw new OperatorError(errors.map(({ message }) => message).join('\n'));
  return policy;
}
