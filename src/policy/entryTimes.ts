/**
 * What of an entry lasts only for a time: observe mode, and the entry itself. When that begins and ends, what the operator
 * reads of it, and when the policy has to be compiled again. The caller says what time it is.
 */
import type { ModalityConfiguration } from '../config/schema';
import { DAY_MS, describeUntil, describeValidity, endMs, momentMs } from '../text/moments';
import { daysLeft, quoteValue } from '../text/quote';
import type { Report } from './compileModality';
import type { CompiledModality } from './policy';

/**
 * Reports each entry in observe mode: it is an open door, and should be one for a limited time only. After its end the
 * entry enforces.
 */
export function isObserved(
  { mode, observeUntil }: ModalityConfiguration,
  nowMs: number,
  report: Report,
): boolean {
  if (mode !== 'observe') {
    if (observeUntil !== undefined) {
      report('warning', ['observeUntil'], 'has no effect, because mode is not "observe"');
    }
    return false;
  }
  const relayed = 'what the entry does not allow is relayed and logged as would-deny';
  if (observeUntil === undefined) {
    report('warning', ['mode'], `is "observe" without an end (observeUntil): ${relayed}`);
    return true;
  }
  if (nowMs < endOf(observeUntil)) {
    report('warning', ['mode'], `is "observe" ${describeUntil(observeUntil)}: ${relayed}`);
    return true;
  }
  report(
    'warning',
    ['observeUntil'],
    `${quoteValue(observeUntil)} is over, so the entry enforces; set mode to "enforce", or a later date`,
  );
  return false;
}

/** When the entry has to be compiled again, in ms since 1970; Infinity: never. */
export function nextChangeMs(modality: CompiledModality, nowMs: number): number {
  const { isObserved: isStillObserved, configuration } = modality;
  const { observeUntil, validUntil } = configuration;
  const changes = [
    beginOf(configuration),
    endOf(validUntil),
    isStillObserved ? endOf(observeUntil) : Number.POSITIVE_INFINITY,
  ];
  return Math.min(...changes.filter((ms) => nowMs < ms), Number.POSITIVE_INFINITY);
}

/** Whether the entry counts at this time. */
export function isInTime({ configuration }: Pick<CompiledModality, 'configuration'>, nowMs: number): boolean {
  return beginOf(configuration) <= nowMs && nowMs < endOf(configuration.validUntil);
}

/** `until 2026-12-31, the end of that day in UTC: it is over`; undefined for an entry that always counts. */
export function describeValidityAt(configuration: ModalityConfiguration, nowMs: number): string | undefined {
  const validity = describeValidity(configuration);
  if (validity === undefined || isInTime({ configuration }, nowMs)) return validity;
  return `${validity}: ${nowMs < beginOf(configuration) ? 'not yet' : 'it is over'}`;
}

/** The schema accepts nothing but a moment. Should another text get here, it is over: an end was wanted. */
function endOf(until: string | undefined): number {
  if (until === undefined) return Number.POSITIVE_INFINITY;
  return endMs(until) ?? Number.NEGATIVE_INFINITY;
}

function beginOf({ validFrom }: ModalityConfiguration): number {
  if (validFrom === undefined) return Number.NEGATIVE_INFINITY;
  return momentMs(validFrom) ?? Number.POSITIVE_INFINITY;
}

/** Long enough to ask whether the device stays. */
const WARN_ENTRY_DAYS = 7;

/** Reports an entry that counts for a time only where that has not begun, is over, or ends soon. */
export function reportValidity(entry: ModalityConfiguration, nowMs: number, report: Report): void {
  const { validFrom, validUntil } = entry;
  const [begin, end] = [beginOf(entry), endOf(validUntil)];
  const refused = 'so the modality is refused';
  if (end <= begin) {
    report('error', ['validUntil'], 'is not after validFrom, so the entry would never count');
  } else if (end <= nowMs) {
    const advice = 'remove the entry, or set a later date';
    report('warning', ['validUntil'], `${quoteValue(validUntil)} is over, ${refused}; ${advice}`);
  } else if (begin > nowMs) {
    report('warning', ['validFrom'], `${quoteValue(validFrom)} has not come yet, ${refused} until then`);
  } else if (end - nowMs <= WARN_ENTRY_DAYS * DAY_MS) {
    const left = daysLeft(Math.floor((end - nowMs) / DAY_MS));
    report(
      'warning',
      ['validUntil'],
      `ends in ${left} (${quoteValue(validUntil)}); the modality is refused then, and its associations end; set a later date if it stays`,
    );
  }
}
