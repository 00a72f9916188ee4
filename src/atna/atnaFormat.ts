/** Audit events as DICOM audit messages, of all kinds together. Loaded only where they are wanted. */
import type { AuditEvent } from '../audit/events';
import type { Disclosure } from '../gateway/dataSetTap';
import { type AuditMessage, auditMessageXml, type Outcome } from './auditMessage';
import { type MessageContext, messageOfEvent } from './eventMessages';
import { OperationMessages } from './operationMessages';

export function atnaFormat(context: MessageContext, send: (outcome: Outcome, xml: string) => void) {
  const write = (message: AuditMessage) => send(message.outcome, auditMessageXml(message, context));
  const operations = new OperationMessages(write);
  return {
    record(event: AuditEvent): void {
      operations.record(event);
      const message = messageOfEvent(event, context);
      if (message !== undefined) write(message);
    },
    disclose: (disclosure: Disclosure) => operations.disclose(disclosure),
    close: () => operations.close(),
  };
}
