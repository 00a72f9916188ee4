/** All modalities as a table: the worst first or by name, found by what one types, or of one health. */
import { useMemo, useState } from 'preact/hooks';
import type { ModalitiesReport, ModalityHealth, ModalitySummary } from '../admin/pageReport';
import { matching } from './answers';
import { healths, healthTone, healthWords, modalityHref } from './health';
import { useAnswer } from './live';
import { Mark, Moment, Nothing, usePage, Waiting, WideTable } from './parts';
import { bytesText, countText, titleText } from './words';

/** What it counts changes all the time, and a list of hundreds is not for every second. */
const REFRESH_MS = 10_000;
/** Rows at first: more would make the first paint slow. */
const MAX_ROWS = 200;

export function ModalitiesPage({ query }: { readonly query: URLSearchParams }) {
  const { version, nowMs } = usePage();
  const { answer, failure } = useAnswer<ModalitiesReport>(
    '/api/v1/modalities',
    `${version} ${Math.floor(nowMs / REFRESH_MS)}`,
  );
  const [search, setSearch] = useState('');
  const [rows, setRows] = useState(MAX_ROWS);
  const health = healths.find((one) => one === query.get('health'));
  const found = useMemo(() => matching(answer?.modalities ?? [], search, health), [answer, search, health]);
  return (
    <>
      <h1>Modalities</h1>
      <div class="filters">
        <label class="search">
          <span class="unseen">Find by name, AE title or address</span>
          <input
            type="search"
            placeholder="Name, AE title or address"
            value={search}
            onInput={({ currentTarget }) => setSearch(currentTarget.value)}
          />
        </label>
        <nav aria-label="By health">
          <HealthLink current={health} />
          {healths.map((one) => (
            <HealthLink
              key={one}
              health={one}
              current={health}
              count={answer?.modalities.filter((modality) => modality.health === one).length}
            />
          ))}
        </nav>
      </div>
      {answer === undefined ? <Waiting failure={failure} /> : null}
      {answer !== undefined && found.length === 0 ? <Nothing>No modality fits.</Nothing> : null}
      {found.length === 0 ? null : <ModalityTable modalities={found.slice(0, rows)} />}
      {found.length > rows ? (
        <button type="button" onClick={() => setRows(found.length)}>
          Show all {countText(found.length)}
        </button>
      ) : null}
    </>
  );
}

interface HealthLinkProps {
  readonly health?: ModalityHealth;
  readonly current: ModalityHealth | undefined;
  readonly count?: number | undefined;
}

function HealthLink({ health, current, count }: HealthLinkProps) {
  return (
    <a
      href={health === undefined ? '#/modalities' : `#/modalities?health=${health}`}
      {...(health === current ? { 'aria-current': true as const } : {})}
    >
      {health === undefined ? null : <Mark tone={healthTone[health]} />}
      {health === undefined ? 'all' : healthWords[health]} {count === undefined ? null : <b>{count}</b>}
    </a>
  );
}

function ModalityTable({ modalities }: { readonly modalities: readonly ModalitySummary[] }) {
  return (
    <WideTable title="Modalities">
      <thead>
        <tr>
          <th scope="col">Name</th>
          <th scope="col">AE title</th>
          <th scope="col">From</th>
          <th scope="col">May</th>
          <th scope="col">Last seen</th>
          <th scope="col" class="number">
            Open
          </th>
          <th scope="col" class="number">
            Commands
          </th>
          <th scope="col" class="number">
            Bytes
          </th>
          <th scope="col" class="number">
            Refused
          </th>
        </tr>
      </thead>
      <tbody>
        {modalities.map((modality) => (
          <ModalityRow key={modality.name} modality={modality} />
        ))}
      </tbody>
    </WideTable>
  );
}

function ModalityRow({ modality }: { readonly modality: ModalitySummary }) {
  const { name, health, callingAeTitle, from, allow, mode, lastSeen, open, counts } = modality;
  return (
    <tr>
      <th scope="row">
        <Mark tone={healthTone[health]} />
        <a href={modalityHref(name)}>{titleText(name)}</a>
        {health === 'ok' ? null : <span class="soft"> {healthWords[health]}</span>}
        {mode === 'observe' ? <span class="soft"> observed</span> : null}
      </th>
      <td>
        <code>{few(callingAeTitle)}</code>
      </td>
      <td>
        <code>{few(from)}</code>
      </td>
      <td>{few(allow, 4)}</td>
      <td>
        <Moment time={lastSeen} />
      </td>
      <td class="number">{open === 0 ? '' : countText(open)}</td>
      <td class="number">{countText(counts.commands)}</td>
      <td class="number">{bytesText(counts.bytes)}</td>
      <td class="number">{counts.refusals === 0 ? '' : countText(counts.refusals)}</td>
    </tr>
  );
}

function few(texts: readonly string[], most = 2): string {
  const shown = texts.slice(0, most).map(titleText).join(', ');
  return texts.length > most ? `${shown} +${texts.length - most}` : shown;
}
