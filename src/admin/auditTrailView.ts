/**
 * What is wrong with the audit trail, for the sentence of state: a log that is not written or was changed, and a syslog
 * server that is away. Learns of changes from audit events. Looks at no file itself.
 */
import type { SyslogStatus } from '../atna/runningExport';
import type { AuditEvent } from '../audit/events';
import { DAY_MS } from '../text/moments';
import { countOf } from '../text/quote';
import type { Fault } from './modalityHealth';

/** Nobody can make it whole again. The page says so for as long as its chart goes back. */
const BROKEN_SHOWN_MS = DAY_MS;

export class AuditTrailView {
  #broken: { readonly detail: string; readonly ms: number } | undefined;

  record({ event, outcome, detail = '' }: AuditEvent, nowMs = Date.now()): void {
    if (event === 'audit.broken' && outcome === 'failed') this.#broken = { detail, ms: nowMs };
  }

  /** `sinks`: where lines go, and whether they can be written there. */
  faults(sinks: Readonly<Record<string, boolean>>, syslog: SyslogStatus | undefined, now: Date): Fault[] {
    const failed = Object.keys(sinks).filter((sink) => sinks[sink] === false);
    const faults: Fault[] = failed.map((sink) => ({
      text: `the audit log is not written to ${sinkWords(sink)}`,
      detail: `Audit lines cannot be written to ${sinkWords(sink)}: what is lost is counted there later.`,
    }));
    if (this.#broken !== undefined && now.getTime() - this.#broken.ms < BROKEN_SHOWN_MS) {
      faults.push({ text: 'the audit log was changed', detail: sentenceOf(this.#broken.detail) });
    }
    if (syslog?.isUp === false) {
      const { server, since = '', detail: why = '', waiting } = syslog;
      const detail = `The syslog server ${server} has been away since ${since.slice(0, 19).replace('T', ' ')} UTC: ${why}. ${countOf(waiting, 'message')} wait on the disk.`;
      faults.push({ text: 'the syslog server is away', detail, tone: 'attention' });
    }
    return faults;
  }
}

function sinkWords(sink: string): string {
  return sink === 'file' ? 'its file' : sink;
}

function sentenceOf(detail: string): string {
  return `${detail.charAt(0).toUpperCase()}${detail.slice(1)}.`;
}
