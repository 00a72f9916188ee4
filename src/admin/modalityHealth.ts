/**
 * How a modality is, and how the whole gateway is, in a sentence: pure functions of what is known. They decide what asks
 * for the operator's attention, and nothing else.
 */
import { describeLock, type ModalityLock } from '../policy/locks';
import { reasons } from '../policy/reasons';
import { daysUntil, formatDay } from '../text/moments';
import { countOf, daysLeft, quoteValue } from '../text/quote';
import type { ModalityHealth, StateSentence } from './pageReport';
import type { Denial } from './statusReport';

/** A month is what a hospital's CA may need for a new one. */
const MIN_CERTIFICATE_DAYS = 30;
/** More would not be read. */
const MAX_DETAILS = 10;

export interface ModalityFacts {
  readonly lock: ModalityLock | undefined;
  /** Its last refusal, where nothing has been let in since. */
  readonly refusedSince: Denial | undefined;
  /** When the certificate ends that it showed last. */
  readonly certificateEnd: Date | undefined;
  /** When it was last heard, where that is longer ago than `expectEvery`; in words. */
  readonly silence: string | undefined;
}

export interface HealthOfModality {
  readonly health: ModalityHealth;
  /** A sentence; empty where it is ok. */
  readonly why: string;
}

export function healthOf(facts: ModalityFacts, now: Date): HealthOfModality {
  const { lock, refusedSince, certificateEnd, silence } = facts;
  if (lock !== undefined) return { health: 'locked', why: describeLock(lock) };
  if (refusedSince !== undefined) {
    const { event, reason, command } = refusedSince;
    const what = event === 'command.refused' ? (command ?? 'command') : 'association';
    return { health: 'refused', why: `its last ${what} was refused: ${reasons[reason].text}` };
  }
  if (certificateEnd !== undefined) {
    const days = daysUntil(certificateEnd, now);
    const when = days < 0 ? 'ended on' : `ends in ${daysLeft(days)}, on`;
    if (days < MIN_CERTIFICATE_DAYS) {
      return { health: 'certificate', why: `its certificate ${when} ${formatDay(certificateEnd)}` };
    }
  }
  if (silence !== undefined) return { health: 'silent', why: silence };
  return { health: 'ok', why: '' };
}

/** Part of the sentence, and the sentence that explains it. */
export interface Fault {
  readonly text: string;
  readonly detail: string;
  /** Default: an alarm. */
  readonly tone?: 'attention';
}

export interface StateFacts {
  readonly isListening: boolean;
  readonly isDraining: boolean;
  readonly modalities: number;
  /** In observe mode. */
  readonly observed: number;
  readonly byHealth: Readonly<Record<ModalityHealth, number>>;
  readonly upstreams: readonly {
    readonly upstream: string;
    readonly server: string;
    readonly isUp: boolean;
  }[];
  readonly auditFaults: readonly Fault[];
  /** Names of listeners whose own certificate has ended. */
  readonly endedListeners: readonly string[];
  readonly isLastReloadOk: boolean;
  readonly pendingCallers: number;
}

/** `Enforcing; 2 of 41 modalities need you`. The worst comes right after the mode. */
export function stateSentence(facts: StateFacts): StateSentence {
  const faults = [...alarmsOf(facts), ...facts.auditFaults];
  const attentions = attentionsOf(facts);
  const parts = [modeOf(facts), ...faults.map(({ text }) => text), modalitiesOf(facts)];
  const details = [...faults.map(({ detail }) => detail), ...attentions];
  const isAlarm = faults.some(({ tone }) => tone === undefined);
  return {
    text: parts.join('; '),
    tone: isAlarm ? 'alarm' : details.length > 0 ? 'attention' : 'ok',
    details: details.slice(0, MAX_DETAILS),
  };
}

function modeOf({ isListening, isDraining, modalities, observed }: StateFacts): string {
  if (isDraining) return 'Stopping';
  if (!isListening) return 'Not listening';
  if (observed === 0) return 'Enforcing';
  return observed === modalities ? 'Observing' : `Observing ${observed} of ${modalities}`;
}

function alarmsOf({ isListening, isDraining, upstreams, endedListeners }: StateFacts): Fault[] {
  const faults: Fault[] = [];
  if (isDraining || !isListening) {
    faults.push({ text: 'nobody is let in', detail: 'The gateway takes no new associations.' });
  }
  const down = [...new Set(upstreams.map(({ upstream }) => upstream))].filter((name) =>
    upstreams.every(({ upstream, isUp }) => upstream !== name || !isUp),
  );
  const [first, ...others] = down;
  if (first !== undefined) {
    const names = down.map(quoteValue).join(', ');
    faults.push({
      text: others.length === 0 ? `${quoteValue(first)} is down` : `${down.length} archives are down`,
      detail: `No server of ${names} answers: modalities are asked to try again later.`,
    });
  }
  for (const name of endedListeners) {
    faults.push({
      text: 'a certificate of the gateway has ended',
      detail: `The certificate of listener ${quoteValue(name)} has ended: devices that check dates refuse it.`,
    });
  }
  return faults;
}

function attentionsOf(facts: StateFacts): string[] {
  const { upstreams, byHealth, isLastReloadOk, pendingCallers } = facts;
  const faults: string[] = [];
  const isUpElsewhere = (name: string) => upstreams.some(({ upstream, isUp }) => upstream === name && isUp);
  for (const { upstream, server, isUp } of upstreams) {
    if (!isUp && isUpElsewhere(upstream)) {
      faults.push(`The server ${server} of ${quoteValue(upstream)} is down; another one serves.`);
    }
  }
  if (!isLastReloadOk) faults.push('The last reload was refused: the configuration before it counts.');
  const { refused, certificate, silent } = byHealth;
  if (refused > 0) faults.push(`The last attempt of ${countOf(refused, 'modality')} was refused.`);
  if (certificate > 0) {
    faults.push(
      `The certificate of ${countOf(certificate, 'modality')} ends within ${MIN_CERTIFICATE_DAYS} days.`,
    );
  }
  if (silent > 0)
    faults.push(`${countOf(silent, 'modality')} ${silent === 1 ? 'has' : 'have'} been silent for too long.`);
  if (pendingCallers > 0) {
    faults.push(
      `${countOf(pendingCallers, 'caller')} without an entry ${pendingCallers === 1 ? 'was' : 'were'} refused.`,
    );
  }
  return faults;
}

/** A lock is the operator's own wish: it does not wait for anybody. */
function modalitiesOf({ modalities: total, byHealth: { refused, certificate, silent } }: StateFacts): string {
  const needing = refused + certificate + silent;
  if (total === 0) return 'no modality is configured';
  if (needing === 0) return total === 1 ? 'the modality is well' : `all ${total} modalities are well`;
  if (total === 1) return 'the modality needs you';
  return `${needing} of ${total} modalities ${needing === 1 ? 'needs' : 'need'} you`;
}
