/**
 * The page of the gateway: where one is (the part of the address behind `#`), the bar above, and what is shown below.
 * Everything is asked for; nothing is kept beyond the tab.
 */
import { type ComponentChildren, render } from 'preact';
import { useEffect, useErrorBoundary, useMemo, useRef, useState } from 'preact/hooks';
import { ask, hasToken, setToken } from './asking';
import { AssociationPage } from './association';
import { AssociationsPage } from './associations';
import { CertificatesPage } from './certificates';
import { ConfigurationPage } from './configuration';
import { ExplainPage } from './explain';
import { type Live, useLive, useNow } from './live';
import { ModalitiesPage } from './modalities';
import { ModalityPage } from './modality';
import { OverviewPage } from './overview';
import { ActionDialog, PageContext } from './parts';
import { PendingPage } from './pending';
import { SheetPage } from './sheet';

interface Place {
  /** Without what is behind `?`; decoded. */
  readonly parts: readonly string[];
  readonly query: URLSearchParams;
}

const links = [
  { part: '', title: 'Overview' },
  { part: 'modalities', title: 'Modalities' },
  { part: 'associations', title: 'Associations' },
  { part: 'pending', title: 'Pending' },
  { part: 'certificates', title: 'Certificates' },
  { part: 'explain', title: 'Explain' },
  { part: 'configuration', title: 'Configuration' },
] as const;

function placeOf(hash: string): Place {
  const [path = '', query = ''] = hash.replace(/^#\/?/, '').split(/\?(.*)/s);
  return { parts: path.split('/').map(decoded), query: new URLSearchParams(query) };
}

/** An address may be typed by hand. */
function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

function usePlace(): Place {
  const [hash, setHash] = useState(location.hash);
  useEffect(() => {
    const changed = () => setHash(location.hash);
    addEventListener('hashchange', changed);
    return () => removeEventListener('hashchange', changed);
  }, []);
  return useMemo(() => placeOf(hash), [hash]);
}

function App() {
  const place = usePlace();
  const nowMs = useNow();
  const [session, setSession] = useState(0);
  const [isAskingToken, setIsAskingToken] = useState(false);
  const live = useLive(session);
  const version = `${session} ${live.overview?.configurationSha256 ?? ''}`;
  const page = {
    nowMs,
    version,
    tokenChanged: () => setSession((before) => before + 1),
    wantToken: () => setIsAskingToken(true),
  };
  const main = useRef<HTMLElement>(null);
  const isFirst = useRef(true);
  // A screen reader then begins with the new page.
  useEffect(() => {
    if (!isFirst.current) main.current?.focus();
    isFirst.current = false;
    scrollTo(0, 0);
    const { title = 'Overview' } = links.find(({ part }) => part === place.parts[0]) ?? {};
    document.title = `${place.parts[1] ?? title} · Aegis`;
  }, [place]);

  return (
    <PageContext.Provider value={page}>
      <Bar place={place} live={live} hasToken={hasToken()} page={page} />
      <main ref={main} tabIndex={-1} class={place.parts[0] === '' ? 'first' : ''}>
        <Guarded key={place.parts.join('/')}>
          <Content place={place} live={live} />
        </Guarded>
      </main>
      {isAskingToken ? (
        <ActionDialog
          title="Token"
          submit="Use this token"
          isTokenOnly
          onSubmit={async () => {
            await ask('/api/v1/overview');
            return true;
          }}
          onClose={() => setIsAskingToken(false)}
        />
      ) : null}
    </PageContext.Provider>
  );
}

/** A fault of one page leaves the bar, and so the way to the others. */
function Guarded({ children }: { readonly children: ComponentChildren }) {
  const [error] = useErrorBoundary();
  if (error === undefined) return <>{children}</>;
  return (
    <div class="failure" role="alert">
      <h1>This page has a fault</h1>
      <p>{String(error)}</p>
      <p>Choose another page, or load it again. Please report it.</p>
    </div>
  );
}

function Content({ place: { parts, query }, live }: { readonly place: Place; readonly live: Live }) {
  const [part, name, more] = parts;
  if (part === '') return <OverviewPage live={live} />;
  if (part === 'modalities' && name !== undefined && name !== '') {
    return more === 'sheet' ? <SheetPage name={name} /> : <ModalityPage name={name} live={live} />;
  }
  if (part === 'modalities') return <ModalitiesPage query={query} />;
  if (part === 'associations' && name !== undefined && name !== '') return <AssociationPage id={name} />;
  if (part === 'associations') return <AssociationsPage />;
  if (part === 'pending') return <PendingPage live={live} />;
  if (part === 'certificates') return <CertificatesPage />;
  if (part === 'explain') return <ExplainPage key={query.toString()} query={query} />;
  if (part === 'configuration') return <ConfigurationPage />;
  return <h1>There is no such page</h1>;
}

interface BarProps {
  readonly place: Place;
  readonly live: Live;
  readonly hasToken: boolean;
  readonly page: { readonly tokenChanged: () => void; readonly wantToken: () => void };
}

function Bar({ place, live: { isLive, failure, overview }, hasToken: isGiven, page }: BarProps) {
  const state = isLive ? 'Live' : failure?.wantsToken === true ? 'Token needed' : 'Not connected';
  const counts: Readonly<Record<string, number | undefined>> = { pending: overview?.pending.total };
  return (
    <header class="bar">
      <a class="skip" href={location.hash || '#/'} onClick={() => document.querySelector('main')?.focus()}>
        To the content
      </a>
      <a class="brand" href="#/" aria-label="Aegis, overview">
        <svg viewBox="0 0 24 24" aria-hidden="true">
          <path d="M12 2l8 3v6.5c0 5-3.4 8.6-8 10.5-4.6-1.9-8-5.5-8-10.5V5z" />
          <path class="tick" d="M8 11.8l2.8 2.8L16 9.4" />
        </svg>
        Aegis
      </a>
      <nav aria-label="Pages">
        {links.map(({ part, title }) => (
          <a
            key={part}
            href={`#/${part}`}
            {...(place.parts[0] === part ? { 'aria-current': 'page' as const } : {})}
          >
            {title}
            {(counts[part] ?? 0) > 0 ? <b>{counts[part]}</b> : null}
          </a>
        ))}
      </nav>
      <div class="bar-end">
        <span class={`live ${isLive ? 'on' : ''}`} role="status">
          {state}
        </span>
        <button
          type="button"
          class="plain"
          onClick={() => {
            if (!isGiven) return page.wantToken();
            setToken('');
            page.tokenChanged();
          }}
        >
          {isGiven ? 'Forget token' : 'Give token'}
        </button>
      </div>
    </header>
  );
}

render(<App />, document.getElementById('page')!);
