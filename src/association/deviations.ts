/**
 * What devices send that is not as the standard says, and what becomes of it: one table. docs/conformance.md shows it, and
 * test/integration/peers/deviations.test.ts sends each row to real peers and through the gateway. The code that does what
 * a row says is in pdu/ and dimse/.
 */

export interface Deviation {
  /** What is odd. */
  readonly sent: string;
  readonly treatment: 'tolerated' | 'repaired' | 'refused';
  /** What the other side sees of it, or what is answered. */
  readonly how: string;
}

export const deviations = {
  abstractSyntaxForeign: {
    sent: 'an abstract syntax that is missing, empty, repeated or not a UID',
    treatment: 'refused',
    how: 'the context: result 3, never proposed to the archive',
  },
  transferSyntaxForeign: {
    sent: 'a transfer syntax that is empty or not a UID',
    treatment: 'repaired',
    how: 'left out; with none left the context is refused: result 4',
  },
  uidLeftovers: {
    sent: 'a UID with NULs, spaces, or leftovers behind a NUL',
    treatment: 'repaired',
    how: 'cut at the first NUL, without spaces at its end',
  },
  contextIdEven: {
    sent: 'an even presentation context id, or more than 128 contexts',
    treatment: 'tolerated',
    how: 'passed, as DCMTK and Orthanc take them',
  },
  contextRepeated: {
    sent: 'the same presentation context twice',
    treatment: 'repaired',
    how: 'passed once',
  },
  contextIdOfTwo: {
    sent: 'two presentation contexts with one id',
    treatment: 'refused',
    how: 'the context: result 2',
  },
  contextsUnusable: {
    sent: 'a request with refused contexts only',
    treatment: 'refused',
    how: 'all of its contexts; the association is open, the archive is not connected to',
  },
  implementationClassForeign: {
    sent: 'an implementation class UID that is not a UID',
    treatment: 'repaired',
    how: "the gateway's own",
  },
  roleForeign: {
    sent: 'a role selection byte other than 0 and 1',
    treatment: 'repaired',
    how: 'as DCMTK reads it, sent as 0 or 1',
  },
  subItemBroken: {
    sent: 'a sub-item of the user information that cannot be read',
    treatment: 'refused',
    how: 'the sub-item is left out',
  },
  subItemRepeated: {
    sent: 'a sub-item of the user information twice',
    treatment: 'repaired',
    how: 'once if both are the same, else left out; of two maximum lengths the smaller one',
  },
  subItemLong: {
    sent: 'bytes behind the last field of a sub-item',
    treatment: 'repaired',
    how: 'left out; a user identity with such bytes is left out',
  },
  aeTitleLeftovers: {
    sent: 'an AE title with leftovers behind a NUL',
    treatment: 'repaired',
    how: 'cut at the first NUL, for policy and archive alike',
  },
  applicationContextsDiffer: {
    sent: 'two application contexts that differ',
    treatment: 'refused',
    how: 'the association: 1/1/2',
  },
  answerForeign: {
    sent: "in the archive's answer: a context or a transfer syntax that was not proposed, or two of them",
    treatment: 'refused',
    how: 'the context: result 2; one that was not proposed is left out',
  },
  instanceUidForeign: {
    sent: 'a SOP instance UID of 1 to 64 printable characters that is not a UID',
    treatment: 'tolerated',
    how: 'passed as it came, named in the audit line',
  },
  instanceUidUnprintable: {
    sent: 'a SOP instance UID with control or foreign characters, or longer than 64',
    treatment: 'refused',
    how: 'the message: 0117H',
  },
  sopClassForeign: {
    sent: 'a SOP class UID that is not a UID',
    treatment: 'refused',
    how: 'the message: 0118H',
  },
  sopClassSucceeded: {
    sent: 'a C-STORE of a retired class on the context of its successor, or the reverse',
    treatment: 'tolerated',
    how: 'passed where the modality may store both classes',
  },
  sopClassOfOtherContext: {
    sent: 'any other SOP class than that of the context',
    treatment: 'refused',
    how: 'the message: 0122H',
  },
  groupLengthWrong: {
    sent: 'a group length that is wrong or missing',
    treatment: 'repaired',
    how: 'the right one',
  },
  elementsDisordered: {
    sent: 'elements of a request that are repeated, out of order or of another group',
    treatment: 'refused',
    how: 'the message: 0212H; A-ABORT where command, message ID or data set type are repeated',
  },
  elementMissing: {
    sent: 'a request without an element that it needs, or with a value of the wrong length',
    treatment: 'refused',
    how: 'the message: 0212H; A-ABORT where there is no message ID',
  },
  cancelOnOtherContext: {
    sent: 'a C-CANCEL on another context than its operation',
    treatment: 'repaired',
    how: 'passed on the context of the operation, which its message ID names',
  },
  cancelMalformed: {
    sent: 'a C-CANCEL that names no operation, or has a data set',
    treatment: 'refused',
    how: 'the message: left out, named in the audit log',
  },
  responseIncomplete: {
    sent: 'a response without the message ID or the status that it needs',
    treatment: 'refused',
    how: 'the association: A-ABORT, as DCMTK and Orthanc end it',
  },
  moveOriginatorForeign: {
    sent: 'a move originator that is not an AE title',
    treatment: 'repaired',
    how: 'left out',
  },
  dataSetOdd: {
    sent: 'a data set with an odd number of bytes',
    treatment: 'repaired',
    how: 'filled up with one NUL, named in the audit line',
  },
} as const satisfies Readonly<Record<string, Deviation>>;

export type DeviationName = keyof typeof deviations;
