/**
 * How the page asks the gateway: JSON, and the stream of what changes. Holds the token: in memory only, so that it is gone
 * with the tab. It is sent in a header, never in an address. Knows nothing of what is shown.
 */

/** An answer that is not what was asked for, in words for a person. */
export class AskFailure extends Error {
  override readonly name = 'AskFailure';
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }

  /** The token is missing or wrong. */
  get wantsToken(): boolean {
    return this.status === 401;
  }
}

export interface Asked {
  readonly method?: 'GET' | 'POST' | 'DELETE';
  readonly body?: object;
  readonly signal?: AbortSignal;
}

/** A frame of the stream is far smaller. What is longer does not come from a gateway. */
const MAX_FRAME_CHARACTERS = 8 * 1024 * 1024;
/** A frame comes every second. Where a machine or a network dies, nobody closes the connection. */
const MAX_SILENCE_MS = 15_000;
const NO_CONTENT = 204;

let token: string | undefined;

export function hasToken(): boolean {
  return token !== undefined;
}

/** An empty text forgets it. */
export function setToken(text: string): void {
  token = text.trim() === '' ? undefined : text.trim();
}

/** Throws AskFailure, also where nothing answers. */
export async function ask<Answer>(path: string, asked: Asked = {}): Promise<Answer> {
  const response = await send(path, asked);
  return (response.status === NO_CONTENT ? undefined : await response.json()) as Answer;
}

/** Each frame of the stream as it comes; ends when the gateway ends it. Throws AskFailure. */
export async function* frames<Frame>(path: string, signal: AbortSignal): AsyncGenerator<Frame> {
  const { body } = await send(path, { signal });
  if (body === null) return;
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let text = '';
  for (let chunk = await heard(reader); !chunk.done; chunk = await heard(reader)) {
    const parts = `${text}${chunk.value}`.split('\n\n');
    text = parts.pop() ?? '';
    if (text.length > MAX_FRAME_CHARACTERS)
      throw new AskFailure(0, 'the stream of the gateway has no end of line');
    // The newest counts: the others are what it was before.
    const newest = parts.map(dataOf).findLast((data) => data !== '');
    if (newest !== undefined) yield JSON.parse(newest) as Frame;
  }
}

/** Also gives the connection back where it throws: the gateway has few places for readers. */
async function heard(reader: ReadableStreamDefaultReader<string>) {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const silence = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => {
      reject(new AskFailure(0, 'The gateway says nothing any more.'));
      void reader.cancel();
    }, MAX_SILENCE_MS);
  });
  try {
    return await Promise.race([reader.read(), silence]);
  } finally {
    clearTimeout(timer);
  }
}

/** Comments keep the connection open and have no data. */
function dataOf(frame: string): string {
  return frame
    .split('\n')
    .filter((line) => line.startsWith('data:'))
    .map((line) => line.slice('data:'.length).trimStart())
    .join('\n');
}

async function send(path: string, { method = 'GET', body, signal }: Asked): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(path, {
      method,
      headers: {
        'aegis-command': 'page',
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      ...(signal === undefined ? {} : { signal }),
      cache: 'no-store',
      credentials: 'omit',
      redirect: 'error',
    });
  } catch (error) {
    if ((error as Error).name === 'AbortError') throw error;
    throw new AskFailure(0, 'The gateway does not answer.');
  }
  if (!response.ok) throw new AskFailure(response.status, await wordsOf(response));
  return response;
}

async function wordsOf(response: Response): Promise<string> {
  const answer = (await response.json().catch(() => undefined)) as { error?: unknown } | undefined;
  return typeof answer?.error === 'string' ? answer.error : `The gateway answered HTTP ${response.status}.`;
}
