/** One modality: who it is, what it may do, what it did and was refused, its certificate, its lock, and its sheet. */
import { useState } from 'preact/hooks';
import type { ModalityDetail } from '../admin/pageReport';
import type { ModalityReport, SeenReport } from '../inventory/report';
import { inventoryRows } from './answers';
import { OpenAssociations } from './associations';
import { healthTone, modalityHref } from './health';
import { type Live, useAnswer } from './live';
import { LockDialog, UnlockDialog } from './lock';
import { ModalityEvents } from './modalityEvents';
import { Facts, Mark, Moment, Nothing, Panel, usePage, Waiting } from './parts';
import { blockText, bytesText, countText, momentText, sentence, titleText, untilText } from './words';

const REFRESH_MS = 3000;
/** "aegis inventory" has all. */
const MAX_SEEN_SHOWN = 8;

export function ModalityPage({ name, live }: { readonly name: string; readonly live: Live }) {
  const { version, nowMs } = usePage();
  const { answer, failure, again } = useAnswer<ModalityDetail>(
    `/api/v1/modalities/${encodeURIComponent(name)}`,
    `${version} ${live.isLive} ${Math.floor(nowMs / REFRESH_MS)}`,
  );
  return (
    <>
      <p class="crumb">
        <a href="#/modalities">Modalities</a>
      </p>
      {answer === undefined ? (
        <>
          <h1>{titleText(name)}</h1>
          <Waiting failure={failure} />
        </>
      ) : (
        <Modality modality={answer} startedAt={live.overview?.startedAt} again={again} />
      )}
    </>
  );
}

interface ModalityProps {
  readonly modality: ModalityDetail;
  /** Of the gateway: it counts since then. */
  readonly startedAt: string | undefined;
  readonly again: () => void;
}

function Modality({ modality, startedAt, again }: ModalityProps) {
  const [dialog, setDialog] = useState<'lock' | 'unlock' | undefined>();
  const { name, health, why, lock, mode } = modality;
  const close = () => setDialog(undefined);
  const [first = ''] = modality.callingAeTitle;
  const asked = new URLSearchParams({
    calling: first,
    called: modality.calledAeTitle[0] ?? '',
    from: modality.lastAddress ?? modality.from[0]?.replace(/\/.*/, '') ?? '',
  });
  return (
    <>
      <div class="title-row">
        <h1>
          <Mark tone={healthTone[health]} /> {titleText(name)}
        </h1>
        <div class="actions">
          <a class="button" href={`#/explain?${asked}`}>
            Explain
          </a>
          <a class="button" href={`${modalityHref(name)}/sheet`}>
            Sheet to print
          </a>
          {lock === undefined ? (
            <button type="button" class="danger" onClick={() => setDialog('lock')}>
              Lock
            </button>
          ) : (
            <button type="button" class="primary" onClick={() => setDialog('unlock')}>
              Unlock
            </button>
          )}
        </div>
      </div>
      <p class="lead">
        {why === '' ? 'Nothing is wrong.' : sentence(why)}
        {mode === 'observe' ? ' In observe mode: what is not allowed is relayed, and logged.' : ''}
      </p>
      <div class="columns">
        <Panel title="Who it is">
          <IdentityFacts modality={modality} />
        </Panel>
        <Panel title="What it may do">
          <PermissionFacts modality={modality} />
        </Panel>
        <Panel
          title={`What it did since ${startedAt === undefined ? 'the start' : `the start at ${momentText(startedAt)}`}`}
        >
          <CountFacts modality={modality} />
        </Panel>
        <Panel title="What it is and does, since it came first">
          <InventoryFacts inventory={modality.inventory} />
        </Panel>
        <Panel title="Certificate that it showed last">
          <CertificateFactList modality={modality} />
        </Panel>
      </div>
      <Panel title="Open associations">
        <OpenAssociations associations={modality.associations} />
      </Panel>
      <Panel title="What it did last">
        <ModalityEvents events={modality.recent} />
      </Panel>
      <Panel title="Its entry, as loaded">
        <pre>{blockText(JSON.stringify(modality.entry, undefined, 2))}</pre>
      </Panel>
      {dialog === 'lock' ? <LockDialog modality={name} onDone={again} onClose={close} /> : null}
      {dialog === 'unlock' ? <UnlockDialog modality={name} onDone={again} onClose={close} /> : null}
    </>
  );
}

function IdentityFacts({ modality }: { readonly modality: ModalityDetail }) {
  const { callingAeTitle, from, calledAeTitle, listeners, lock } = modality;
  return (
    <Facts
      rows={[
        ['calling AE title', callingAeTitle.map(titleText).join(', ')],
        ['may come from', from.join(', ')],
        ['to', calledAeTitle.map(titleText).join(', ')],
        ['listeners', listeners.map(titleText).join(', ')],
        [
          'last seen',
          <>
            <Moment time={modality.lastSeen} />
            {modality.lastAddress === undefined ? '' : ` from ${modality.lastAddress}`}
          </>,
        ],
        ['valid from', modality.validFrom ?? ''],
        ['valid until', modality.validUntil ?? ''],
        [
          'locked',
          lock === undefined
            ? ''
            : `${sentence(lock.reason)} Since ${momentText(lock.since)}${
                lock.until === undefined ? '' : `, until ${momentText(lock.until)}`
              }${lock.by === undefined ? '' : `, by ${titleText(lock.by)}`}`,
        ],
      ]}
    />
  );
}

function PermissionFacts({ modality: { permissions } }: { readonly modality: ModalityDetail }) {
  if (permissions.length === 0) return <Nothing>Nothing yet.</Nothing>;
  return (
    <ul class="list tight">
      {permissions.map((words) => (
        <li key={words}>
          <Mark tone="ok" />
          <div>{titleText(words)}</div>
        </li>
      ))}
    </ul>
  );
}

function CountFacts({ modality: { counts, commands, refusals } }: { readonly modality: ModalityDetail }) {
  return (
    <Facts
      rows={[
        ['associations', countText(counts.associations)],
        ['data', bytesText(counts.bytes)],
        ...Object.entries(commands).map(([command, count]) => [command, countText(count)] as const),
        ['refused', countText(counts.refusals)],
        ...Object.entries(refusals).map(
          ([reason, count = 0]) => [reason, <b class="alarm">{countText(count)}</b>] as const,
        ),
      ]}
    />
  );
}

function InventoryFacts({ inventory }: { readonly inventory: ModalityReport | undefined }) {
  const rows = inventory === undefined ? [] : inventoryRows(inventory);
  if (rows.length === 0) return <Nothing>It never came.</Nothing>;
  return (
    <Facts
      rows={rows
        .filter(([, seen]) => seen.length > 0)
        .map(([label, seen]) => [label, <SeenList key={label} seen={seen} />] as const)}
    />
  );
}

/** A change is seen by what is new: when each came first. */
function SeenList({ seen }: { readonly seen: readonly SeenReport[] }) {
  const more = seen.length - MAX_SEEN_SHOWN;
  return (
    <ul class="list tight">
      {seen.slice(0, MAX_SEEN_SHOWN).map(({ value, certificate, count, firstSeen }) => (
        <li key={value}>
          <div>
            {titleText(certificate?.subject ?? value)}{' '}
            <span class="soft">
              {countText(count)}×, first <Moment time={firstSeen} />
            </span>
          </div>
        </li>
      ))}
      {more > 0 ? <li class="soft">and {more} more</li> : null}
    </ul>
  );
}

function CertificateFactList({ modality: { certificate, entry } }: { readonly modality: ModalityDetail }) {
  const { nowMs } = usePage();
  const { certificate: pins } = entry as { readonly certificate?: readonly string[] };
  if (certificate === undefined && pins === undefined) {
    return <Nothing>It showed none since the start, and its entry names none.</Nothing>;
  }
  return (
    <Facts
      rows={[
        ['subject', certificate?.subject === undefined ? '' : titleText(certificate.subject)],
        ['issuer', certificate?.issuer === undefined ? '' : titleText(certificate.issuer)],
        [
          'ends',
          certificate?.notAfter === undefined
            ? ''
            : `${momentText(certificate.notAfter).slice(0, 10)}, ${untilText(certificate.notAfter, nowMs)}`,
        ],
        ['SHA-256', certificate === undefined ? '' : <code class="long">{certificate.fingerprint256}</code>],
        [
          'entry asks for',
          pins === undefined ? (
            'any that the listener trusts'
          ) : (
            <code class="long">{pins.map(titleText).join(' or ')}</code>
          ),
        ],
      ]}
    />
  );
}
