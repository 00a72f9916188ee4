/** One association: who, over which TLS, what was negotiated, its commands and how far the one in progress is. */
import type { AssociationDetail, CommandReport } from '../admin/associationReport';
import { modalityHref } from './health';
import { useAnswer } from './live';
import { Facts, Mark, Moment, Nothing, Panel, usePage, Waiting, WideTable } from './parts';
import { bytesText, countText, momentText, sentence, spanText, titleText } from './words';

const REFRESH_MS = 2000;

export function AssociationPage({ id }: { readonly id: string }) {
  const { version, nowMs } = usePage();
  const { answer, failure } = useAnswer<AssociationDetail>(
    `/api/v1/associations/${encodeURIComponent(id)}`,
    `${version} ${Math.floor(nowMs / REFRESH_MS)}`,
  );
  return (
    <>
      <p class="crumb">
        <a href="#/associations">Associations</a>
      </p>
      <h1>
        Association <code>{titleText(id)}</code>
      </h1>
      {answer === undefined ? (
        <Waiting failure={failure} />
      ) : (
        <Association association={answer} nowMs={nowMs} />
      )}
    </>
  );
}

interface AssociationProps {
  readonly association: AssociationDetail;
  readonly nowMs: number;
}

function Association({ association, nowMs }: AssociationProps) {
  const { isOpen, since, durationMs, text, detail, end, inProgress } = association;
  const ms = isOpen ? nowMs - Date.parse(since) : durationMs;
  const isAborted = end === 'association.aborted';
  return (
    <>
      <p class="lead">
        <Mark tone={isOpen ? 'ok' : isAborted ? 'alarm' : 'quiet'} />{' '}
        {isOpen ? `Open for ${spanText(ms)}` : `${isAborted ? 'Aborted' : 'Released'} after ${spanText(ms)}`},{' '}
        {countText(association.commands)} {association.commands === 1 ? 'command' : 'commands'},{' '}
        {bytesText(association.bytes)}.{' '}
        {inProgress === undefined
          ? ''
          : `${inProgress.command} is under way: ${bytesText(inProgress.bytes)} so far.`}
        {text === undefined ? '' : ` ${sentence(text)}`}
        {detail === undefined ? '' : ` ${sentence(detail)}`}
      </p>
      <div class="columns">
        <Panel title="Who">
          <WhoFacts association={association} />
        </Panel>
        <Panel title="Presentation contexts">
          <Contexts association={association} />
        </Panel>
      </div>
      <Panel title="Commands, the newest first">
        <Commands commands={association.lastCommands} />
      </Panel>
    </>
  );
}

function WhoFacts({ association }: { readonly association: AssociationDetail }) {
  const { modality, tls, upstreamTlsFacts, implementationVersionName, implementationClassUid } = association;
  return (
    <Facts
      rows={[
        ['modality', <a href={modalityHref(modality)}>{titleText(modality)}</a>],
        ['direction', association.direction],
        ['calling AE title', titleText(association.callingAeTitle)],
        ['called AE title', titleText(association.calledAeTitle)],
        ['from', `${association.sourceAddress} on ${titleText(association.listener)}`],
        ['to', association.upstream],
        ['began', momentText(association.since)],
        ['TLS', tls === undefined ? 'none' : `${tls.protocol}, ${tls.cipher}`],
        ['certificate', tls?.subject === undefined ? '' : titleText(tls.subject)],
        [
          'TLS to the archive',
          upstreamTlsFacts === undefined ? '' : `${upstreamTlsFacts.protocol}, ${upstreamTlsFacts.cipher}`,
        ],
        [
          'device',
          [implementationVersionName, implementationClassUid]
            .filter((text) => text !== undefined)
            .map(titleText)
            .join(', '),
        ],
      ]}
    />
  );
}

function Contexts({
  association: { acceptedContexts, refusedContexts },
}: {
  readonly association: AssociationDetail;
}) {
  if (acceptedContexts.length + refusedContexts.length === 0) return <Nothing>They are not kept.</Nothing>;
  return (
    <ul class="list tight">
      {acceptedContexts.map(({ id, sopClass, transferSyntax }) => (
        <li key={id}>
          <Mark tone="ok" />
          <div>
            <b>{titleText(sopClass)}</b> <span class="soft">{titleText(transferSyntax)}</span>
          </div>
        </li>
      ))}
      {refusedContexts.map(({ sopClass, result, text }) => (
        <li key={`${sopClass} ${result}`}>
          <Mark tone="alarm" />
          <div>
            <b>{titleText(sopClass)}</b> <span class="soft">{sentence(text ?? result)}</span>
          </div>
        </li>
      ))}
    </ul>
  );
}

function Commands({ commands }: { readonly commands: readonly CommandReport[] }) {
  if (commands.length === 0) return <Nothing>None yet.</Nothing>;
  return (
    <WideTable title="Commands">
      <thead>
        <tr>
          <th scope="col">Command</th>
          <th scope="col">SOP class</th>
          <th scope="col">Answer</th>
          <th scope="col" class="number">
            Bytes
          </th>
          <th scope="col" class="number">
            Took
          </th>
          <th scope="col">When</th>
        </tr>
      </thead>
      <tbody>
        {commands.map((command, index) => (
          <tr key={`${command.time} ${index}`}>
            <th scope="row">
              <Mark
                tone={
                  command.outcome === 'allowed' ? 'ok' : command.outcome === 'denied' ? 'alarm' : 'attention'
                }
              />
              {command.command}
            </th>
            <td>
              {command.sopClass === undefined ? '' : titleText(command.sopClass)}
              {command.moveDestination === undefined ? '' : ` to ${titleText(command.moveDestination)}`}
            </td>
            <td>
              {command.status === undefined ? '' : <code>{command.status}</code>}{' '}
              {command.text === undefined ? '' : sentence(command.text)}
            </td>
            <td class="number">{command.bytes === undefined ? '' : bytesText(command.bytes)}</td>
            <td class="number">
              {command.durationMs === undefined ? '' : `${Math.round(command.durationMs)} ms`}
            </td>
            <td>
              <Moment time={command.time} />
            </td>
          </tr>
        ))}
      </tbody>
    </WideTable>
  );
}
