/** The configuration as it counts, without secrets, and the reloads that led to it. */
import type { ConfigurationChange, ConfigurationReport } from '../admin/pageReport';
import { useAnswer } from './live';
import { Mark, Moment, Nothing, Panel, usePage, Waiting } from './parts';
import { blockText, momentText, sentence, titleText } from './words';

/** Of a SHA-256: enough to compare by eye. */
const SHOWN_DIGITS = 12;

export function ConfigurationPage() {
  const { version } = usePage();
  const { answer, failure } = useAnswer<ConfigurationReport>('/api/v1/configuration', version);
  if (answer === undefined) {
    return (
      <>
        <h1>Configuration</h1>
        <Waiting failure={failure} />
      </>
    );
  }
  return (
    <>
      <h1>Configuration</h1>
      <p class="lead">
        <code>{titleText(answer.file)}</code>, loaded <Moment time={answer.loadedAt} />, SHA-256{' '}
        <code title={answer.sha256}>{answer.sha256.slice(0, SHOWN_DIGITS)}</code>
      </p>
      <div class="columns wide-first">
        <Panel title="As it counts, with defaults">
          <pre>{blockText(JSON.stringify(answer.configuration, undefined, 2))}</pre>
        </Panel>
        <Panel title="Reloads, the newest first">
          <History changes={answer.history} />
        </Panel>
      </div>
    </>
  );
}

function History({ changes }: { readonly changes: readonly ConfigurationChange[] }) {
  if (changes.length === 0) return <Nothing>It was not reloaded yet.</Nothing>;
  return (
    <ul class="list">
      {changes.map((change) => (
        <li key={change.time}>
          <Mark tone={change.isOk ? 'ok' : 'alarm'} />
          <div>
            <p class="line">
              <b class="title">{change.isOk ? 'Reloaded' : 'Refused'}</b>
              <span class="soft" title={momentText(change.time)}>
                <Moment time={change.time} />
              </span>
            </p>
            <p class="soft">{requesterText(change)}</p>
            {change.detail === undefined ? null : <p>{titleText(change.detail)}</p>}
            <ul class="changes">
              {change.changes.map((text) => (
                <li key={text}>{sentence(text)}</li>
              ))}
            </ul>
          </div>
        </li>
      ))}
    </ul>
  );
}

function requesterText({ requestedBy, sha256 }: ConfigurationChange): string {
  const { by, command, systemUser, sourceAddress } = requestedBy ?? {};
  const who = [
    by === undefined ? undefined : `by ${by}`,
    command === undefined ? undefined : titleText(command),
    systemUser === undefined ? undefined : titleText(systemUser),
    sourceAddress,
    sha256 === undefined ? undefined : `SHA-256 ${sha256.slice(0, SHOWN_DIGITS)}`,
  ];
  return who.filter((text) => text !== undefined).join(', ');
}
