/**
 * The first screen: one sentence of state, the archives, the last 24 hours, and what needs the operator. It is made of
 * one frame of the stream and the history, and fits 1280×800 without scrolling.
 */
import type { HistoryReport, ModalityBrief, Overview } from '../admin/pageReport';
import { withNow } from './answers';
import type { AskFailure } from './asking';
import { Chart } from './chart';
import { DenialList } from './denials';
import { healths, healthTone, healthWords, modalityHref } from './health';
import { type Live, useAnswer } from './live';
import { Mark, Moment, Nothing, Panel, usePage, Waiting } from './parts';
import { PendingList } from './pending';
import { countText, momentText, sentence, spanText, titleText } from './words';

export function OverviewPage({ live: { overview, failure } }: { readonly live: Live }) {
  const { version } = usePage();
  const { answer: history } = useAnswer<HistoryReport>('/api/v1/history', version);
  if (overview === undefined) {
    return (
      <>
        <h1 class="unseen">Overview</h1>
        <Waiting failure={failure} />
      </>
    );
  }
  return (
    <>
      {failure === undefined ? <State overview={overview} /> : <Away overview={overview} failure={failure} />}
      <div class="row trend">
        <Panel title="Last 24 hours" aside={<OpenNow overview={overview} />}>
          {history === undefined ? (
            <Nothing>Loading…</Nothing>
          ) : (
            <Chart history={withNow(history, overview.now)} />
          )}
        </Panel>
        <Panel title="Archives">
          <Archives overview={overview} />
        </Panel>
      </div>
      <div class="row lists">
        <Panel title="Modalities" aside={<a href="#/modalities">all {overview.modalities.total}</a>}>
          <Modalities overview={overview} />
        </Panel>
        <Panel title="Last denials">
          <DenialList denials={overview.denials} callers={overview.pending.callers} />
        </Panel>
        <Panel
          title="Pending callers"
          aside={
            overview.pending.total === 0 ? undefined : <a href="#/pending">all {overview.pending.total}</a>
          }
        >
          <PendingList callers={overview.pending.callers} />
        </Panel>
      </div>
    </>
  );
}

/** What is below was true then. A screen on the wall must not stay green over a gateway that is gone. */
function Away({ overview, failure }: { readonly overview: Overview; readonly failure: AskFailure }) {
  return (
    <div class="state alarm">
      <Mark tone="alarm" />
      <div>
        <h1 aria-live="polite">Not connected: what is below was so at {momentText(overview.time)}.</h1>
        <p class="details">{failure.message}</p>
      </div>
    </div>
  );
}

function State({ overview }: { readonly overview: Overview }) {
  const { sentence: state, version, startedAt, lastReload } = overview;
  const { nowMs } = usePage();
  const details = state.details.map(titleText).join(' ');
  const upMs = nowMs - Date.parse(startedAt);
  return (
    <div class={`state ${state.tone}`}>
      <Mark tone={state.tone} />
      <div>
        <h1 aria-live="polite">{sentence(state.text)}</h1>
        {state.details.length === 0 ? null : (
          <p class="details" title={details}>
            {details}
          </p>
        )}
      </div>
      <p class="about">
        Aegis {version}, up {spanText(upMs)}
        {lastReload === undefined ? null : (
          <>
            <br />
            {lastReload.isOk ? 'reloaded ' : 'reload refused '}
            <Moment time={lastReload.time} />
          </>
        )}
      </p>
    </div>
  );
}

function OpenNow({ overview: { associations } }: { readonly overview: Overview }) {
  const { total } = associations;
  return (
    <a href="#/associations">{total === 1 ? '1 association' : `${countText(total)} associations`} open</a>
  );
}

function Archives({ overview: { upstreams } }: { readonly overview: Overview }) {
  const { nowMs } = usePage();
  return (
    <ul class="list">
      {upstreams.map(({ upstream, server, isTls, isUp, since, detail }) => (
        <li key={`${upstream} ${server}`} class="archive">
          <Mark tone={isUp ? 'ok' : 'alarm'} />
          <div>
            <p class="line">
              <b class="title">{titleText(upstream)}</b>
              <span class={isUp ? 'ok' : 'alarm'} title={since === undefined ? '' : momentText(since)}>
                {isUp ? 'up' : 'down'}
                {since === undefined ? '' : ` for ${spanText(nowMs - Date.parse(since))}`}
              </span>
            </p>
            <p class="soft">
              <code>{server}</code>
              {isTls ? ' over TLS' : ''}
            </p>
            {isUp || detail === undefined ? null : <p>{sentence(detail)}</p>}
          </div>
        </li>
      ))}
    </ul>
  );
}

function Modalities({ overview: { modalities } }: { readonly overview: Overview }) {
  const { byHealth, attention, total } = modalities;
  return (
    <>
      <ul class="healths">
        {healths.map((health) => (
          <li key={health}>
            <a href={`#/modalities?health=${health}`} class={byHealth[health] === 0 ? 'none' : ''}>
              <Mark tone={healthTone[health]} />
              <b>{countText(byHealth[health])}</b> {healthWords[health]}
            </a>
          </li>
        ))}
      </ul>
      {attention.length === 0 ? (
        <Nothing>{total === 0 ? 'No modality is listed yet.' : 'Nothing needs you.'}</Nothing>
      ) : (
        <ul class="list">
          {attention.map((modality) => (
            <Attention key={modality.name} modality={modality} />
          ))}
        </ul>
      )}
    </>
  );
}

function Attention({ modality: { name, health, why } }: { readonly modality: ModalityBrief }) {
  return (
    <li class="attention">
      <Mark tone={healthTone[health]} />
      <div>
        <a class="title" href={modalityHref(name)}>
          {titleText(name)}
        </a>
        <p class="soft">{sentence(why)}</p>
      </div>
    </li>
  );
}
