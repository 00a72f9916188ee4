/**
 * What the page at `/` asks of a real gateway process, over two workers: what it reports of live traffic, what survives a
 * restart, server-sent events, and that a pending caller is approved with the token alone.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { type IncomingMessage, request } from 'node:http';
import { beforeAll, describe, expect, it } from '@jest/globals';
import type { AssociationDetail, AssociationsReport } from '../../src/admin/associationReport';
import type {
  ApproveReport,
  ApproveRequest,
  ConfigurationReport,
  ExplainReport,
  HistoryReport,
  ModalitiesReport,
  ModalityDetail,
  Overview,
  PendingDetail,
  PendingReport,
  SheetReport,
} from '../../src/admin/pageReport';
import { askAdmin } from '../support/adminHttp';
import { onCleanUp } from '../support/cleanUp';
import { proposedContext } from '../support/dicomBytes';
import type { ConfigurationInput } from '../support/gateway';
import { GatewayProcess } from '../support/gatewayProcess';
import { temporaryFolder } from '../support/processes';
import { RawScu } from '../support/rawScu';
import { SpyUpstream } from '../support/spyUpstream';
import { SopClass } from '../support/uids';
import { waitFor } from '../support/waiting';

const TOKEN = '0123456789abcdef';
const authorization = `Bearer ${TOKEN}`;
const contexts = [proposedContext(1, SopClass.Verification), proposedContext(3, SopClass.CTImageStorage)];

let spy: SpyUpstream;
beforeAll(async () => {
  spy = await SpyUpstream.start();
});

async function start(changes: Partial<ConfigurationInput> = {}): Promise<GatewayProcess> {
  const gateway = await GatewayProcess.start({
    listeners: [{ name: 'plain', host: '127.0.0.1', port: 0 }],
    upstreams: { ARCHIVE: { servers: [`127.0.0.1:${spy.port}`] } },
    modalities: { ct1: { callingAeTitle: 'CT1', from: '127.0.0.1', listeners: ['plain'], allow: 'echo' } },
    unknownAddresses: 'reject',
    workers: 2,
    admin: { port: 0, token: TOKEN },
    timeouts: { closeSeconds: 0.5 },
    ...changes,
  });
  await gateway.process.waitForOutput(/\(admin HTTP\)\n/);
  return gateway;
}

async function call(gateway: GatewayProcess, calling: string): Promise<RawScu> {
  const scu = await RawScu.connect({ port: gateway.port('plain') });
  await scu.associate({ calling, called: 'ARCHIVE', contexts });
  return scu;
}

async function get<Report>(gateway: GatewayProcess, path: string): Promise<Report> {
  const { status, body } = await askAdmin(gateway, `/api/v1/${path}`);
  expect({ path, status, body }).toMatchObject({ path, status: 200 });
  return JSON.parse(body) as Report;
}

function approve(gateway: GatewayProcess, id: string, asked: object | string, headers = {}) {
  return askAdmin(gateway, `/api/v1/pending/${id}/approve`, {
    method: 'POST',
    headers: { authorization, 'content-type': 'application/json', ...headers },
    body: typeof asked === 'string' ? asked : JSON.stringify(asked),
  });
}

describe('the page', () => {
  it('shows a caller that was refused, approves it, and shows what it does then', async () => {
    const stateDirectory = temporaryFolder();
    const gateway = await start({ stateDirectory });
    const before = readFileSync(gateway.configurationFile, 'utf8');
    await call(gateway, 'CT9');
    await gateway.event('association.rejected');

    const refused = await get<Overview>(gateway, 'overview');
    expect(refused.sentence).toEqual({
      text: 'Enforcing; the modality is well',
      tone: 'attention',
      details: ['1 caller without an entry was refused.'],
    });
    expect(refused.upstreams).toEqual([
      {
        upstream: 'ARCHIVE',
        server: `127.0.0.1:${spy.port}`,
        isTls: false,
        isUp: true,
        since: expect.any(String),
      },
    ]);
    const [caller] = refused.pending.callers;
    expect(caller).toMatchObject({
      callingAeTitle: 'CT9',
      canBeApproved: true,
      suggestedName: 'ct9',
      proposedPermissions: ['echo', 'store'],
      explain: `pending=${caller?.id}`,
    });
    const [denial] = refused.denials;
    expect(denial).toMatchObject({ reason: 'calling-ae-title-unknown', pendingId: caller?.id });
    expect(denial?.remedy).not.toBe('');
    const id = caller!.id;
    expect(await get<PendingDetail>(gateway, `pending/${id}`)).toEqual(caller);
    expect(await get<PendingReport>(gateway, 'pending')).toEqual({ callers: [caller], total: 1 });
    expect(await get<ExplainReport>(gateway, `explain?${denial?.explain}`)).toMatchObject({
      allowed: false,
      reason: 'calling-ae-title-unknown',
      listener: 'plain',
    });

    // A page of another origin can send neither the token nor JSON without asking first.
    const wanted: ApproveRequest = { allow: ['echo'] };
    expect(await approve(gateway, id, wanted, { authorization: '' })).toMatchObject({ status: 401 });
    expect(await approve(gateway, id, wanted, { 'content-type': 'text/plain' })).toMatchObject({
      status: 400,
    });
    expect(await approve(gateway, id, { allow: [] })).toMatchObject({ status: 400 });
    expect(await approve(gateway, id, { allow: ['everything'] })).toMatchObject({ status: 400 });
    expect(await approve(gateway, '0123456789ab', wanted)).toMatchObject({ status: 404 });
    const dry = await approve(gateway, id, { ...wanted, dryRun: true });
    expect(dry.status).toBe(200);
    expect(JSON.parse(dry.body)).toMatchObject({
      name: 'ct9',
      file: gateway.configurationFile,
      isWritten: false,
      diff: expect.stringContaining('CT9'),
    });
    expect(readFileSync(gateway.configurationFile, 'utf8')).toBe(before);

    const { status, body } = await approve(gateway, id, { ...wanted, by: 'Ada' });
    expect(status).toBe(200);
    const approved = JSON.parse(body) as ApproveReport;
    expect(approved).toMatchObject({ name: 'ct9', isWritten: true, reload: { isReloaded: true } });
    expect(approved.notes.join()).toContain('comes without TLS');
    expect(await gateway.event('configuration.reloaded')).toMatchObject({
      requestedBy: { by: 'admin', token: 'admin.token', command: 'modality approve', systemUser: 'Ada' },
      changes: ['modality "ct9" added: CT9 from 127.0.0.1, allow echo'],
    });
    expect((await get<Overview>(gateway, 'overview')).pending).toEqual({ total: 0, callers: [] });

    const scu = await call(gateway, 'CT9');
    const accepted = await gateway.event('association.accepted');
    expect(await scu.echo(1)).toBe(0);
    await gateway.event('command.completed');
    const path = `associations/${String(accepted.connectionId)}`;
    expect(await get<AssociationDetail>(gateway, path)).toMatchObject({
      modality: 'ct9',
      isOpen: true,
      commands: 1,
      acceptedContexts: [{ id: 1, sopClass: 'Verification', transferSyntax: 'ExplicitVRLittleEndian' }],
      refusedContexts: [
        { sopClass: 'CTImageStorage', result: 'user rejection', reason: 'command-not-allowed' },
      ],
      lastCommands: [{ command: 'C-ECHO', sopClass: 'Verification', outcome: 'allowed', status: '0x0000' }],
    });
    const { total, modalities } = await get<ModalitiesReport>(gateway, 'modalities');
    expect(total).toBe(2);
    expect(modalities.map(({ name, health, open }) => [name, health, open])).toEqual([
      ['ct1', 'ok', 0],
      ['ct9', 'ok', 1],
    ]);
    expect(await get<ExplainReport>(gateway, 'explain?modality=ct9&command=c-echo')).toMatchObject({
      allowed: true,
      modality: 'ct9',
    });
    await scu.release();
    await gateway.event('association.released');
    expect(await get<AssociationDetail>(gateway, path)).toMatchObject({
      isOpen: false,
      end: 'association.released',
      acceptedContexts: [],
    });
    expect(await get<AssociationsReport>(gateway, 'associations')).toMatchObject({
      total: 0,
      ended: [{ modality: 'ct9' }],
    });
    const detail = await get<ModalityDetail>(gateway, 'modalities/ct9');
    expect(detail).toMatchObject({
      permissions: [expect.stringContaining('C-ECHO')],
      lastAddress: '127.0.0.1',
      commands: { 'C-ECHO': 1 },
      counts: { associations: 1, commands: 1, bytes: 0, refusals: 0 },
      recent: [{ event: 'association.released' }],
    });
    expect((await get<SheetReport>(gateway, 'modalities/ct9/sheet')).sheet.title).toContain('ct9');
    expect(await askAdmin(gateway, '/api/v1/modalities/toString')).toMatchObject({ status: 404 });
    expect(await askAdmin(gateway, '/api/v1/associations/none')).toMatchObject({ status: 404 });

    const { body: shown } = await askAdmin(gateway, '/api/v1/configuration');
    expect(shown).not.toContain(TOKEN);
    const configuration = JSON.parse(shown) as ConfigurationReport;
    expect(configuration).toMatchObject({
      file: gateway.configurationFile,
      sha256: approved.reload?.sha256,
      configuration: { admin: { token: '(secret)' } },
      history: [{ isOk: true, requestedBy: { systemUser: 'Ada' } }],
    });

    await gateway.process.stop();
    const second = await start({ stateDirectory });
    const history = await get<HistoryReport>(second, 'history');
    expect(sumOf(history.associations)).toBe(1);
    expect(sumOf(history.refusals)).toBe(1);
    expect((await get<ConfigurationReport>(second, 'configuration')).history).toEqual(configuration.history);
  });

  it('does not approve where the file has changes that the gateway does not run', async () => {
    const gateway = await start();
    await call(gateway, 'CT9');
    await gateway.event('association.rejected');
    const [caller] = (await get<Overview>(gateway, 'overview')).pending.callers;
    const edited = `${readFileSync(gateway.configurationFile, 'utf8')}// not reloaded yet\n`;
    writeFileSync(gateway.configurationFile, edited);
    const { status, body } = await approve(gateway, caller!.id, { allow: ['echo'] });
    expect(status).toBe(409);
    expect(body).toContain('has changes that the gateway does not run yet');
    expect(readFileSync(gateway.configurationFile, 'utf8')).toBe(edited);
  });

  it('says what is wrong with a question', async () => {
    const gateway = await start({ workers: 1 });
    const refusals = [
      ['explain?calling=CT1&called=ARCHIVE', 400, 'the parameters are calling'],
      ['explain?calling=CT1&called=ARCHIVE&from=nowhere', 400, 'from \\"nowhere\\" is not an IP address'],
      ['explain?calling=CT1&called=ARCHIVE&from=127.0.0.1&command=store', 400, 'did you mean c-store?'],
      ['explain?pending=0123456789ab', 404, 'there is no such pending caller'],
      ['explain?modality=ct1', 404, 'has not been let in'],
      ['explain?certificate=/etc/passwd', 400, 'the parameters are calling'],
      ['modalities?limit=1001', 400, 'limit (1 to 1000)'],
    ] as const;
    for (const [path, status, words] of refusals) {
      const answer = await askAdmin(gateway, `/api/v1/${path}`);
      expect(answer).toMatchObject({ status, body: expect.stringContaining(words) });
    }
  });
});

describe('GET /api/v1/events', () => {
  it('sends the newest overview to a reader, and ends the oldest of more than eight', async () => {
    const gateway = await start();
    const first = await Reader.open(gateway);
    expect((await first.overview(() => true)).pending.total).toBe(0);
    await call(gateway, 'CT9');
    await first.overview(({ pending, denials }) => pending.total === 1 && denials.length === 1);
    const others: Reader[] = [];
    for (let count = 0; count < 8; count += 1) others.push(await Reader.open(gateway));
    await waitFor('the end of the oldest stream', () => first.isOver);
    expect(others.map(({ isOver }) => isOver)).not.toContain(true);
    expect(await askAdmin(gateway, '/healthz')).toMatchObject({ status: 200 });
    await gateway.process.stop();
    await waitFor('the end of all streams', () => others.every(({ isOver }) => isOver));
  });

  it('needs the token beyond loopback, and a name that is an address', async () => {
    const gateway = await start({ admin: { host: '0.0.0.0', port: 0, token: TOKEN } });
    expect(await askAdmin(gateway, '/api/v1/events')).toMatchObject({ status: 401 });
    const local = await start();
    const headers = { host: 'evil.example' };
    expect(await askAdmin(local, '/api/v1/events', { headers })).toMatchObject({ status: 403 });
  });
});

function sumOf(numbers: readonly number[]): number {
  return numbers.reduce((sum, number) => sum + number, 0);
}

/** Reads server-sent events as a page does. */
class Reader {
  isOver = false;
  #text = '';

  static async open(gateway: GatewayProcess): Promise<Reader> {
    const reader = new Reader();
    const port = gateway.port('admin HTTP');
    const asked = request({ host: '127.0.0.1', port, path: '/api/v1/events', agent: false });
    onCleanUp(() => void asked.destroy());
    const answered = new Promise<IncomingMessage>((resolve, reject) => {
      asked.once('response', resolve).on('error', reject);
    });
    asked.end();
    const answer = await answered;
    expect(answer.headers).toMatchObject({
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
    });
    answer.setEncoding('utf8').on('data', (chunk: string) => {
      reader.#text += chunk;
    });
    answer.on('close', () => {
      reader.isOver = true;
    });
    answer.on('error', () => {});
    return reader;
  }

  overview(isWanted: (overview: Overview) => boolean): Promise<Overview> {
    return waitFor('an overview', () => {
      const [newest] = this.#text.split('\n\n').slice(-2);
      const data = /^event: overview\ndata: (.*)$/s.exec(newest ?? '')?.[1];
      if (data === undefined) return undefined;
      const overview = JSON.parse(data) as Overview;
      return isWanted(overview) ? overview : undefined;
    });
  }
}
