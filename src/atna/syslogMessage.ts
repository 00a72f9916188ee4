/** A message of RFC 5424, without structured data and without a byte order mark. Knows no transport. */
import { hostname } from 'node:os';

/** RFC 5424 §6.2.1. */
export const Severity = { critical: 2, error: 3, warning: 4, notice: 5, informational: 6 } as const;

export interface SyslogMessage {
  readonly facility: number;
  readonly severity: number;
  readonly time: string;
  readonly messageId: string;
  readonly text: string;
}

/** RFC 5424 §6.2.4: 255 printable characters. */
const MAX_HOST_LENGTH = 255;

/** As messages name this machine. */
export const MACHINE_NAME =
  hostname()
    .replace(/[^\x21-\x7e]/g, '')
    .slice(0, MAX_HOST_LENGTH) || '-';

const APPLICATION_NAME = 'aegis';

export function encodeSyslogMessage({ facility, severity, time, messageId, text }: SyslogMessage): Buffer {
  const header = `<${8 * facility + severity}>1 ${time} ${MACHINE_NAME} ${APPLICATION_NAME} ${process.pid} ${messageId} -`;
  return Buffer.from(`${header} ${text}`);
}
