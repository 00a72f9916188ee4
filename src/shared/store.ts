/**
 * The connection to Redis or Valkey: one, made again after it is lost, and nothing waits long for it. What has no answer in
 * time ends the connection, so that a slow server costs its time once and not for each association. What is asked is not
 * known here. The library is loaded with this file, which is loaded only where `shared` is configured.
 */
import type { Socket } from 'node:net';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { AbstractConnector, Redis } from 'ioredis';
import type { SharedConfiguration } from '../config/schemaShared';
import { redisPassword, redisServer } from '../config/sharedRedis';
import { dialTcp, dialTls } from '../net/dial';
import { loadClientTlsContext, withoutAlpn } from '../net/tlsContext';
import { escapeUnsafe } from '../text/quote';
import { SCRIPTS, type ScriptName } from './scripts';

/** An association waits for its answer, and a modality for the association. */
export const MAX_ANSWER_MS = 50;
/** Nobody waits for these: the lease is renewed, records are exchanged. A server that saves its memory may be so slow. */
export const MAX_BACKGROUND_MS = 1000;
/** To dial, with TLS, and to be let in. */
export const CONNECT_MS = 3000;
/** A server that is down is asked at these distances: soon at first, because it may only have restarted. */
const MIN_RETRY_MS = 250;
const MAX_RETRY_MS = 5000;
/** Was it up for so long, it is asked soon again. */
const STEADY_MS = 10_000;
/** An answer has at most 100 records of 16 KB for each kind. A server that sends more than this is not ours. */
const MAX_REPLY_BYTES = 16 * 1024 * 1024;
/** In the log. */
const MAX_FAULT_LENGTH = 200;

/** The server does not answer: it is away, or was given up. */
class Away extends Error {
  override readonly name = 'Away';
}

/** What the rest of this folder needs of the server. */
export interface Store {
  /** Rejects with Away, at the latest after `withinMs`. */
  run(script: ScriptName, parameters: readonly (string | number)[], withinMs: number): Promise<unknown>;
  /** Ends the connection, for a new one: what it answers makes no sense. */
  giveUp(detail: string): void;
}

interface StoreEvents {
  /** The server has let us in. It is not up before this has resolved; where it rejects, the connection ends. */
  opened(): Promise<void>;
  /** With the first connection, and after each loss. */
  up(): void;
  /** Of each connection, also of one that had let us in and ends before it was up. */
  lost(): void;
  /** Why, in words. Once for each loss, and at the start where the server cannot be reached. */
  down(detail: string): void;
}

export class RedisStore implements Store {
  readonly #configuration: SharedConfiguration;
  readonly #events: StoreEvents;
  readonly #key: string;
  #redis: Redis | undefined;
  #isUp = false;
  #isClosed = false;
  #saidDown = false;
  #upSinceMs = 0;
  #retryMs = MIN_RETRY_MS;
  #retryTimer: NodeJS.Timeout | undefined;
  readonly #givenUp = new Set<(away: Away) => void>();
  #unansweredBytes = 0;

  constructor(configuration: SharedConfiguration, events: StoreEvents) {
    this.#configuration = configuration;
    this.#events = events;
    this.#key = `{aegis:${configuration.site}}:gateways`;
  }

  get isUp(): boolean {
    return this.#isUp;
  }

  /** Resolves when the server is up or has failed once; goes on trying. */
  start(): Promise<void> {
    return this.#connect();
  }

  /** Its scripts are not loaded into a server that has them. */
  run(script: ScriptName, parameters: readonly (string | number)[], withinMs: number): Promise<unknown> {
    const redis = this.#redis;
    if (redis === undefined) return Promise.reject(new Away('it is not connected'));
    const command = (redis as unknown as Record<ScriptName, Command>)[script];
    return this.#within(withinMs, command.call(redis, this.#key, ...parameters), redis);
  }

  giveUp(detail: string): void {
    if (this.#redis !== undefined) this.#lose(detail);
  }

  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#retryTimer);
    this.#drop('the gateway stops');
  }

  async #connect(): Promise<void> {
    try {
      const redis = this.#client();
      this.#redis = redis;
      await redis.connect();
      await this.#letIn(redis);
      await this.#events.opened();
      if (this.#redis !== redis) throw new Error('it closed the connection');
      this.#isUp = true;
      this.#saidDown = false;
      this.#upSinceMs = performance.now();
      this.#events.up();
    } catch (error) {
      this.#lose(faultOf(error));
    }
  }

  #client(): Redis {
    const { redis: options } = this.#configuration;
    const redis: Redis = new Redis({
      lazyConnect: true,
      // Redis 5 knows no other.
      protocol: 2,
      disableClientInfo: true,
      enableReadyCheck: false,
      enableOfflineQueue: false,
      autoResendUnfulfilledCommands: false,
      maxRetriesPerRequest: 0,
      retryStrategy: () => null,
      scripts: Object.fromEntries(
        Object.entries(SCRIPTS).map(([name, lua]) => [name, { lua, numberOfKeys: 1 }]),
      ),
      Connector: connectorTo(options, (bytes) => this.#received(bytes, redis)),
    });
    // Its own reasons come with the promise of `connect`, or of a command.
    redis.on('error', () => {});
    redis.on('end', () => {
      if (this.#redis === redis) this.#lose('it closed the connection');
    });
    return redis;
  }

  /** Not left to the library, so that a refusal is an error here. */
  async #letIn(redis: Redis): Promise<void> {
    const { redis: options } = this.#configuration;
    const { database } = redisServer(options);
    const password = redisPassword(options);
    const user = options.user === undefined ? [] : [options.user];
    if (password !== undefined) {
      await this.#within(CONNECT_MS, redis.call('AUTH', ...user, password), redis).catch(withoutText);
    }
    if (database !== 0) await this.#within(CONNECT_MS, redis.call('SELECT', database), redis);
  }

  /**
   * Timers come before sockets in a turn of the event loop: where this process was busy, the answer may be there already.
   */
  async #within<T>(withinMs: number, answer: Promise<T>, redis: Redis): Promise<T> {
    return await new Promise<T>((resolve, reject) => {
      const timer = setTimeout(async () => {
        await nextTurn();
        if (this.#givenUp.has(giveUp) && this.#redis === redis) this.#lose(`no answer within ${withinMs} ms`);
      }, withinMs);
      const settled = () => {
        clearTimeout(timer);
        this.#givenUp.delete(giveUp);
      };
      const giveUp = (away: Away) => {
        settled();
        reject(away);
      };
      this.#givenUp.add(giveUp);
      answer.then(
        (value) => {
          settled();
          this.#unansweredBytes = 0;
          resolve(value);
        },
        (error: unknown) => {
          settled();
          reject(error);
          // An error of the server itself: a right that is missing, a memory that is full, a server that only reads.
          if (this.#isUp && this.#redis === redis) this.#lose(faultOf(error));
        },
      );
    });
  }

  #received(bytes: number, redis: Redis): void {
    this.#unansweredBytes += bytes;
    if (this.#unansweredBytes > MAX_REPLY_BYTES && this.#redis === redis)
      this.#lose('its answer is too long');
  }

  #lose(detail: string): void {
    const wasUp = this.#isUp;
    this.#drop(detail);
    if (this.#isClosed) return;
    if (wasUp && performance.now() - this.#upSinceMs > STEADY_MS) this.#retryMs = MIN_RETRY_MS;
    this.#events.lost();
    if (!this.#saidDown) this.#events.down(detail);
    this.#saidDown = true;
    clearTimeout(this.#retryTimer);
    this.#retryTimer = setTimeout(() => void this.#connect(), this.#retryMs).unref();
    this.#retryMs = Math.min(this.#retryMs * 2, MAX_RETRY_MS);
  }

  #drop(detail: string): void {
    const redis = this.#redis;
    this.#redis = undefined;
    this.#isUp = false;
    this.#unansweredBytes = 0;
    redis?.disconnect();
    for (const giveUp of this.#givenUp) giveUp(new Away(detail));
  }
}

/** Why the server cannot be used, or undefined; for `aegis check`. Changes nothing there. */
export async function redisFault(configuration: SharedConfiguration): Promise<string | undefined> {
  let fault: string | undefined;
  const store = new RedisStore(configuration, {
    opened: async () => void (await store.run('leave', ['check'], CONNECT_MS)),
    up: () => {},
    lost: () => {},
    down: (detail) => {
      fault = detail;
    },
  });
  await store.start();
  store.close();
  return fault;
}

type Command = (key: string, ...parameters: readonly (string | number)[]) => Promise<unknown>;

/** The way there is the one of all that the gateway dials: the same checks of certificates, the same words. */
function connectorTo(options: SharedConfiguration['redis'], received: (bytes: number) => void) {
  return class extends AbstractConnector {
    #socket: Socket | undefined;
    #isOver = false;

    constructor() {
      super(0);
    }

    override async connect(): Promise<Socket> {
      const { host, port } = redisServer(options);
      const { tls } = options;
      const timeoutMs = CONNECT_MS;
      const socket =
        tls === undefined
          ? await dialTcp(host, port, { timeoutMs })
          : (await dialTls(host, port, { timeoutMs, tls: withoutAlpn(loadClientTlsContext(tls)) })).socket;
      if (this.#isOver) {
        socket.destroy();
        throw new Error('it is not wanted any more');
      }
      socket.on('data', (chunk: Buffer) => received(chunk.length));
      socket.pause();
      this.#socket = socket;
      return socket;
    }

    /** At once: what is still on the way is of no use. */
    override disconnect(): void {
      this.#isOver = true;
      this.#socket?.destroy();
    }
  };
}

/** A server that does not know AUTH sends its arguments back: of its answer, only the code is for the log. */
function withoutText(error: Error): never {
  if (error.name !== 'ReplyError') throw error;
  const [code = 'ERR'] = /^[A-Z]{1,20}(?= )/.exec(error.message) ?? [];
  throw new Error(`${code}: it refuses the user or the password`);
}

/** The library's errors carry the command, and so the password: only the message is used. */
function faultOf(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return escapeUnsafe(message.replace(/\s+/g, ' ')).slice(0, MAX_FAULT_LENGTH);
}
