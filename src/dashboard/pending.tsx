/**
 * Callers that were refused although an entry could let them in: each with its certificate, what it proposed, and the
 * ways on. A list for the first screen, and a page of all of them.
 */
import { useState } from 'preact/hooks';
import type { PendingPageCaller, PendingReport } from '../admin/pageReport';
import { ApproveDialog } from './approve';
import { ask } from './asking';
import { CallerFacts, pendingTitle } from './caller';
import { type Live, useAnswer } from './live';
import { ActionDialog, Mark, Moment, Nothing, usePage, Waiting } from './parts';
import { countText, momentText, sentence, titleText } from './words';

export function PendingList({ callers }: { readonly callers: readonly PendingPageCaller[] }) {
  const [approved, setApproved] = useState<string | undefined>();
  if (callers.length === 0) return <Nothing>Nobody waits to be let in.</Nothing>;
  return (
    <>
      <ul class="list">
        {callers.map((caller) => (
          <li key={caller.id} class="caller">
            <Mark tone={caller.canBeApproved ? 'attention' : 'quiet'} />
            <div>
              <p class="line">
                <b class="title">{pendingTitle(caller)}</b>
                <span class="soft">
                  <span class="count">×{countText(caller.count)} </span>
                  <Moment time={caller.lastSeen} />
                </span>
              </p>
              <p>{sentence(caller.text)}</p>
              <CertificateLine caller={caller} />
              <div class="fix">
                <span>{caller.canBeApproved ? '' : sentence(caller.otherRemedy ?? caller.remedy)}</span>
                <Ways caller={caller} approve={setApproved} />
              </div>
            </div>
          </li>
        ))}
      </ul>
      {approved === undefined ? null : <ApproveDialog id={approved} onClose={() => setApproved(undefined)} />}
    </>
  );
}

function CertificateLine({ caller: { certificate, isTls } }: { readonly caller: PendingPageCaller }) {
  if (certificate === undefined)
    return <p class="soft">{isTls ? 'TLS without a certificate' : 'Without TLS'}</p>;
  const { subject, issuer, notAfter, untrusted } = certificate;
  return (
    <p class="soft" title={certificate.fingerprint256}>
      <code>{titleText(subject)}</code> by {titleText(issuer)}
      {notAfter === undefined ? '' : <span class="whole">, until {momentText(notAfter).slice(0, 10)}</span>}
      {untrusted === undefined ? null : <b class="alarm"> {sentence(untrusted)}</b>}
    </p>
  );
}

interface WaysProps {
  readonly caller: PendingPageCaller;
  readonly approve: (id: string) => void;
  readonly remove?: (caller: PendingPageCaller) => void;
}

function Ways({ caller, approve, remove }: WaysProps) {
  const title = pendingTitle(caller);
  return (
    <span class="actions">
      {remove === undefined ? null : (
        <button type="button" aria-label={`Take off: ${title}`} onClick={() => remove(caller)}>
          Take off
        </button>
      )}
      {caller.explain === undefined ? null : (
        <a class="button" href={`#/explain?${caller.explain}`} aria-label={`Explain why ${title} is refused`}>
          Explain
        </a>
      )}
      {caller.canBeApproved ? (
        <button
          type="button"
          class="primary"
          aria-label={`Approve ${title}`}
          onClick={() => approve(caller.id)}
        >
          Approve
        </button>
      ) : null}
    </span>
  );
}

/** All of them, each with everything that is known. */
export function PendingPage({ live: { overview } }: { readonly live: Live }) {
  const { version } = usePage();
  const [newest] = overview?.pending.callers ?? [];
  const { answer, failure, again } = useAnswer<PendingReport>(
    '/api/v1/pending',
    `${version} ${overview?.pending.total} ${newest?.id} ${newest?.count}`,
  );
  const [approved, setApproved] = useState<string | undefined>();
  const [removed, setRemoved] = useState<PendingPageCaller | undefined>();
  const callers = answer?.callers ?? [];
  return (
    <>
      <h1>Pending callers</h1>
      <p class="lead">
        They were refused, although an entry could let them in. Compare the certificate with the device before
        you approve.
      </p>
      {answer === undefined ? <Waiting failure={failure} /> : null}
      {answer !== undefined && callers.length === 0 ? <Nothing>Nobody waits to be let in.</Nothing> : null}
      <div class="cards">
        {callers.map((caller) => (
          <article key={caller.id} class="panel card" aria-label={pendingTitle(caller)}>
            <h2>{pendingTitle(caller)}</h2>
            <p>
              {sentence(caller.text)}{' '}
              {caller.canBeApproved ? '' : sentence(caller.otherRemedy ?? caller.remedy)}
            </p>
            <CallerFacts caller={caller} />
            <Ways caller={caller} approve={setApproved} remove={setRemoved} />
          </article>
        ))}
      </div>
      {answer !== undefined && answer.total > callers.length ? (
        <p>
          The last {callers.length} of {answer.total} are shown. <code>aegis modality pending</code> lists
          all.
        </p>
      ) : null}
      {approved === undefined ? null : (
        <ApproveDialog id={approved} onClose={() => setApproved(undefined)} onDone={again} />
      )}
      {removed === undefined ? null : (
        <ActionDialog
          title={`Take ${pendingTitle(removed)} off the list?`}
          submit="Take off"
          onSubmit={async () => {
            await ask(`/api/v1/pending/${removed.id}`, { method: 'DELETE' });
            again();
            return true;
          }}
          onClose={() => setRemoved(undefined)}
        >
          <p>It is back when it is refused again.</p>
        </ActionDialog>
      )}
    </>
  );
}
