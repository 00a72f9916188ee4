/** What a modality did last, and what it was refused: the lines of the audit log, shortened. */
import type { ModalityEvent } from '../admin/pageReport';
import { associationHref } from './health';
import { Mark, Moment, Nothing, WideTable } from './parts';
import { bytesText, sentence, spanText, titleText } from './words';

export function ModalityEvents({ events }: { readonly events: readonly ModalityEvent[] }) {
  if (events.length === 0) return <Nothing>Nothing since the start.</Nothing>;
  return (
    <WideTable title="What it did last">
      <thead>
        <tr>
          <th scope="col">What</th>
          <th scope="col">Why</th>
          <th scope="col" class="number">
            Bytes
          </th>
          <th scope="col" class="number">
            Took
          </th>
          <th scope="col">Association</th>
          <th scope="col">When</th>
        </tr>
      </thead>
      <tbody>
        {events.map((event, index) => (
          <EventRow key={`${event.time} ${index}`} event={event} />
        ))}
      </tbody>
    </WideTable>
  );
}

function EventRow({ event }: { readonly event: ModalityEvent }) {
  const { outcome, command, sopClass, text, detail, bytes, durationMs, connectionId, time } = event;
  const tone =
    outcome === 'denied' || outcome === 'failed'
      ? 'alarm'
      : outcome === 'would-deny' || event.event === 'modality.changed'
        ? 'attention'
        : 'ok';
  return (
    <tr>
      <th scope="row">
        <Mark tone={tone} />
        {[command ?? event.event.replace('.', ' '), sopClass === undefined ? '' : titleText(sopClass)].join(
          ' ',
        )}
      </th>
      <td>{[text, detail].flatMap((words) => (words === undefined ? [] : [sentence(words)])).join(' ')}</td>
      <td class="number">{bytes === undefined ? '' : bytesText(bytes)}</td>
      <td class="number">
        {durationMs === undefined
          ? ''
          : durationMs < 1000
            ? `${Math.round(durationMs)} ms`
            : spanText(durationMs)}
      </td>
      <td>
        {connectionId === undefined ? null : (
          <a href={associationHref(connectionId)}>
            <code>{connectionId}</code>
          </a>
        )}
      </td>
      <td>
        <Moment time={time} />
      </td>
    </tr>
  );
}
