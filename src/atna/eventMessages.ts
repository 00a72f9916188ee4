/**
 * Which audit events become which DICOM audit message: starts and stops, and security alerts. docs/atna.md shows the
 * same table. Transfers and queries are in operationMessages.ts.
 */
import { userInfo } from 'node:os';
import type { AuditEvent } from '../audit/events';
import { reasons } from '../policy/reasons';
import {
  type AuditMessage,
  type CodeName,
  gatewayParticipant,
  type MessageSource,
  type Outcome,
  type Participant,
} from './auditMessage';
import { endpointsOf } from './endpoints';

interface Alert {
  readonly type: CodeName;
  readonly outcome: Outcome;
}

const AUTHENTICATION: Alert = { type: 'NodeAuthentication', outcome: 'minor' };
const RESTRICTED: Alert = { type: 'RestrictedFunction', outcome: 'minor' };
const CONFIGURATION: Alert = { type: 'SecurityConfiguration', outcome: 'success' };
const CONFIGURATION_FAULT: Alert = { type: 'SecurityConfiguration', outcome: 'minor' };
const STOPPED: Alert = { type: 'RecordingStopped', outcome: 'serious' };
const STARTED: Alert = { type: 'RecordingStarted', outcome: 'success' };

/** Of peers: only what was denied. By name, because parts of the gateway that are not there yet have theirs here too. */
export const alertsOfPeers: ReadonlyMap<string, Alert> = new Map([
  ['connection.refused', AUTHENTICATION],
  ['association.rejected', AUTHENTICATION],
  ['association.unusable', RESTRICTED],
  ['command.refused', RESTRICTED],
]);

/** Of the gateway itself. */
export const alertsOfGateway: ReadonlyMap<string, Alert> = new Map([
  ['penalty.imposed', AUTHENTICATION],
  ['configuration.reloaded', CONFIGURATION],
  ['configuration.rejected', CONFIGURATION_FAULT],
  ['certificate.reloaded', CONFIGURATION],
  ['crl.fetched', CONFIGURATION],
  ['crl.failed', CONFIGURATION_FAULT],
  ['modality.locked', CONFIGURATION],
  ['modality.unlocked', CONFIGURATION],
  ['modality.changed', { type: 'SoftwareConfiguration', outcome: 'minor' }],
  ['capture.started', { type: 'RestrictedFunction', outcome: 'success' }],
  ['capture.ended', { type: 'RestrictedFunction', outcome: 'success' }],
  ['audit.broken', STOPPED],
  ['audit.resumed', STARTED],
  ['syslog.down', STOPPED],
  ['syslog.lost', STOPPED],
  ['syslog.up', STARTED],
]);

/** The peer is who it says; it may only not do this, or not now. */
const IDENTIFIED: ReadonlySet<string | undefined> = new Set([
  'protocol-version',
  'application-context',
  'called-ae-title-unknown',
  'called-ae-title-not-allowed',
  'association-limit',
  'presentation-contexts-unusable',
]);

export interface MessageContext extends MessageSource {
  /** Of the archives that the gateway stands for. */
  readonly aeTitles: readonly string[];
}

/** Undefined for an event that becomes none of them. */
export function messageOfEvent(event: AuditEvent, context: MessageContext): AuditMessage | undefined {
  if (event.event === 'gateway.started') return applicationActivity('ApplicationStart', context);
  if (event.event === 'gateway.stopped') return applicationActivity('ApplicationStop', context);
  const ofGateway = alertsOfGateway.get(event.event);
  if (ofGateway !== undefined) return alertOfGateway(ofGateway, event, context);
  const ofPeer = event.outcome === 'denied' ? alertsOfPeers.get(event.event) : undefined;
  return ofPeer && alertOfPeer(IDENTIFIED.has(event.reason) ? RESTRICTED : ofPeer, event);
}

function applicationActivity(type: CodeName, { aeTitles }: MessageContext): AuditMessage {
  return {
    event: 'ApplicationActivity',
    type,
    action: 'E',
    time: new Date().toISOString(),
    outcome: 'success',
    participants: [
      { ...gatewayParticipant(aeTitles), role: 'Application' },
      { userId: account(), isRequestor: true, role: 'ApplicationLauncher' },
    ],
  };
}

/** Of the process. Some containers have none. */
function account(): string {
  try {
    return userInfo().username;
  } catch {
    return String(process.getuid?.() ?? 'unknown');
  }
}

function alertOfGateway(
  { type, outcome }: Alert,
  event: AuditEvent,
  { sourceId, aeTitles }: MessageContext,
): AuditMessage {
  const { requestedBy, sourceAddress = requestedBy?.sourceAddress } = event;
  const person: Participant[] =
    requestedBy?.systemUser === undefined
      ? []
      : [{ userId: requestedBy.systemUser, isRequestor: true, machine: sourceAddress }];
  const peer: Participant[] =
    person.length > 0 || sourceAddress === undefined
      ? []
      : [{ userId: sourceAddress, machine: sourceAddress }];
  return {
    event: 'SecurityAlert',
    type,
    action: 'E',
    time: new Date().toISOString(),
    outcome,
    participants: [gatewayParticipant(aeTitles), ...person, ...peer],
    objects: [{ kind: 'node', id: event.modality ?? sourceId, name: 'aegis', alert: alertText(event) }],
  };
}

/** Refusals that were added up in one line are a peer that tries again and again. */
function alertOfPeer({ type, outcome }: Alert, event: AuditEvent): AuditMessage {
  const { caller, archiveAeTitle } = endpointsOf(event);
  const { sourceAddress = 'unknown', sourcePort, tls, count = 1 } = event;
  const isAuthentication = type === 'NodeAuthentication';
  return {
    event: 'SecurityAlert',
    type,
    action: 'E',
    time: new Date().toISOString(),
    outcome: count > 1 ? 'serious' : outcome,
    participants: [
      {
        ...gatewayParticipant(archiveAeTitle === undefined ? undefined : [archiveAeTitle]),
        isRequestor: isAuthentication,
      },
      caller,
    ],
    objects: [
      {
        kind: 'node',
        id: tls?.subject ?? `${event.callingAeTitle ?? 'unknown'}@${sourceAddress}`,
        name: sourcePort === undefined ? sourceAddress : `${sourceAddress}:${sourcePort}`,
        alert: alertText(event),
      },
    ],
  };
}

/** What the audit log says, in one text. */
function alertText({
  event,
  reason,
  detail,
  command,
  sopClass,
  status,
  listener,
  count,
}: AuditEvent): string {
  const facts = [
    reason === undefined ? event : `${reason}: ${reasons[reason].text}`,
    detail,
    command === undefined ? undefined : [command, sopClass, status].filter(Boolean).join(' '),
    listener === undefined ? undefined : `listener ${listener}`,
    count === undefined ? undefined : `${count} times`,
  ];
  return facts.filter((fact) => fact !== undefined).join('; ');
}
