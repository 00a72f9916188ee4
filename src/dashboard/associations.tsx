/** Associations as tables: those that are open with their progress, and those that ended not long ago. */
import type { ComponentChildren } from 'preact';
import type { AssociationsReport, EndedAssociation } from '../admin/associationReport';
import type { AssociationStatus } from '../admin/statusReport';
import { associationHref, modalityHref } from './health';
import { useAnswer } from './live';
import { Mark, Moment, Nothing, usePage, Waiting, WideTable } from './parts';
import { bytesText, countText, sentence, spanText, titleText } from './words';

const REFRESH_MS = 2000;

export function AssociationsPage() {
  const { version, nowMs } = usePage();
  const { answer, failure } = useAnswer<AssociationsReport>(
    '/api/v1/associations',
    `${version} ${Math.floor(nowMs / REFRESH_MS)}`,
  );
  return (
    <>
      <h1>Associations</h1>
      {answer === undefined ? (
        <Waiting failure={failure} />
      ) : (
        <>
          <h2>Open: {countText(answer.total)}</h2>
          <OpenAssociations associations={answer.open} />
          <h2>Ended last</h2>
          <EndedAssociations associations={answer.ended} />
        </>
      )}
    </>
  );
}

export function OpenAssociations({ associations }: { readonly associations: readonly AssociationStatus[] }) {
  const { nowMs } = usePage();
  if (associations.length === 0) return <Nothing>No association is open.</Nothing>;
  return (
    <AssociationTable title="Open associations" last="In progress">
      {associations.map((one) => (
        <AssociationRow key={one.connectionId} association={one} ms={nowMs - Date.parse(one.since)} tone="ok">
          {one.inProgress === undefined ? (
            <span class="soft">idle</span>
          ) : (
            `${one.inProgress.command} ${bytesText(one.inProgress.bytes)}`
          )}
        </AssociationRow>
      ))}
    </AssociationTable>
  );
}

function EndedAssociations({ associations }: { readonly associations: readonly EndedAssociation[] }) {
  if (associations.length === 0) return <Nothing>No association has ended since the start.</Nothing>;
  return (
    <AssociationTable title="Ended associations" last="Ended">
      {associations.map((one) => (
        <AssociationRow
          key={one.connectionId}
          association={one}
          ms={one.durationMs}
          tone={one.end === 'association.released' ? 'quiet' : 'alarm'}
        >
          <Moment time={one.endedAt} />
          {one.text === undefined ? '' : `: ${sentence(one.text)}`}
        </AssociationRow>
      ))}
    </AssociationTable>
  );
}

function AssociationTable(props: {
  readonly title: string;
  readonly last: string;
  readonly children: ComponentChildren;
}) {
  return (
    <WideTable title={props.title}>
      <thead>
        <tr>
          <th scope="col">Association</th>
          <th scope="col">Modality</th>
          <th scope="col">From, to</th>
          <th scope="col">How</th>
          <th scope="col" class="number">
            Time
          </th>
          <th scope="col" class="number">
            Commands
          </th>
          <th scope="col" class="number">
            Bytes
          </th>
          <th scope="col">{props.last}</th>
        </tr>
      </thead>
      <tbody>{props.children}</tbody>
    </WideTable>
  );
}

interface RowProps {
  readonly association: AssociationStatus;
  readonly ms: number;
  readonly tone: 'ok' | 'quiet' | 'alarm';
  readonly children: ComponentChildren;
}

function AssociationRow({ association, ms, tone, children }: RowProps) {
  const { connectionId, modality, callingAeTitle, sourceAddress, calledAeTitle, isTls, direction } =
    association;
  return (
    <tr>
      <th scope="row">
        <Mark tone={tone} />
        <a href={associationHref(connectionId)}>
          <code>{connectionId}</code>
        </a>
      </th>
      <td>
        <a href={modalityHref(modality)}>{titleText(modality)}</a>
      </td>
      <td>
        <code>
          {titleText(callingAeTitle)} @ {sourceAddress} → {titleText(calledAeTitle)}
        </code>
      </td>
      <td>
        {isTls ? 'TLS' : 'plain'}
        {direction === 'egress' ? ', egress' : ''}
      </td>
      <td class="number">{spanText(ms)}</td>
      <td class="number">{countText(association.commands)}</td>
      <td class="number">{bytesText(association.bytes)}</td>
      <td>{children}</td>
    </tr>
  );
}
