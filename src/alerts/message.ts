/**
 * A message of alerts, for programs (the body of a webhook) and for people (a mail). docs/alerts.md documents the body, and
 * its names are stable. Knows no channel.
 */
import { hostname } from 'node:os';
import { version } from '../../package.json';
import { countOf } from '../text/quote';
import type { Alert, AlertFacts, Severity } from './alert';

/** An alert that waits for its message. */
export interface WaitingAlert extends Omit<Alert, 'facts'>, AlertFacts {
  /** The same in each message that has it: who gets it twice can tell. */
  readonly id: string;
  /** Of the first, as ISO 8601. */
  readonly time: string;
  /** Of the last, where there are several. */
  readonly lastTime?: string;
  /** How often it happened. */
  readonly count: number;
}

/** The body of a webhook. */
export interface AlertMessage {
  readonly version: 1;
  /** Host name of the machine. */
  readonly gateway: string;
  readonly aegis: string;
  readonly time: string;
  readonly isTest: boolean;
  /** All of it in words, for chats. */
  readonly text: string;
  /** The most severe first. */
  readonly alerts: readonly WaitingAlert[];
  /** Alerts since the last message that are in none: there were too many. */
  readonly leftOut: number;
}

const order: readonly Severity[] = ['critical', 'warning', 'info'];

export function messageOf(
  waiting: readonly WaitingAlert[],
  leftOut: number,
  now: Date,
  isTest = false,
): AlertMessage {
  const alerts = [...waiting].sort(
    (one, other) => order.indexOf(one.severity) - order.indexOf(other.severity),
  );
  const gateway = hostname();
  return {
    version: 1,
    gateway,
    aegis: version,
    time: now.toISOString(),
    isTest,
    text: [`aegis at ${gateway}`, ...alerts.map(lineOf), ...leftOutLines(leftOut)].join('\n'),
    alerts,
    leftOut,
  };
}

export function subjectOf({ gateway, alerts }: AlertMessage): string {
  const [first] = alerts;
  const others = alerts.length > 1 ? ` (and ${countOf(alerts.length - 1, 'more alert')})` : '';
  return `[aegis ${gateway}] ${first?.severity}: ${first?.text}${others}`;
}

/** Plain text. */
export function mailTextOf({ alerts, leftOut, gateway, aegis }: AlertMessage): string {
  const sections = alerts.map(({ action, ...alert }) => `${lineOf(alert)}\n  To do: ${action}`);
  const end = `-- \nAegis ${aegis} at ${gateway}`;
  return `${[...sections, ...leftOutLines(leftOut), end].join('\n\n')}\n`;
}

function lineOf({
  severity,
  event,
  text,
  time,
  lastTime,
  count,
}: Pick<WaitingAlert, 'severity' | 'event' | 'text' | 'time' | 'lastTime' | 'count'>): string {
  const when = `${minuteOf(time)} UTC`;
  const often =
    count === 1 ? '' : `, ${count} times${lastTime === undefined ? '' : ` until ${minuteOf(lastTime)}`}`;
  return `${severity.toUpperCase()} ${event}: ${text} (${when}${often})`;
}

function minuteOf(time: string): string {
  return time.slice(0, 'YYYY-MM-DDTHH:MM:SS'.length).replace('T', ' ');
}

function leftOutLines(leftOut: number): string[] {
  return leftOut === 0
    ? []
    : [`${countOf(leftOut, 'more alert')} came meanwhile and were left out: see the audit log.`];
}
