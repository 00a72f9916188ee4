/**
 * `POST /api/v1/pending/ID/approve`: makes a pending caller an entry, by the code of `aegis modality approve`, and reloads.
 * Writes the configuration file of the gateway only where that says what the gateway runs: otherwise the reload would
 * bring in changes of somebody else unseen.
 */
import type { FastifyInstance } from 'fastify';
import * as z from 'zod';
import type { ReloadRequester } from '../audit/events';
import type { Configuration } from '../config/schema';
import { freeName } from '../config/schemaValues';
import { commandPermissions } from '../dimse/permissions';
import { OperatorError } from '../errors';
import { defaultEntryName } from '../onboarding/entryFields';
import { formatPath } from '../text/problems';
import type { ApproveReport } from './pageReport';
import type { PendingCaller } from './pendingCaller';
import type { PendingCallers } from './pendingCallers';
import { approvalFault, entryOf, entryThatLetsIn } from './pendingEntry';
import { reloadRequester } from './reloadRequester';
import type { ReloadReport } from './statusReport';

const body = z.strictObject({
  allow: z.array(z.enum(commandPermissions)).min(1).max(commandPermissions.length),
  name: freeName.optional(),
  certificate: z.boolean().optional(),
  dryRun: z.boolean().optional(),
  by: freeName.optional(),
});

type Approval = z.output<typeof body>;

const NOT_ACCEPTED = `accepted is {"allow": [one or more of ${commandPermissions.join(', ')}]}, and if you like name, certificate (true or false), dryRun and by`;

export interface ApproveSources {
  readonly pending: PendingCallers;
  readonly configuration: Configuration;
  /** What the gateway runs from, and the SHA-256 of its text as it was loaded. */
  readonly file: string;
  readonly sha256: string;
  reload(requestedBy: ReloadRequester): Promise<ReloadReport>;
}

export function addApproveRoute(server: FastifyInstance, sources: () => ApproveSources): void {
  server.post<{ Params: { id: string } }>('/api/v1/pending/:id/approve', async (request, reply) => {
    const { success, data } = body.safeParse(request.body);
    if (!success) return reply.code(400).send({ error: NOT_ACCEPTED });
    const current = sources();
    const { pending, configuration } = current;
    const caller = pending.find(request.params.id);
    if (caller === undefined) return reply.code(404).send({ error: 'there is no such pending caller' });
    const fault = faultOf(caller, configuration, data);
    if (fault !== undefined) return reply.code(409).send({ error: fault });
    try {
      const { command: _, ...requester } = reloadRequester(request, configuration.admin);
      const report = await approve(caller, data, current, {
        ...requester,
        command: 'modality approve',
        ...(data.by === undefined ? {} : { systemUser: data.by }),
      });
      if (report.reload?.isReloaded === true) pending.remove(caller.id);
      return reply.code(report.reload?.isReloaded === false ? 422 : 200).send(report);
    } catch (error) {
      if (!(error instanceof OperatorError)) throw error;
      return reply.code(409).send({ error: `nothing was written: ${error.message}` });
    }
  });
}

function faultOf(
  caller: PendingCaller,
  configuration: Configuration,
  { certificate }: Approval,
): string | undefined {
  const entry = entryThatLetsIn(caller, configuration);
  if (entry !== undefined) return `${formatPath(['modalities', entry])} lets it in already`;
  return approvalFault(caller, configuration, { isCertificatePinned: certificate });
}

/** Throws OperatorError where nothing was written. */
async function approve(
  caller: PendingCaller,
  { allow, certificate, dryRun = false, name: wanted }: Approval,
  { configuration, file, sha256, reload }: ApproveSources,
  requestedBy: ReloadRequester,
): Promise<ApproveReport> {
  // Only who approves needs to edit files.
  const { addModalities, openConfiguration, saveEdit } = await import('../config/editConfiguration');
  const { textSha256 } = await import('../config/load');
  const source = openConfiguration(file);
  if (textSha256(source.text) !== sha256) {
    throw new OperatorError(
      `${file} has changes that the gateway does not run yet; look at them and reload first, then approve`,
    );
  }
  const { entry, notes } = entryOf(caller, configuration, { allow, isCertificatePinned: certificate });
  const name =
    wanted ?? defaultEntryName(caller.callingAeTitle, new Set(Object.keys(configuration.modalities)));
  const edit = addModalities(source, { [name]: entry });
  const planned = { name, file, diff: edit.diff, notes };
  if (dryRun) return { ...planned, isWritten: false };
  await saveEdit(edit);
  return { ...planned, isWritten: true, reload: await reload(requestedBy) };
}
