/**
 * The dialog that lets a pending caller in: what is known of it, what it may do, its name, and what would be written. The
 * gateway writes the entry and reloads; nothing is decided here.
 */
import { useState } from 'preact/hooks';
import type { ApproveReport, ApproveRequest, PendingDetail } from '../admin/pageReport';
import { permissions } from '../dimse/permissions';
import { ask } from './asking';
import { CallerFacts, pendingTitle } from './caller';
import { modalityHref } from './health';
import { useAnswer } from './live';
import { ActionDialog, Waiting } from './parts';
import { blockText, sentence, titleText } from './words';

interface ApproveProps {
  readonly id: string;
  readonly onClose: () => void;
  readonly onDone?: () => void;
}

export function ApproveDialog({ id, onClose, onDone }: ApproveProps) {
  const path = `/api/v1/pending/${encodeURIComponent(id)}`;
  // Asked once: with the entry it goes off the list.
  const { answer: caller, failure } = useAnswer<PendingDetail>(path);
  const [allowed, setAllowed] = useState<readonly string[]>([]);
  const [name, setName] = useState<string | undefined>();
  const [isPinned, setIsPinned] = useState(true);
  const [preview, setPreview] = useState<ApproveReport | undefined>();
  const [done, setDone] = useState<ApproveReport | undefined>();

  const request: ApproveRequest = {
    allow: allowed,
    name: name ?? caller?.suggestedName ?? '',
    ...(caller?.certificate === undefined ? {} : { certificate: isPinned }),
  };
  const post = (body: ApproveRequest) => ask<ApproveReport>(`${path}/approve`, { method: 'POST', body });
  const submit = async () => {
    if (done !== undefined) return true;
    if (allowed.length === 0) throw new Error('Choose at least one thing that it may do.');
    if (preview === undefined) {
      setPreview(await post({ ...request, dryRun: true }));
      return false;
    }
    setDone(await post(request));
    onDone?.();
    return false;
  };

  return (
    <ActionDialog
      title={done === undefined ? `Approve ${caller === undefined ? '' : pendingTitle(caller)}` : 'Approved'}
      submit={done !== undefined ? 'Close' : preview === undefined ? 'Show the entry' : 'Approve'}
      onSubmit={submit}
      onClose={onClose}
    >
      {caller === undefined && done === undefined ? <Waiting failure={failure} /> : null}
      {done !== undefined ? <Done report={done} /> : null}
      {done === undefined && caller !== undefined && preview === undefined ? (
        <>
          <CallerFacts caller={caller} />
          <AllowedFields caller={caller} allowed={allowed} set={setAllowed} />
          <label>
            <span>Name of the entry</span>
            <input
              value={request.name}
              required
              maxLength={64}
              onInput={({ currentTarget }) => setName(currentTarget.value)}
            />
          </label>
          {caller.certificate === undefined ? null : (
            <label class="check">
              <input
                type="checkbox"
                checked={isPinned}
                onChange={({ currentTarget }) => setIsPinned(currentTarget.checked)}
              />
              <span>Only with the key of this certificate</span>
            </label>
          )}
        </>
      ) : null}
      {done === undefined && preview !== undefined ? <Preview report={preview} /> : null}
    </ActionDialog>
  );
}

interface AllowedProps {
  readonly caller: PendingDetail;
  readonly allowed: readonly string[];
  readonly set: (allowed: readonly string[]) => void;
}

/** Nothing is chosen at first: what a device proposes is not what it needs. */
function AllowedFields({ caller: { proposedPermissions }, allowed, set }: AllowedProps) {
  const names = Object.keys(permissions) as (keyof typeof permissions)[];
  const proposed = names.filter((name) => proposedPermissions.includes(name));
  const others = names.filter((name) => !proposed.includes(name));
  const box = (name: keyof typeof permissions) => (
    <label class="check" key={name}>
      <input
        type="checkbox"
        name={name}
        checked={allowed.includes(name)}
        onChange={({ currentTarget }) =>
          set(currentTarget.checked ? [...allowed, name] : allowed.filter((other) => other !== name))
        }
      />
      <span>{permissions[name].words}</span>
    </label>
  );
  return (
    <fieldset>
      <legend>It may</legend>
      {proposed.length === 0 ? null : (
        <>
          {proposed.map(box)}
          <p class="soft">That is what it proposed. Choose only what it needs.</p>
        </>
      )}
      {proposed.length === 0 ? (
        others.map(box)
      ) : (
        <details>
          <summary>What it did not propose</summary>
          {others.map(box)}
        </details>
      )}
    </fieldset>
  );
}

function Preview({ report: { file, diff, notes } }: { readonly report: ApproveReport }) {
  return (
    <>
      <p>
        This is written to <code>{titleText(file)}</code>, and the gateway reloads.
      </p>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what can be scrolled has to be reached with keys */}
      <pre tabIndex={0}>{blockText(diff)}</pre>
      {notes.map((note) => (
        <p key={note}>{sentence(note)}</p>
      ))}
    </>
  );
}

function Done({ report: { name, reload, notes } }: { readonly report: ApproveReport }) {
  return (
    <>
      <p role="status">
        {reload?.isReloaded === true ? 'The gateway lets it in now. ' : 'The entry is written. '}
        Its page: <a href={modalityHref(name)}>{titleText(name)}</a>
      </p>
      {(reload?.problems ?? []).map(({ message }) => (
        <p key={message} class="failure">
          {sentence(message)}
        </p>
      ))}
      {notes.map((note) => (
        <p key={note}>{sentence(note)}</p>
      ))}
    </>
  );
}
