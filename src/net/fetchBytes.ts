/**
 * Gets what is at a URL, over HTTP: never more than a bound, never longer than a deadline, and from the host that was
 * named. Trusts nothing of what comes; its receiver checks it.
 */
import { ExitCode, OperatorError } from '../errors';

/** From the first packet to the last byte, all redirects included: a long list over a slow line. */
const FETCH_TIMEOUT_MS = 30_000;
/** The lists of large authorities have some tens of megabytes. A longer answer is refused, and not held in memory. */
const MAX_BODY_BYTES = 64 * 1024 * 1024;
/** From http to https, and to the place where a server really has it. More are a circle. */
const MAX_REDIRECTS = 3;

const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);

/** Rejects with OperatorError: why not, in words that follow the URL. */
export async function fetchBytes(url: string, cancelled?: AbortSignal): Promise<Buffer> {
  const signals = [AbortSignal.timeout(FETCH_TIMEOUT_MS), ...(cancelled === undefined ? [] : [cancelled])];
  const signal = AbortSignal.any(signals);
  try {
    return await bodyOf(await follow(new URL(url), signal));
  } catch (error) {
    if (error instanceof OperatorError) throw error;
    throw failure(describeFailure(error as Error));
  }
}

async function follow(first: URL, signal: AbortSignal): Promise<Response> {
  let url = first;
  for (let redirects = 0; redirects <= MAX_REDIRECTS; redirects += 1) {
    const response = await fetch(url.href, {
      redirect: 'manual',
      headers: { accept: 'application/pkix-crl, */*', 'accept-encoding': 'identity' },
      signal,
    });
    const { status, headers } = response;
    if (status === 200) return response;
    await response.body?.cancel();
    const place = REDIRECTS.has(status) ? headers.get('location') : null;
    if (place === null) throw failure(`answered with HTTP ${status}`);
    url = redirected(url, place);
  }
  throw failure(`redirected more than ${MAX_REDIRECTS} times`);
}

/** To the same host alone: a server that is not ours to trust must not choose what this machine asks. */
function redirected(from: URL, place: string): URL {
  const to = URL.canParse(place, from.href) ? new URL(place, from.href) : undefined;
  const isPlain = to?.protocol === 'http:' || to?.protocol === 'https:';
  if (to === undefined || !isPlain || to.username !== '' || to.hostname !== from.hostname) {
    throw failure('redirects to another host, which is not followed; name that address instead');
  }
  return to;
}

async function bodyOf({ body }: Response): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of (body ?? []) as AsyncIterable<Uint8Array>) {
    length += chunk.length;
    if (length > MAX_BODY_BYTES) throw failure(`sent more than ${MAX_BODY_BYTES / 1024 / 1024} MiB`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function failure(words: string): OperatorError {
  return new OperatorError(words, ExitCode.Failed);
}

/** Codes of errors in words that follow the name of the server. */
export const NETWORK_FAILURES: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'refused the connection (ECONNREFUSED)',
  ENOTFOUND: 'has a host name that cannot be resolved (ENOTFOUND)',
  EAI_AGAIN: 'has a host name that cannot be resolved at the moment (EAI_AGAIN)',
  ECONNRESET: 'closed the connection (ECONNRESET)',
  UND_ERR_SOCKET: 'closed the connection',
  EPROTO: 'does not speak TLS there (EPROTO)',
};

/** fetch says "fetch failed" and hides why in the cause. */
function describeFailure({ name, message, cause }: Error): string {
  if (name === 'TimeoutError') return 'gave no whole answer in time';
  const { code, message: why } = (cause ?? {}) as NodeJS.ErrnoException;
  return NETWORK_FAILURES[code ?? ''] ?? `cannot be fetched: ${code ?? why ?? message}`;
}
