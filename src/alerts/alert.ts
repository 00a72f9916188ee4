/**
 * Which audit events are worth an alert, and its words: what happened, and what to do. Pure: knows no clock, no channel and
 * no configuration. Never patient data, because audit events have none.
 */
import type { AuditEvent, AuditEventName } from '../audit/events';
import type { AlertEvent } from '../config/schemaAlerts';
import { escapeUnsafe } from '../text/quote';

export type Severity = 'critical' | 'warning' | 'info';

/** Facts of the audit event that a program may want. Text of peers is as it came. */
const FACTS = [
  'modality',
  'listener',
  'sourceAddress',
  'callingAeTitle',
  'calledAeTitle',
  'upstream',
  'reason',
  'notAfter',
] as const satisfies readonly (keyof AuditEvent)[];

export type AlertFacts = Readonly<Partial<Record<(typeof FACTS)[number], string>>>;

export interface Alert {
  readonly event: AlertEvent | 'test';
  readonly severity: Severity;
  /** A sentence. Nothing in it can break a line, or means something to a terminal, a mail or a chat. */
  readonly text: string;
  /** What to do about it. */
  readonly action: string;
  readonly facts: AlertFacts;
}

interface Kind {
  readonly event: AlertEvent;
  readonly severity: Severity;
  text(event: AuditEvent): string;
  readonly action: string;
}

/** Details of a refused configuration can be long. The log has them whole. */
const MAX_TEXT_LENGTH = 400;

/**
 * What comes from the network, or may. Chats make mentions and links of some characters; a reader is meant to see them, so
 * they are escaped and not left out.
 */
export function harmless(text: string): string {
  const oneLine = escapeUnsafe(text.trim().replace(/\s*\n\s*/g, '; '));
  const escaped = oneLine.replace(/[<>&@`*|]/g, (one) => `\\x${one.charCodeAt(0).toString(16)}`);
  return escaped.length <= MAX_TEXT_LENGTH ? escaped : `${escaped.slice(0, MAX_TEXT_LENGTH)}…`;
}

/** A title that anybody may send. Many chats make a link of what looks like an address. */
function titleText(title = ''): string {
  return title.replace(/[.:/]/g, (one) => `\\x${one.charCodeAt(0).toString(16)}`);
}

function detailOr(words: string): Kind['text'] {
  return ({ detail }) => detail ?? words;
}

function ofModality(words: string): Kind['text'] {
  return ({ modality, detail }) =>
    `modality ${modality} ${words}${detail === undefined ? '' : `: ${detail}`}`;
}

const expiring: Kind = {
  event: 'certificate-ends',
  severity: 'warning',
  text: detailOr('something ends'),
  action: 'Renew it before that: "aegis check --expiring-within 30" shows what ends.',
};

const auditTrail: Pick<Kind, 'event' | 'severity'> = { event: 'audit-broken', severity: 'critical' };
const SYSLOG_ACTION = 'Look at the syslog server, and at the network between it and the gateway.';

const kindByEvent: Readonly<Partial<Record<AuditEventName, Kind>>> = {
  'upstream.down': {
    event: 'archive-down',
    severity: 'critical',
    text: ({ calledAeTitle, upstream, detail }) =>
      `the server ${upstream} of the archive ${calledAeTitle} is down${detail === undefined ? '' : `: ${detail}`}`,
    action: 'Look at the archive. "aegis echo" with its name shows which step fails.',
  },
  'upstream.up': {
    event: 'archive-up',
    severity: 'info',
    text: ({ calledAeTitle, upstream }) =>
      `the server ${upstream} of the archive ${calledAeTitle} is up again`,
    action: 'Nothing.',
  },
  'certificate.expiring': expiring,
  'modality.expiring': {
    ...expiring,
    action: 'Ask whether the device stays, and set validUntil of its entry.',
  },
  'crl.failed': {
    event: 'crl-failed',
    severity: 'warning',
    text: detailOr('a revocation list cannot be fetched'),
    action: 'Look at the server of the list. Once the list that is held ends, its devices are refused.',
  },
  'configuration.rejected': {
    event: 'configuration-rejected',
    severity: 'warning',
    text: ({ detail = '' }) =>
      `a reload was rejected, so the configuration before it still counts: ${detail}`,
    action: '"aegis check" shows every problem. Correct them and reload.',
  },
  'audit.resumed': {
    ...auditTrail,
    text: detailOr('lines are missing in the audit log'),
    action: 'Write down why. The line audit.resumed of the log has the time and the count.',
  },
  'audit.broken': {
    ...auditTrail,
    text: detailOr('the audit log on the disk is not what the gateway wrote'),
    action: 'Find out who changed it: "aegis audit verify" names the place.',
  },
  'syslog.down': {
    ...auditTrail,
    severity: 'warning',
    text: detailOr('the syslog server is away'),
    action: SYSLOG_ACTION,
  },
  'syslog.lost': {
    ...auditTrail,
    text: detailOr('audit messages for the syslog server were lost'),
    action: SYSLOG_ACTION,
  },
  'penalty.imposed': {
    event: 'penalty',
    severity: 'warning',
    text: detailOr('a peer is in the penalty box'),
    action: '"aegis log --denied" shows what it tried.',
  },
  'shared.down': {
    event: 'shared-down',
    severity: 'warning',
    text: detailOr('the Redis that gateways share is away'),
    action: 'Look at the Redis server, and at the network between it and the gateway.',
  },
  'shared.up': {
    event: 'shared-up',
    severity: 'info',
    text: detailOr('the Redis that gateways share is back'),
    action: 'Nothing.',
  },
  'modality.silent': {
    event: 'modality-silent',
    severity: 'warning',
    text: ofModality('is silent'),
    action: 'Look whether it is switched on and reaches the gateway.',
  },
  'modality.heard': {
    event: 'modality-heard',
    severity: 'info',
    text: ofModality('is heard again'),
    action: 'Nothing.',
  },
  'modality.changed': {
    event: 'modality-changed',
    severity: 'warning',
    text: ofModality('is not what it was'),
    action: 'Ask its owner whether that was planned. "aegis inventory" shows what it is now.',
  },
  'modality.locked': {
    event: 'modality-locked',
    severity: 'warning',
    text: ({ modality, detail = 'locked' }) => `modality ${modality} is ${detail}`,
    action: 'It is refused until somebody runs "aegis modality unlock".',
  },
  'modality.unlocked': {
    event: 'modality-unlocked',
    severity: 'info',
    text: ({ modality, detail = 'unlocked' }) => `modality ${modality} is ${detail}`,
    action: 'Nothing.',
  },
};

const canary: Kind = {
  event: 'canary',
  severity: 'critical',
  text: ({ callingAeTitle, calledAeTitle, sourceAddress }) =>
    `${sourceAddress} used an AE title that no device has (calling ${titleText(callingAeTitle)}, called ${titleText(calledAeTitle)})`,
  action: 'Find out what is at that address: it tries AE titles.',
};

/** Undefined where nobody needs to know. */
export function alertOf(event: AuditEvent): Alert | undefined {
  const kind =
    event.event === 'association.rejected' && event.reason === 'canary' ? canary : kindByEvent[event.event];
  return kind === undefined ? undefined : alertIn(kind, event);
}

const ONE_CALLER = 'a new caller waits for approval: ';
const CALLERS = 'new callers wait for approval, the last one: ';

/** A scan of the network is one line of a message, not fifty. Undefined where equal texts alone belong together. */
export function textOfSeveral({ event, text }: Pick<Alert, 'event' | 'text'>): string | undefined {
  if (event !== 'pending-caller') return undefined;
  return text.startsWith(ONE_CALLER) ? CALLERS + text.slice(ONE_CALLER.length) : text;
}

export function pendingAlert(event: AuditEvent): Alert {
  return alertIn(
    {
      event: 'pending-caller',
      severity: 'info',
      text: ({ callingAeTitle, sourceAddress, reason }) =>
        `${ONE_CALLER}${callingAeTitle === '' ? 'a device' : titleText(callingAeTitle)} at ${sourceAddress} (${reason})`,
      action: '"aegis modality pending" shows it, and how to let it in.',
    },
    event,
  );
}

export function auditAlert(sink: string): Alert {
  return {
    ...auditTrail,
    text: `audit lines cannot be written (${sink})`,
    action:
      'Look whether the disk is full, or whether the reader of stdout hangs. Transfers go on, and lines are missing.',
    facts: {},
  };
}

/** `event` is the last refusal of the burst. */
export function burstAlert(event: AuditEvent, whose: string, count: number, seconds: number): Alert {
  return alertIn(
    {
      event: 'denial-burst',
      severity: 'warning',
      text: ({ reason }) => `${whose} had ${count} refusals in ${seconds} s, the last one: ${reason}`,
      action: '"aegis log --denied" shows who tried what, and why it was refused.',
    },
    event,
  );
}

/** Of `aegis alerts test`. */
export const testAlert: Alert = {
  event: 'test',
  severity: 'info',
  text: 'this is a test of the alerts; nothing has happened',
  action: 'Nothing.',
  facts: {},
};

function alertIn(kind: Kind, event: AuditEvent): Alert {
  const facts = FACTS.flatMap((name) => (event[name] === undefined ? [] : [[name, event[name]]]));
  return {
    event: kind.event,
    severity: kind.severity,
    text: harmless(kind.text(event)),
    action: kind.action,
    facts: Object.fromEntries(facts) as AlertFacts,
  };
}
