/** What the lines of an association say of the modality, whichever end it is at. */
import type { Socket } from 'node:net';
import { describe, expect, it } from '@jest/globals';
import type { AcceptedContexts } from '../../../src/association/negotiation';
import type { AuditEvent } from '../../../src/audit/events';
import { AssociationRecord } from '../../../src/gateway/associationRecord';
import { OutstandingOperations } from '../../../src/gateway/operations';
import { decodeAssociateAc, decodeAssociateRq } from '../../../src/pdu/associate';
import { CommandField } from '../../support/dicomBytes';
import { fullAnswerBody, fullRequestBody } from '../../support/pduBytes';
import { SopClass, TransferSyntax } from '../../support/uids';

const contexts: AcceptedContexts = new Map([
  [1, { abstractSyntax: SopClass.Verification, transferSyntax: TransferSyntax.ImplicitVrLittleEndian }],
  [3, { abstractSyntax: SopClass.CTImageStorage, transferSyntax: TransferSyntax.ExplicitVrLittleEndian }],
]);

function accepted(direction: 'ingress' | 'egress') {
  const events: AuditEvent[] = [];
  const connection = {
    connectionId: '00',
    listener: 'plain',
    socket: {} as Socket,
    sourceAddress: '127.0.0.1',
    sourcePort: 1,
    pendingDone: () => {},
  };
  const audit = { record: (event: AuditEvent) => void events.push(event) };
  const record = new AssociationRecord({ audit, disclosures: undefined }, connection, direction);
  record.requested(decodeAssociateRq(fullRequestBody().bytes));
  record.accepted(undefined, [], decodeAssociateAc(fullAnswerBody().bytes), contexts);
  return { record, events };
}

const NO_DATA_SET = { CommandDataSetType: 0x0101 };

describe('the lines of an association', () => {
  it('name the implementation of the modality, which asks in ingress and answers in egress', () => {
    expect(accepted('ingress').events).toMatchObject([
      { implementationClassUid: '1.2.3.4', implementationVersionName: 'CT_SOFTWARE_1' },
    ]);
    expect(accepted('egress').events).toMatchObject([{ implementationVersionName: 'ARCHIVE_1' }]);
  });

  it('name the transfer syntax of what is stored, and of nothing else', () => {
    const { record, events } = accepted('ingress');
    const operations = new OutstandingOperations();
    const end = (contextId: number, field: number, sopClass: string) => {
      const request = {
        ...NO_DATA_SET,
        CommandField: field,
        MessageID: contextId,
        AffectedSOPClassUID: sopClass,
      };
      record.operationEnded(operations.begin(contextId, request), {
        ...NO_DATA_SET,
        CommandField: field,
        Status: 0,
      });
    };
    end(1, CommandField.CEchoRq, SopClass.Verification);
    end(3, CommandField.CStoreRq, SopClass.CTImageStorage);
    expect(events.slice(1).map(({ command, transferSyntax }) => [command, transferSyntax])).toEqual([
      ['C-ECHO', undefined],
      ['C-STORE', 'ExplicitVRLittleEndian'],
    ]);
  });
});
