/**
 * A DICOM audit message (PS3.15 §A.5.1.1) as data, and as XML. Owns the codes, and that no text breaks the XML. Does not
 * know what makes a message.
 */
import Builder from 'fast-xml-builder';
import { MACHINE_NAME } from './syslogMessage';

/** Codes of DICOM (PS3.16 CID 400 to 403), each with its meaning. */
export const Code = {
  ApplicationActivity: ['110100', 'Application Activity'],
  BeginTransferring: ['110102', 'Begin Transferring DICOM Instances'],
  InstancesTransferred: ['110104', 'DICOM Instances Transferred'],
  Query: ['110112', 'Query'],
  SecurityAlert: ['110113', 'Security Alert'],
  ApplicationStart: ['110120', 'Application Start'],
  ApplicationStop: ['110121', 'Application Stop'],
  NodeAuthentication: ['110126', 'Node Authentication'],
  SecurityConfiguration: ['110129', 'Security Configuration'],
  SoftwareConfiguration: ['110131', 'Software Configuration'],
  RestrictedFunction: ['110132', 'Use of Restricted Function'],
  RecordingStopped: ['110133', 'Audit Recording Stopped'],
  RecordingStarted: ['110134', 'Audit Recording Started'],
  Application: ['110150', 'Application'],
  ApplicationLauncher: ['110151', 'Application Launcher'],
  Destination: ['110152', 'Destination Role ID'],
  Source: ['110153', 'Source Role ID'],
  StudyInstanceUid: ['110180', 'Study Instance UID'],
  SopClassUid: ['110181', 'SOP Class UID'],
  NodeId: ['110182', 'Node ID'],
} as const satisfies Readonly<Record<string, readonly [code: string, meaning: string]>>;

export type CodeName = keyof typeof Code;

export type Outcome = 'success' | 'minor' | 'serious';

const OUTCOMES: Readonly<Record<Outcome, string>> = { success: '0', minor: '4', serious: '8' };

/** For what a message must have and nobody knows. */
export const UNKNOWN = '<none>';

export interface Participant {
  readonly userId: string;
  readonly aeTitles?: readonly string[] | undefined;
  readonly userName?: string;
  /** At most one of a message. */
  readonly isRequestor?: boolean;
  readonly machine?: string | undefined;
  readonly role?: CodeName;
}

export type MessageObject =
  | {
      readonly kind: 'study';
      readonly id: string;
      /** By UID; '' where the class is not known. */
      readonly instancesBySopClass: ReadonlyMap<string, number>;
    }
  | { readonly kind: 'patient'; readonly id: string; readonly name: string }
  | {
      readonly kind: 'query';
      readonly sopClassUid: string;
      readonly query: string | undefined;
      readonly transferSyntaxUid: string | undefined;
    }
  | { readonly kind: 'node'; readonly id: string; readonly name: string; readonly alert: string };

export interface AuditMessage {
  readonly event: CodeName;
  readonly type?: CodeName;
  readonly action: 'C' | 'R' | 'E';
  readonly time: string;
  readonly outcome: Outcome;
  readonly participants: readonly Participant[];
  readonly objects?: readonly MessageObject[];
}

export interface MessageSource {
  readonly sourceId: string;
  readonly siteId: string | undefined;
}

/** Of the gateway itself. */
export function gatewayParticipant(aeTitles: readonly string[] | undefined): Participant {
  return { userId: String(process.pid), aeTitles, userName: 'aegis', machine: MACHINE_NAME };
}

const builder = new Builder({
  ignoreAttributes: false,
  attributeNamePrefix: '@',
  suppressEmptyNode: true,
  suppressBooleanAttributes: false,
});

export function auditMessageXml(message: AuditMessage, { sourceId, siteId }: MessageSource): string {
  const { event, type, action, time, outcome, participants, objects = [] } = message;
  return builder.build({
    '?xml': { '@version': '1.0', '@encoding': 'UTF-8' },
    AuditMessage: {
      EventIdentification: {
        '@EventActionCode': action,
        '@EventDateTime': time,
        '@EventOutcomeIndicator': OUTCOMES[outcome],
        EventID: dicomCode(event),
        ...(type === undefined ? {} : { EventTypeCode: dicomCode(type) }),
      },
      ActiveParticipant: participants.map(participantElement),
      AuditSourceIdentification: {
        ...(siteId === undefined ? {} : { '@AuditEnterpriseSiteID': plain(siteId) }),
        '@AuditSourceID': plain(sourceId),
        // Application server.
        AuditSourceTypeCode: { '@csd-code': '4' },
      },
      ParticipantObjectIdentification: objects.map(objectElement),
    },
  });
}

function dicomCode(name: CodeName) {
  const [code, meaning] = Code[name];
  return { '@csd-code': code, '@codeSystemName': 'DCM', '@originalText': meaning };
}

function participantElement({ userId, aeTitles, userName, isRequestor, machine, role }: Participant) {
  return {
    '@UserID': plain(userId),
    ...(aeTitles === undefined ? {} : { '@AlternativeUserID': `AETITLES=${plain(aeTitles.join(';'))}` }),
    ...(userName === undefined ? {} : { '@UserName': plain(userName) }),
    '@UserIsRequestor': String(isRequestor === true),
    ...(machine === undefined
      ? {}
      : {
          '@NetworkAccessPointID': plain(machine),
          '@NetworkAccessPointTypeCode': isAddress(machine) ? '2' : '1',
        }),
    ...(role === undefined ? {} : { RoleIDCode: dicomCode(role) }),
  };
}

/** PS3.15 Table A.5.2-1 and the tables of the messages; the codes of roles and types are those of §A.5.1.2. */
function objectElement(object: MessageObject) {
  switch (object.kind) {
    case 'study':
      return {
        ...objectHead(object.id, '2', '3'),
        ParticipantObjectIDTypeCode: dicomCode('StudyInstanceUid'),
        ParticipantObjectName: plain(object.id),
        ParticipantObjectDescription: {
          SOPClass: [...object.instancesBySopClass].map(([uid, count]) => ({
            ...(uid === '' ? {} : { '@UID': uid }),
            '@NumberOfInstances': String(count),
          })),
        },
      };
    case 'patient':
      return {
        ...objectHead(object.id, '1', '1'),
        ParticipantObjectIDTypeCode: {
          '@csd-code': '2',
          '@codeSystemName': 'RFC-3881',
          '@originalText': 'Patient Number',
        },
        ParticipantObjectName: plain(object.name),
      };
    case 'query':
      return {
        ...objectHead(object.sopClassUid, '2', '3'),
        ParticipantObjectIDTypeCode: dicomCode('SopClassUid'),
        ...(object.query === undefined
          ? { ParticipantObjectName: UNKNOWN }
          : { ParticipantObjectQuery: object.query }),
        ...(object.transferSyntaxUid === undefined
          ? {}
          : { ParticipantObjectDetail: detail('TransferSyntax', object.transferSyntaxUid) }),
      };
    case 'node':
      return {
        ...objectHead(object.id, '2', '13'),
        ParticipantObjectIDTypeCode: dicomCode('NodeId'),
        ParticipantObjectName: plain(object.name),
        ParticipantObjectDetail: detail('Alert Description', object.alert),
      };
  }
}

function objectHead(id: string, typeCode: '1' | '2', role: '1' | '3' | '13') {
  return {
    '@ParticipantObjectID': plain(id),
    '@ParticipantObjectTypeCode': typeCode,
    '@ParticipantObjectTypeCodeRole': role,
  };
}

function detail(type: string, text: string) {
  return { '@type': type, '@value': Buffer.from(text.slice(0, MAX_DETAIL_LENGTH)).toString('base64') };
}

function isAddress(machine: string): boolean {
  return /^[\d.]+$/.test(machine) || machine.includes(':');
}

/** Names of certificates and details of a reload can come near these. */
const MAX_TEXT_LENGTH = 512;
const MAX_DETAIL_LENGTH = 4096;

/** Characters that XML 1.0 §2.2 does not have, and those that break a line, become spaces. */
function plain(text: string): string {
  const characters = Buffer.from(text.slice(0, MAX_TEXT_LENGTH)).toString();
  return characters.replace(/[\p{Cc}\ufffe\uffff]/gu, ' ').trim();
}
