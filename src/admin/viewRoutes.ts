/**
 * What the page at `/` reads over HTTP: the overview, once and as server-sent events, and every view behind it. Bounded in
 * what it answers. Changes nothing.
 */
import type { FastifyInstance } from 'fastify';
import * as z from 'zod';
import type { Configuration } from '../config/schema';
import type { AssociationProgress } from '../gateway/associationProgress';
import type { ServerHealth } from '../gateway/upstreamHealth';
import { gatewayHosts, listenerFacts, reachProblems } from '../onboarding/listenerFacts';
import { onboardingSheet } from '../onboarding/sheet';
import type { AssociationsReport } from './associationReport';
import { EventStream } from './eventStream';
import { ALWAYS_HEADERS } from './httpServer';
import type { LiveView } from './liveView';
import type {
  CertificatesReport,
  ModalitiesReport,
  Overview,
  PendingReport,
  SheetReport,
} from './pageReport';
import type { PageView } from './pageView';
import type { PendingCallers } from './pendingCallers';

/** A page of modalities, of open associations, and of pending callers. */
const MAX_LISTED = 1000;

const range = z.strictObject({
  offset: z.coerce.number().int().min(0).default(0),
  limit: z.coerce.number().int().min(1).max(MAX_LISTED).default(MAX_LISTED),
});

const RANGE_ACCEPTED = `the parameters are offset, and limit (1 to ${MAX_LISTED})`;

export interface ViewSources {
  readonly view: PageView;
  readonly live: LiveView;
  readonly pending: PendingCallers;
  readonly maxStreams: number;
  configuration(): Configuration;
  servers(): Promise<readonly ServerHealth[]>;
  progress(wanted?: string): Promise<readonly AssociationProgress[]>;
}

/** Returns what is to be closed with the server. */
export function addViewRoutes(server: FastifyInstance, sources: ViewSources): EventStream {
  const { view, live, pending, maxStreams } = sources;
  const overview = async (): Promise<Overview> => {
    const [upstreams, progress] = await Promise.all([sources.servers(), sources.progress()]);
    return view.overview({ upstreams, associations: live.associations.open(progress) });
  };
  const state = async () => JSON.stringify(await overview());
  const stream = new EventStream({ name: 'overview', state, maxReaders: maxStreams });

  server.get('/api/v1/overview', overview);
  // A HEAD would wait for ever.
  server.get('/api/v1/events', { exposeHeadRoute: false }, (_request, reply) => {
    reply.hijack();
    stream.add(reply.raw, ALWAYS_HEADERS);
  });
  server.get('/api/v1/history', async () => view.history.report);
  server.get('/api/v1/configuration', async () => view.configuration);
  server.get(
    '/api/v1/certificates',
    async (): Promise<CertificatesReport> => ({
      certificates: view.certificates,
    }),
  );
  server.get('/api/v1/associations', async (): Promise<AssociationsReport> => {
    const open = live.associations.open(await sources.progress()).reverse();
    return { total: open.length, open: open.slice(0, MAX_LISTED), ended: live.associations.ended };
  });
  server.get<{ Params: { id: string } }>('/api/v1/associations/:id', async ({ params: { id } }, reply) => {
    const progress = (await sources.progress(id)).find(({ connectionId }) => connectionId === id);
    const detail = live.associations.detail(id, progress);
    return detail ?? reply.code(404).send({ error: 'it is not open, and not among the last that ended' });
  });
  server.get('/api/v1/pending', async ({ query }, reply) => {
    const { success, data } = range.safeParse(query);
    if (!success) return reply.code(400).send({ error: RANGE_ACCEPTED });
    const callers = view.callers(pending.list.slice(data.offset, data.offset + data.limit));
    return { total: pending.size, callers } satisfies PendingReport;
  });
  server.get<{ Params: { id: string } }>('/api/v1/pending/:id', async ({ params: { id } }, reply) => {
    const caller = pending.find(id);
    return caller === undefined
      ? reply.code(404).send({ error: 'there is no such pending caller' })
      : view.callers([caller])[0];
  });
  addModalityRoutes(server, sources);
  return stream;
}

function addModalityRoutes(
  server: FastifyInstance,
  { view, live, configuration, progress }: ViewSources,
): void {
  server.get('/api/v1/modalities', async ({ query }, reply) => {
    const { success, data } = range.safeParse(query);
    if (!success) return reply.code(400).send({ error: RANGE_ACCEPTED });
    const all = view.modalities.summaries(view.news);
    const modalities = all.slice(data.offset, data.offset + data.limit);
    return { total: all.length, modalities } satisfies ModalitiesReport;
  });
  server.get<{ Params: { name: string } }>(
    '/api/v1/modalities/:name',
    async ({ params: { name } }, reply) => {
      const open = live.associations.open(await progress()).filter(({ modality }) => modality === name);
      const detail = view.modalities.detail(name, view.news, open.slice(-MAX_LISTED).reverse());
      return detail ?? reply.code(404).send({ error: NO_SUCH_MODALITY });
    },
  );
  server.get<{ Params: { name: string } }>(
    '/api/v1/modalities/:name/sheet',
    async ({ params: { name } }, reply) =>
      sheetOf(name, configuration()) ?? reply.code(404).send({ error: NO_SUCH_MODALITY }),
  );
}

const NO_SUCH_MODALITY = 'there is no such modality; a new entry counts after a reload';

/** Without the files of a CA, which may be on another machine. */
function sheetOf(name: string, configuration: Configuration): SheetReport | undefined {
  const entry = Object.hasOwn(configuration.modalities, name) ? configuration.modalities[name] : undefined;
  if (entry === undefined) return undefined;
  const { listeners, problems } = listenerFacts(configuration, entry);
  const hosts = gatewayHosts(listeners, entry);
  const subject = { name, configuration, listeners, hosts, deviceFiles: undefined, date: new Date() };
  return {
    sheet: onboardingSheet(subject),
    warnings: [...problems, ...reachProblems(listeners, hosts, entry)],
  };
}
