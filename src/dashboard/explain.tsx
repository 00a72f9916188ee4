/**
 * `aegis explain` as a form: what would happen to this peer, check by check. The gateway asks the code of live traffic;
 * nothing is decided here. A question is the address of its page, so that it can be shared.
 */
import { useState } from 'preact/hooks';
import type { ExplainReport } from '../admin/pageReport';
import type { Tone } from './health';
import { useAnswer } from './live';
import { Facts, Mark, Panel, usePage, Waiting } from './parts';
import { sentence, titleText } from './words';

const fields = [
  { name: 'calling', title: 'Calling AE title', example: 'CT1', isNeeded: true },
  { name: 'called', title: 'Called AE title', example: 'ORTHANC', isNeeded: true },
  { name: 'from', title: 'Address', example: '10.1.2.10', isNeeded: true },
  { name: 'listener', title: 'Listener', example: 'the first with TLS', isNeeded: false },
  { name: 'command', title: 'Command', example: 'c-store', isNeeded: false },
  { name: 'sopClass', title: 'SOP class', example: 'CTImageStorage', isNeeded: false },
  { name: 'moveDestination', title: 'Move destination', example: 'WS1', isNeeded: false },
] as const;

const commands = ['c-echo', 'c-store', 'c-find', 'c-move', 'c-get', 'n-action', 'n-create', 'n-set', 'n-get'];

export function ExplainPage({ query }: { readonly query: URLSearchParams }) {
  const { version } = usePage();
  const [asked, setAsked] = useState<Readonly<Record<string, string>>>(Object.fromEntries(query));
  const isAsked = query.has('pending') || query.has('calling');
  const { answer, failure } = useAnswer<ExplainReport>(
    isAsked ? `/api/v1/explain?${query}` : undefined,
    version,
  );
  const submit = (event: Event) => {
    event.preventDefault();
    const given = Object.entries(asked).filter(([name, value]) => name !== 'pending' && value.trim() !== '');
    location.hash = `#/explain?${new URLSearchParams(given)}`;
  };
  return (
    <>
      <h1>Explain</h1>
      <p class="lead">
        What would happen to this peer, and why: the code that decides live traffic answers. Nothing is sent
        to anybody.
      </p>
      <form class="ask" onSubmit={submit}>
        {fields.map(({ name, title, example, isNeeded }) => (
          <label key={name}>
            <span>{title}</span>
            <input
              name={name}
              placeholder={example}
              required={isNeeded}
              list={name === 'command' ? 'commands' : undefined}
              value={asked[name] ?? ''}
              onInput={({ currentTarget }) => setAsked({ ...asked, [name]: currentTarget.value })}
            />
          </label>
        ))}
        <datalist id="commands">
          {commands.map((command) => (
            <option key={command} value={command} />
          ))}
        </datalist>
        <button type="submit" class="primary">
          Explain
        </button>
      </form>
      {query.has('pending') ? (
        <p>
          Asked of pending caller <code>{titleText(query.get('pending') ?? '')}</code>, with its certificate.
        </p>
      ) : null}
      {isAsked && answer === undefined ? <Waiting failure={failure} /> : null}
      {answer === undefined ? null : <Verdict report={answer} />}
    </>
  );
}

const tones: Readonly<Record<ExplainReport['checks'][number]['outcome'], Tone>> = {
  passed: 'ok',
  failed: 'alarm',
  'would-deny': 'attention',
  'not-reached': 'quiet',
};

function Verdict({ report }: { readonly report: ExplainReport }) {
  const { allowed, reason, gate, modality, mode, upstream, listener, wireAnswer, checks, notes } = report;
  return (
    <>
      <div class={`state verdict ${allowed ? 'ok' : 'alarm'}`} role="status">
        <Mark tone={allowed ? 'ok' : 'alarm'} />
        <h2>{allowed ? 'Allowed' : `Refused at the gate ${gate ?? ''}: ${reason ?? ''}`}</h2>
      </div>
      <Panel title="What it means">
        <Facts
          rows={[
            ['answer', sentence(wireAnswer)],
            ['entry', modality === null ? 'none' : titleText(modality)],
            ['mode', mode ?? ''],
            ['archive', upstream === null ? '' : titleText(upstream)],
            ['listener', titleText(listener)],
          ]}
        />
      </Panel>
      <Panel title="Check by check">
        <ol class="list">
          {checks.map(({ gate: of, check, outcome, detail }, index) => (
            <li key={`${index} ${check}`} class={outcome}>
              <Mark tone={tones[outcome]} />
              <div>
                <p class="line">
                  <b class="title">{titleText(check)}</b>
                  <span class="soft">
                    {of}, {outcome.replace('-', ' ')}
                  </span>
                </p>
                {detail === '' ? null : <p>{sentence(detail)}</p>}
              </div>
            </li>
          ))}
        </ol>
      </Panel>
      {notes.map((note) => (
        <p key={note} class="soft">
          {sentence(note)}
        </p>
      ))}
    </>
  );
}
