/**
 * `aegis pki`: a small CA for sites that have none. One verb a file; pki/ issues, the reports word the results.
 * Everything heavy is imported inside the actions.
 */
import { helpSections, type RegisterCommand } from '../../terminal/command';
import { registerClient } from './client';
import { registerInit } from './init';
import { registerInspect } from './inspect';
import { registerList } from './list';
import { registerRenew } from './renew';
import { registerRevoke } from './revoke';
import { registerServer } from './server';
import { registerSign } from './sign';
import { type FolderOptions, type RegisterVerb, warnOfUnfinishedRecord } from './verb';

const verbs: readonly RegisterVerb[] = [
  registerInit,
  registerServer,
  registerClient,
  registerSign,
  registerRenew,
  registerRevoke,
  registerList,
  registerInspect,
];

export const registerPki: RegisterCommand = (program, context) => {
  const pki = program
    .command('pki')
    .description('a small CA: certificates for the gateway and for each modality')
    .addHelpText(
      'after',
      helpSections([
        'aegis pki init',
        'aegis pki server --name aegis.hospital.example --name 10.1.2.3',
        'aegis pki client ct1',
        'aegis pki list',
      ]),
    );
  for (const register of verbs) register(pki, context);
  pki.hook('preAction', async (_pki, verb) => {
    const { dir } = verb.opts<Partial<FolderOptions>>();
    if (dir !== undefined) await warnOfUnfinishedRecord({ dir }, context);
  });
};
