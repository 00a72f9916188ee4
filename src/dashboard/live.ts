/**
 * What the page knows now: the first screen as the stream sends it, and answers that are asked for again when the
 * configuration changes. Draws nothing.
 */
import { useCallback, useEffect, useState } from 'preact/hooks';
import type { Overview } from '../admin/pageReport';
import { AskFailure, ask, frames, hasToken } from './asking';

/** The first wait; it doubles up to the last one. */
const MIN_RETRY_MS = 1000;
const MAX_RETRY_MS = 15_000;

export interface Live {
  /** Absent before the first answer. */
  readonly overview?: Overview;
  readonly isLive: boolean;
  /** Why it is not live. */
  readonly failure?: AskFailure;
}

/** Follows the stream while the tab is seen. `session` changes with the token: it then asks again. */
export function useLive(session: number): Live {
  const [live, setLive] = useState<Live>({ isLive: false });
  useEffect(() => {
    // What was shown with a token is not for everybody. A new token leaves the page, and its dialog, as they are.
    if (!hasToken()) setLive({ isLive: false });
    let stop = follow(setLive);
    const look = () => {
      stop();
      if (!document.hidden) stop = follow(setLive);
    };
    document.addEventListener('visibilitychange', look);
    return () => {
      document.removeEventListener('visibilitychange', look);
      stop();
    };
  }, [session]);
  return live;
}

/** Returns what ends it. */
function follow(set: (change: (before: Live) => Live) => void): () => void {
  const controller = new AbortController();
  const { signal } = controller;
  let retryMs = MIN_RETRY_MS;
  const run = async () => {
    while (!signal.aborted) {
      let failure: AskFailure | undefined;
      try {
        for await (const overview of frames<Overview>('/api/v1/events', signal)) {
          retryMs = MIN_RETRY_MS;
          set(() => ({ overview, isLive: true }));
        }
      } catch (error) {
        if (signal.aborted) return;
        failure = error instanceof AskFailure ? error : new AskFailure(0, 'The stream of the gateway broke.');
      }
      if (signal.aborted) return;
      set(({ overview }) => ({
        ...(overview === undefined ? {} : { overview }),
        ...(failure === undefined ? {} : { failure }),
        isLive: false,
      }));
      // Only another token changes that.
      if (failure?.wantsToken === true) return;
      await pause(retryMs, signal);
      retryMs = Math.min(retryMs * 2, MAX_RETRY_MS);
    }
  };
  void run();
  return () => controller.abort();
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal.addEventListener('abort', done);
  });
}

export interface Answered<Answer> {
  readonly answer?: Answer;
  readonly failure?: AskFailure;
  readonly again: () => void;
}

/**
 * The answer of a path; undefined asks nothing. It is asked for again with each change of `version`, and the old answer
 * stays until the new one is there.
 */
export function useAnswer<Answer>(path: string | undefined, version: unknown = 0): Answered<Answer> {
  const [state, setState] = useState<{ path?: string; answer?: Answer; failure?: AskFailure }>({});
  const [count, setCount] = useState(0);
  const again = useCallback(() => setCount((before) => before + 1), []);
  useEffect(() => {
    if (path === undefined) return;
    const controller = new AbortController();
    ask<Answer>(path, { signal: controller.signal }).then(
      (answer) => setState({ path, answer }),
      (failure) => {
        if (failure instanceof AskFailure) setState({ path, failure });
      },
    );
    return () => controller.abort();
  }, [path, version, count]);
  // The answer to another question is not shown for this one.
  const { path: of, ...rest } = state;
  return { ...(of === path ? rest : {}), again };
}

/** The time, once a second: what is shown as "12 s ago" goes on also where nothing comes. */
export function useNow(periodMs = 1000): number {
  const [now, setNow] = useState(Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), periodMs);
    return () => clearInterval(timer);
  }, [periodMs]);
  return now;
}
