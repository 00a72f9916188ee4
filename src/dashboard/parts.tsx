/**
 * The small parts that every page is made of: a panel, a mark with its word, a moment, a list of facts, a dialog that asks
 * for the token where it needs one. They know nothing of DICOM.
 */
import { type ComponentChildren, createContext } from 'preact';
import { useContext, useEffect, useId, useRef, useState } from 'preact/hooks';
import { AskFailure, hasToken, setToken } from './asking';
import type { Tone } from './health';
import { agoText, momentText, sentence } from './words';

/** What every part may need of the page around it. */
interface Page {
  readonly nowMs: number;
  /** Changes with each token and each configuration: what was asked before is asked again. */
  readonly version: string;
  /** To be called when the token changed. */
  readonly tokenChanged: () => void;
  readonly wantToken: () => void;
}

export const PageContext = createContext<Page>({
  nowMs: 0,
  version: '',
  tokenChanged: () => {},
  wantToken: () => {},
});

export function usePage(): Page {
  return useContext(PageContext);
}

interface PanelProps {
  readonly title: string;
  /** Behind the title: how many there are, a link to all of them. */
  readonly aside?: ComponentChildren;
  readonly class?: string;
  readonly children: ComponentChildren;
}

/** Its content may be longer than its place. It is then scrolled, also with keys. */
export function Panel({ title, aside, class: name = '', children }: PanelProps) {
  const id = useId();
  return (
    <section class={`panel ${name}`} aria-labelledby={id}>
      <header>
        <h2 id={id}>{title}</h2>
        {aside === undefined ? null : <div class="aside">{aside}</div>}
      </header>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what can be scrolled has to be reached with keys */}
      <div class="body" tabIndex={0}>
        {children}
      </div>
    </section>
  );
}

/** A table that is wider than a small screen is scrolled in its place. */
export function WideTable({
  title,
  children,
}: {
  readonly title: string;
  readonly children: ComponentChildren;
}) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what can be scrolled has to be reached with keys
    <div class="table" tabIndex={0}>
      <table aria-label={title}>{children}</table>
    </div>
  );
}

/** A shape for each tone: colours alone are not seen by everybody. */
const shapes: Readonly<Record<Tone, string>> = {
  ok: 'M3.5 8.5l3 3 6-6.5',
  attention: 'M8 3.5v5.5M8 11.6v.9',
  alarm: 'M4.5 4.5l7 7M11.5 4.5l-7 7',
  quiet: 'M4 8h8',
  locked: 'M5.8 7.5V5.6a2.2 2.2 0 0 1 4.4 0v1.9M4.6 7.5h6.8v4.6H4.6z',
};

export function Mark({ tone }: { readonly tone: Tone }) {
  return (
    <svg class={`mark ${tone}`} viewBox="0 0 16 16" aria-hidden="true">
      <circle cx="8" cy="8" r="8" />
      <path d={shapes[tone]} />
    </svg>
  );
}

export function Moment({ time }: { readonly time: string | undefined }) {
  const { nowMs } = usePage();
  if (time === undefined) return <span class="soft">never</span>;
  return (
    <time dateTime={time} title={momentText(time)}>
      {agoText(time, nowMs)}
    </time>
  );
}

/** Rows of label and value; absent values are left out. */
export function Facts({ rows }: { readonly rows: readonly (readonly [string, ComponentChildren])[] }) {
  const known = rows.filter(
    ([, value]) => value !== undefined && value !== '' && !(Array.isArray(value) && value.length === 0),
  );
  return (
    <dl class="facts">
      {known.map(([label, value]) => (
        <div key={label}>
          <dt>{label}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}

export function Nothing({ children }: { readonly children: ComponentChildren }) {
  return <p class="nothing">{children}</p>;
}

/** In place of an answer that is not there: it comes, or why it does not. */
export function Waiting({ failure }: { readonly failure: AskFailure | undefined }) {
  const { wantToken } = usePage();
  if (failure === undefined) return <Nothing>Loading…</Nothing>;
  return (
    <div class="failure" role="alert">
      <p>{sentence(failure.message)}</p>
      {failure.wantsToken ? (
        <button type="button" onClick={wantToken}>
          Give the token
        </button>
      ) : null}
    </div>
  );
}

interface DialogProps {
  readonly title: string;
  readonly submit: string;
  readonly isDangerous?: boolean;
  /** Changes nothing and needs no token. */
  readonly isTokenOnly?: boolean;
  readonly children?: ComponentChildren;
  /** Resolves to whether all is done: the dialog then closes. What it throws is shown. */
  readonly onSubmit: () => Promise<boolean>;
  readonly onClose: () => void;
}

/** A change is asked for, with the token where the page has none yet. */
export function ActionDialog(props: DialogProps) {
  const { title, submit, isDangerous = false, isTokenOnly = false, children, onSubmit, onClose } = props;
  const { tokenChanged } = usePage();
  const dialog = useRef<HTMLDialogElement>(null);
  const [given, setGiven] = useState('');
  const [asksToken, setAsksToken] = useState(isTokenOnly || !hasToken());
  const [failure, setFailure] = useState<string | undefined>();
  const [isBusy, setIsBusy] = useState(false);
  const id = useId();
  useEffect(() => dialog.current?.showModal(), []);

  const run = async (event: Event) => {
    event.preventDefault();
    setIsBusy(true);
    if (asksToken) setToken(given);
    try {
      const isDone = await onSubmit();
      if (asksToken) tokenChanged();
      setAsksToken(false);
      setFailure(undefined);
      if (isDone) onClose();
    } catch (error) {
      if (error instanceof AskFailure && error.wantsToken) {
        setToken('');
        setAsksToken(true);
      }
      setFailure((error as Error).message);
    }
    setIsBusy(false);
  };

  return (
    <dialog ref={dialog} aria-labelledby={id} onClose={onClose}>
      <form onSubmit={run}>
        <h2 id={id}>{title}</h2>
        {children}
        {asksToken ? (
          <label>
            <span>Token of the gateway</span>
            <input
              type="password"
              autocomplete="off"
              required
              value={given}
              onInput={({ currentTarget }) => setGiven(currentTarget.value)}
            />
            <small>
              The content of admin.tokenFile. This tab keeps it until it is closed or loaded again.
            </small>
          </label>
        ) : null}
        {failure === undefined ? null : (
          <p class="failure" role="alert">
            {sentence(failure)}
          </p>
        )}
        <div class="buttons">
          <button type="button" onClick={onClose}>
            Cancel
          </button>
          <button type="submit" class={isDangerous ? 'danger' : 'primary'} disabled={isBusy}>
            {submit}
          </button>
        </div>
      </form>
    </dialog>
  );
}
