/**
 * Denials as a list: who was refused what, why, what to do, and the two ways on: Explain and Approve. Those that repeat
 * are one. Text of peers is escaped.
 */
import { useState } from 'preact/hooks';
import type { PageDenial, PendingPageCaller } from '../admin/pageReport';
import { type Repeated, withoutRepeats } from './answers';
import { ApproveDialog } from './approve';
import { modalityHref } from './health';
import { Mark, Moment, Nothing } from './parts';
import { sentence, titleText } from './words';

interface ListProps {
  readonly denials: readonly PageDenial[];
  /** Pending callers that are known: some of them have an entry already, and need something else. */
  readonly callers: readonly PendingPageCaller[];
}

export function DenialList({ denials, callers }: ListProps) {
  const [approved, setApproved] = useState<string | undefined>();
  if (denials.length === 0) return <Nothing>Nothing was refused since the start.</Nothing>;
  return (
    <>
      <ul class="list">
        {withoutRepeats(denials).map((one) => (
          <DenialRow
            key={`${one.denial.time} ${one.denial.reason}`}
            repeated={one}
            caller={callers.find(({ id }) => id === one.denial.pendingId)}
            approve={setApproved}
          />
        ))}
      </ul>
      {approved === undefined ? null : <ApproveDialog id={approved} onClose={() => setApproved(undefined)} />}
    </>
  );
}

interface RowProps {
  readonly repeated: Repeated;
  readonly caller: PendingPageCaller | undefined;
  readonly approve: (id: string) => void;
}

function DenialRow({ repeated: { denial, count }, caller: pending, approve }: RowProps) {
  const { outcome, reason, text, remedy, modality, explain, pendingId, certificate, detail } = denial;
  const caller = callerText(denial);
  const isObserved = outcome === 'would-deny';
  return (
    <li class="denial">
      <Mark tone={isObserved ? 'attention' : 'alarm'} />
      <div>
        <p class="line">
          {modality === undefined ? (
            <b class="title">{caller}</b>
          ) : (
            <a class="title" href={modalityHref(modality)}>
              {caller}
            </a>
          )}
          <span class="soft">
            {count > 1 ? <span class="count">×{count} </span> : null}
            <Moment time={denial.time} />
          </span>
        </p>
        <p>
          {whatText(denial)}
          {sentence(text)} {isObserved ? <b>It was relayed: the entry is in observe mode.</b> : null}
        </p>
        {certificate === undefined ? null : <p class="soft">{sentence(certificate)}</p>}
        {detail === undefined ? null : <p class="soft">{sentence(detail)}</p>}
        <p class="fix">
          <span>{sentence(pending?.otherRemedy ?? remedy)}</span>
          <span class="actions">
            {explain === undefined ? null : (
              <a class="button" href={`#/explain?${explain}`} aria-label={`Explain ${reason} of ${caller}`}>
                Explain
              </a>
            )}
            {pendingId === undefined || pending?.canBeApproved === false ? null : (
              <button
                type="button"
                class="primary"
                aria-label={`Approve ${caller}`}
                onClick={() => approve(pendingId)}
              >
                Approve
              </button>
            )}
          </span>
        </p>
      </div>
    </li>
  );
}

function callerText({ callingAeTitle, sourceAddress, calledAeTitle, listener }: PageDenial): string {
  const from = sourceAddress === undefined ? '' : ` @ ${sourceAddress}`;
  const to = calledAeTitle === undefined || calledAeTitle === '' ? '' : ` → ${titleText(calledAeTitle)}`;
  const isNamed = callingAeTitle !== undefined && callingAeTitle !== '';
  if (isNamed) return `${titleText(callingAeTitle)}${from}${to}`;
  return `${sourceAddress ?? 'a peer'}${listener === undefined ? '' : ` on ${titleText(listener)}`}`;
}

function whatText({ command, sopClass, moveDestination }: PageDenial): string {
  if (command === undefined) return '';
  const what = [
    command,
    sopClass,
    ...(moveDestination === undefined ? [] : ['to', titleText(moveDestination)]),
  ];
  return `${what.filter((word) => word !== undefined).join(' ')}: `;
}
