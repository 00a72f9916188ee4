/** Lines of the audit log as syslog messages: where no DICOM audit messages are asked for. Knows no server. */
import type { AuditEvent, Outcome } from '../audit/events';
import { jsonLine, timed } from '../audit/jsonLine';
import type { Disclosure } from '../gateway/dataSetTap';
import { Severity } from './syslogMessage';

/** What a configuration makes of events. */
export interface Format {
  record(event: AuditEvent): void;
  disclose(disclosure: Disclosure): void;
  close(): void;
}

export type Send = (severity: number, messageId: string, text: string) => void;

const SEVERITY_BY_OUTCOME: Readonly<Record<Outcome, number>> = {
  allowed: Severity.informational,
  info: Severity.informational,
  debug: Severity.informational,
  'would-deny': Severity.notice,
  denied: Severity.warning,
  failed: Severity.error,
};

/** Each line as it is in the file. */
export function lineFormat(send: Send): Format {
  return {
    record: (event) => send(SEVERITY_BY_OUTCOME[event.outcome], event.event, jsonLine(timed(event))),
    disclose: () => {},
    close: () => {},
  };
}
