/**
 * Asks the admin HTTP of a running gateway. Address and token come from the configuration, or from a URL and the
 * environment. Turns what goes wrong into words; shows nothing.
 */
import * as z from 'zod';
import type { ReloadRequester } from '../audit/events';
import { isBearerToken, readTokenToShow } from '../config/bearerToken';
import { readConfiguration } from '../config/load';
import type { Configuration } from '../config/schema';
import { ExitCode, OperatorError } from '../errors';
import { type InventoryReport, inventoryReport } from '../inventory/report';
import { dialledHost, formatHostAndPort } from '../text/hostAndPort';
import { ConfigurationError } from '../text/problems';
import { escapeUnsafe } from '../text/quote';
import type { CaptureRequest } from './captureRoutes';
import type { PeerError } from './lastErrors';
import type { LockReport, LockRequest } from './lockRoutes';
import { type PendingCaller, pendingCallerSchema } from './pendingCaller';
import { requesterHeaders } from './reloadRequester';
import type { ReloadReport, StatusReport } from './statusReport';

/** Longer than the wait for the health of upstreams, which is 5 s at most. */
const ANSWER_TIMEOUT_MS = 10_000;
/** The variable that sets admin.token. With --url it is read without the configuration. */
const TOKEN_VARIABLE = 'AEGIS__ADMIN__TOKEN';

/** The status of an answer without a body. */
const NO_CONTENT = 204;

const pendingSchema = z.object({ total: z.number().optional(), callers: z.array(pendingCallerSchema) });

export interface AdminTarget {
  /** Without a path. */
  readonly url: string;
  readonly token: string | undefined;
}

/** The gateway does not answer: it does not run, or another program has its port. */
export class UnreachableError extends OperatorError {
  constructor(message: string) {
    super(message, ExitCode.Failed);
  }
}

/** Where the gateway of this configuration answers; undefined where it has no admin HTTP. Throws OperatorError. */
export function adminTargetOf(configurationFile: string): AdminTarget | undefined {
  const { admin } = readableConfiguration(configurationFile);
  return admin && adminTarget(admin);
}

/** Also one with problems: it may be half edited. Throws ConfigurationError where it cannot be understood at all. */
export function readableConfiguration(file: string): Configuration {
  const { configuration, problems } = readConfiguration(file);
  if (configuration === undefined) throw new ConfigurationError(problems);
  return configuration;
}

/** Throws OperatorError where it cannot be known. */
export function adminTarget({
  host,
  port,
  token,
  tokenFile,
}: NonNullable<Configuration['admin']>): AdminTarget {
  if (port === 0) {
    throw new OperatorError(
      'admin.port is 0, which is any free port; name the port that the gateway printed at its start with --url',
    );
  }
  return {
    url: `http://${formatHostAndPort({ host: dialledHost(host), port })}`,
    token: token ?? (tokenFile === undefined ? undefined : readTokenToShow(tokenFile)),
  };
}

/** The token comes from the environment: an argument could be read by every user of the machine. Throws OperatorError. */
export function adminTargetAt(url: string, environment: NodeJS.ProcessEnv = process.env): AdminTarget {
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  if (parsed === undefined || !['http:', 'https:'].includes(parsed.protocol) || parsed.username !== '') {
    throw new OperatorError(`--url ${escapeUnsafe(url)} is not an address such as http://127.0.0.1:9762`);
  }
  return { url: parsed.href.replace(/\/+$/, ''), token: environment[TOKEN_VARIABLE] };
}

/** What goes with a question. */
interface Asked {
  readonly body?: object;
  readonly headers?: Readonly<Record<string, string>>;
}

export class AdminClient {
  readonly #target: AdminTarget;

  constructor(target: AdminTarget) {
    if (target.token !== undefined && !isBearerToken(target.token)) {
      throw new OperatorError(
        `${TOKEN_VARIABLE} does not hold a token; set it to the token of the gateway, 16 characters or more`,
      );
    }
    this.#target = target;
  }

  get url(): string {
    return this.#target.url;
  }

  get hasToken(): boolean {
    return this.#target.token !== undefined;
  }

  /** Throws OperatorError where the process does not answer. */
  async health(): Promise<void> {
    await this.#text('/healthz');
  }

  async status(): Promise<StatusReport> {
    const report = (await this.#ask('GET', '/api/v1/status', [200])) as StatusReport;
    if (typeof report.isReady !== 'boolean') throw unexpectedAnswer(this.url);
    return report;
  }

  /** In the exposition format of Prometheus. */
  async metrics(): Promise<string> {
    return await this.#text('/metrics');
  }

  /** All of them: which one an ID means can only be said of the whole list. */
  async pending(): Promise<readonly PendingCaller[]> {
    const callerById = new Map<string, PendingCaller>();
    for (let offset = 0, total = 1; offset < total; ) {
      const answer = await this.#ask('GET', `/api/v1/pending?offset=${offset}`, [200]);
      const { success, data } = pendingSchema.safeParse(answer);
      if (!success) throw unexpectedAnswer(this.url);
      // Who calls meanwhile moves to the front, and others move into the next part.
      for (const caller of data.callers) callerById.set(caller.id, caller);
      if (data.callers.length === 0) break;
      offset += data.callers.length;
      total = data.total ?? 0;
    }
    return [...callerById.values()];
  }

  async inventory(): Promise<InventoryReport> {
    const { success, data } = inventoryReport.safeParse(await this.#ask('GET', '/api/v1/inventory', [200]));
    if (!success) throw unexpectedAnswer(this.url);
    return data;
  }

  /** A caller that is gone already is not an error. */
  async removePending(id: string): Promise<void> {
    await this.#ask('DELETE', `/api/v1/pending/${encodeURIComponent(id)}`, [NO_CONTENT, 404]);
  }

  /** Throws OperatorError where there is no such modality, or the gateway wants a token. */
  async lock(request: LockRequest): Promise<LockReport> {
    const report = (await this.#ask('POST', '/api/v1/locks', [200], { body: request })) as LockReport;
    if (typeof report.ended !== 'number') throw unexpectedAnswer(this.url);
    return report;
  }

  async unlock(modality: string, by: string): Promise<void> {
    const query = new URLSearchParams({ modality, by });
    await this.#ask('DELETE', `/api/v1/locks?${query}`, [NO_CONTENT]);
  }

  /** Throws OperatorError where the gateway wants a token. */
  async errors(): Promise<readonly PeerError[]> {
    const { errors } = (await this.#ask('GET', '/api/v1/errors', [200])) as { errors?: PeerError[] };
    if (!Array.isArray(errors)) throw unexpectedAnswer(this.url);
    return errors;
  }

  /** The file, as it comes. Throws OperatorError where there is no such modality, or another capture runs. */
  async capture(
    request: CaptureRequest,
    requester: ReloadRequester,
    signal: AbortSignal,
  ): Promise<AsyncIterable<Uint8Array>> {
    const asked = { body: request, headers: requesterHeaders(requester), signal };
    const response = await this.#fetch('POST', '/api/v1/captures', asked);
    if (response.status !== 200) throw refusalOf(this.url, response.status, await response.text());
    if (response.body === null) throw unexpectedAnswer(this.url);
    return response.body as ReadableStream<Uint8Array> & AsyncIterable<Uint8Array>;
  }

  /** Throws OperatorError where none runs. */
  async endCapture(): Promise<void> {
    await this.#ask('DELETE', '/api/v1/captures', [NO_CONTENT]);
  }

  /** `enforce`: end the associations that are no longer allowed; undefined: as the gateway was started. */
  async reload(requester: ReloadRequester, enforce?: boolean): Promise<ReloadReport> {
    const query = enforce === undefined ? '' : `?enforce=${enforce}`;
    const headers = requesterHeaders(requester);
    const report = (await this.#ask('POST', `/api/v1/reload${query}`, [200, 422], {
      headers,
    })) as ReloadReport;
    if (typeof report.isReloaded !== 'boolean') throw unexpectedAnswer(this.url);
    return report;
  }

  /** Throws UnreachableError, or OperatorError where the answer is none of `expected`. */
  async #ask(method: string, path: string, expected: readonly number[], asked: Asked = {}): Promise<unknown> {
    const { url } = this.#target;
    const signal = AbortSignal.timeout(ANSWER_TIMEOUT_MS);
    const response = await this.#fetch(method, path, { ...asked, signal });
    const { status } = response;
    const text = await response.text().catch((error) => {
      throw unreachable(url, error);
    });
    if (!expected.includes(status)) throw refusalOf(url, status, text);
    return status === NO_CONTENT ? undefined : parseAnswer(url, text);
  }

  /** Of an answer that is not JSON. Throws UnreachableError, or OperatorError where the gateway refused. */
  async #text(path: string): Promise<string> {
    const signal = AbortSignal.timeout(ANSWER_TIMEOUT_MS);
    const response = await this.#fetch('GET', path, { signal });
    const text = await response.text().catch((error) => {
      throw unreachable(this.url, error);
    });
    if (response.status !== 200) throw refusalOf(this.url, response.status, text);
    return text;
  }

  /** Throws UnreachableError. */
  async #fetch(
    method: string,
    path: string,
    { body, headers = {}, signal }: Asked & { readonly signal: AbortSignal },
  ): Promise<Response> {
    const { url, token } = this.#target;
    try {
      return await fetch(url + path, {
        method,
        headers: {
          ...headers,
          ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        redirect: 'error',
        signal,
      });
    } catch (error) {
      throw unreachable(url, error);
    }
  }
}

function unreachable(url: string, error: unknown): UnreachableError {
  return new UnreachableError(`the gateway cannot be asked at ${url}: ${describeFailure(error)}`);
}

/** fetch says "fetch failed" and hides why in the cause. */
function describeFailure(error: unknown): string {
  const { name, message, cause } = error as Error & { cause?: NodeJS.ErrnoException };
  if (name === 'TimeoutError') return `no answer within ${ANSWER_TIMEOUT_MS / 1000} s`;
  if (cause?.code === 'ECONNREFUSED')
    return 'nothing listens there (ECONNREFUSED); does it run, with "admin"?';
  return cause?.code ?? cause?.message ?? message;
}

function refusalOf(url: string, status: number, text: string): OperatorError {
  if (status === 401) {
    return new OperatorError(
      `the gateway at ${url} wants a token, or another one: set ${TOKEN_VARIABLE} or admin.tokenFile to the token of the running gateway`,
      ExitCode.Failed,
    );
  }
  const { error } = parseAnswer(url, text) as { error?: unknown };
  const words = typeof error === 'string' ? escapeUnsafe(error.slice(0, 200)) : 'no reason given';
  return new OperatorError(`the gateway at ${url} refused (HTTP ${status}): ${words}`, ExitCode.Failed);
}

function parseAnswer(url: string, text: string): unknown {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null) return value;
  } catch {
    // Reported below.
  }
  throw unexpectedAnswer(url);
}

function unexpectedAnswer(url: string): UnreachableError {
  return new UnreachableError(`what answers at ${url} is not a gateway of this version`);
}
