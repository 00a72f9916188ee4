/** Each DICOM audit message: made of audit events, judged by the schema of PS3.15 §A.5.1.1. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { atnaFormat } from '../../../src/atna/atnaFormat';
import { alertsOfGateway, alertsOfPeers } from '../../../src/atna/eventMessages';
import type { AuditEvent } from '../../../src/audit/events';
import { SealedFacts } from '../../../src/dimse/dataSetFacts';
import { describeWithPeers } from '../../support/peers';
import { runProcess, temporaryFolder } from '../../support/processes';

const schema = join(__dirname, '../../support/auditMessageSchema.rng');

function open() {
  const messages: string[] = [];
  const outcomes: string[] = [];
  const context = { sourceId: 'aegis@gw1', siteId: 'hospital', aeTitles: ['ARCHIVE', 'PACS'] };
  const format = atnaFormat(context, (outcome, xml) => {
    outcomes.push(outcome);
    messages.push(xml);
  });
  return { format, messages, outcomes };
}

const ofAssociation = {
  connectionId: '00',
  modality: 'ct1',
  listener: 'tls',
  direction: 'ingress',
  sourceAddress: '10.1.2.3',
  sourcePort: 1024,
  callingAeTitle: 'CT1',
  calledAeTitle: 'ARCHIVE',
  upstream: '10.9.9.9:4242',
} as const;

function completed(command: string, changes: Partial<AuditEvent> = {}): AuditEvent {
  return {
    event: 'command.completed',
    outcome: 'allowed',
    ...ofAssociation,
    command,
    status: '0x0000',
    ...changes,
  };
}

const released: AuditEvent = { event: 'association.released', outcome: 'info', ...ofAssociation };
const facts = { studyInstanceUids: ['1.2.3.4'], patientId: 'PID1^^^HOSP', patientName: 'DOE^JANE' };

function disclosure(changes: object = {}, its: object = facts) {
  return {
    connectionId: '00',
    isFromUpstream: false,
    facts: new SealedFacts({ ...facts, ...its }),
    ...changes,
  };
}

/** In few words: `110104 C 0 | CT1>ARCHIVE 1.2.3.4 ...`. */
function outline(xml: string): string {
  const all = (pattern: RegExp) => [...xml.matchAll(pattern)].map(([, found]) => found);
  const codes = all(/<Event(?:ID|TypeCode) csd-code="(\d+)"/g).join(' ');
  const [action] = all(/EventActionCode="(.)"/g);
  const [outcome] = all(/EventOutcomeIndicator="(\d+)"/g);
  const participants = [
    ...xml.matchAll(/<ActiveParticipant UserID="([^"]*)"([^>]*)>(?:<RoleIDCode csd-code="(\d+)")?/g),
  ].map(([, id, rest, role]) => {
    const title = /AETITLES=([^"]*)/.exec(rest!)?.[1] ?? id;
    const isRequestor = rest!.includes('UserIsRequestor="true"');
    return `${title}${isRequestor ? '*' : ''}${role === undefined ? '' : `:${role}`}`;
  });
  const objects = [
    ...xml.matchAll(
      /<ParticipantObjectIdentification ParticipantObjectID="([^"]*)".*?<\/ParticipantObjectIdentification>/g,
    ),
  ].map(([text, id]) =>
    [id, ...[...text!.matchAll(/NumberOfInstances="(\d+)"/g)].map(([, count]) => `x${count}`)].join(' '),
  );
  return [codes, `${action}${outcome}`, participants.join(' '), ...objects].join(' | ');
}

async function judge(messages: readonly string[]): Promise<string> {
  const folder = temporaryFolder();
  const files = messages.map((xml, index) => {
    const file = join(folder, `${index}.xml`);
    writeFileSync(file, xml);
    return file;
  });
  const { exitCode, output } = await runProcess('xmllint', ['--noout', '--relaxng', schema, ...files]);
  return exitCode === 0 ? 'valid' : output;
}

describe('transfers', () => {
  it('are a beginning for each study, and counts for each at the end of the association', () => {
    const { format, messages } = open();
    const store = (changes: Partial<AuditEvent>, its: object = {}) => {
      format.disclose(disclosure({}, its));
      format.record(completed('C-STORE', { sopClass: 'CTImageStorage', ...changes }));
    };
    store({});
    store({});
    store({ sopClass: 'EnhancedSRStorage' });
    store({ status: '0xA700' });
    store({ status: '0xB000' });
    store({ status: undefined, outcome: 'failed' });
    store({}, { studyInstanceUids: ['1.2.3.5'] });
    expect(messages.map(outline)).toEqual([
      '110102 | E0 | CT1*:110153 ARCHIVE:110152 | 1.2.3.4 x1 | PID1^^^HOSP',
      '110102 | E0 | CT1*:110153 ARCHIVE:110152 | 1.2.3.5 x1 | PID1^^^HOSP',
    ]);
    messages.length = 0;
    format.record(released);
    expect(messages.map(outline)).toEqual([
      '110104 | C0 | CT1*:110153 ARCHIVE:110152 | 1.2.3.4 x3 x1 | PID1^^^HOSP',
      '110104 | C4 | CT1*:110153 ARCHIVE:110152 | 1.2.3.4 x2 | PID1^^^HOSP',
      '110104 | C0 | CT1*:110153 ARCHIVE:110152 | 1.2.3.5 x1 | PID1^^^HOSP',
    ]);
    expect(messages[0]).toContain('<ParticipantObjectName>DOE^JANE</ParticipantObjectName>');
    format.record(released);
    expect(messages).toHaveLength(3);
  });

  it('name no patient and no study where nothing was disclosed', () => {
    const { format, messages } = open();
    format.record(completed('C-STORE', { sopClass: 'CTImageStorage' }));
    format.record({
      ...released,
      event: 'association.aborted',
      outcome: 'failed',
      reason: 'modality-closed',
    });
    expect(messages.map(outline)).toEqual([
      '110102 | E0 | CT1*:110153 ARCHIVE:110152 | &lt;none&gt; x1 | &lt;none&gt;',
      '110104 | C0 | CT1*:110153 ARCHIVE:110152 | &lt;none&gt; x1 | &lt;none&gt;',
    ]);
  });

  it('never take the facts of another association', () => {
    const { format, messages } = open();
    format.disclose(disclosure({ connectionId: '01' }));
    format.record(completed('C-STORE'));
    expect(messages.join()).not.toContain('DOE');
  });

  it('go the other way in egress, and in a C-GET', () => {
    const { format, messages } = open();
    format.disclose(disclosure());
    format.record(
      completed('C-STORE', {
        connectionId: '00',
        direction: 'egress',
        callingAeTitle: 'ORTHANC',
        calledAeTitle: 'WS1',
      }),
    );
    format.record(released);
    format.disclose(disclosure({ isFromUpstream: true }));
    format.record(completed('C-STORE'));
    format.disclose(disclosure({ completed: 1, failed: 0 }));
    format.record(completed('C-GET'));
    format.record(released);
    expect(messages.map(outline)).toEqual([
      '110102 | E0 | ORTHANC*:110153 WS1:110152 | 1.2.3.4 x1 | PID1^^^HOSP',
      '110104 | R0 | ORTHANC*:110153 WS1:110152 | 1.2.3.4 x1 | PID1^^^HOSP',
      '110102 | E0 | ARCHIVE:110153 CT1*:110152 | 1.2.3.4 x1 | PID1^^^HOSP',
      '110104 | R0 | ARCHIVE:110153 CT1*:110152 | 1.2.3.4 x1 | PID1^^^HOSP',
    ]);
    expect(messages[0]).toContain('NetworkAccessPointID="10.9.9.9"');
  });

  it('of a C-MOVE name who asked and where it goes, with what its response counts', () => {
    const { format, messages } = open();
    format.disclose(disclosure({ completed: 7, failed: 2 }, { studyInstanceUids: ['1.2.3.4', '1.2.3.5'] }));
    format.record(completed('C-MOVE', { moveDestination: 'WS1', status: '0xB000' }));
    format.disclose(disclosure({ completed: 0, failed: 0 }));
    format.record(completed('C-GET', { status: '0xA701' }));
    expect(messages.map(outline)).toEqual([
      '110102 | E0 | ARCHIVE:110153 WS1:110152 CT1* | 1.2.3.4 x9 | 1.2.3.5 | PID1^^^HOSP',
      '110104 | R0 | ARCHIVE:110153 WS1:110152 CT1* | 1.2.3.4 x7 | 1.2.3.5 | PID1^^^HOSP',
      '110104 | R4 | ARCHIVE:110153 WS1:110152 CT1* | 1.2.3.4 x2 | 1.2.3.5 | PID1^^^HOSP',
      '110102 | E0 | ARCHIVE:110153 CT1*:110152 | 1.2.3.4 x0 | PID1^^^HOSP',
      '110104 | R4 | ARCHIVE:110153 CT1*:110152 | 1.2.3.4 x0 | PID1^^^HOSP',
    ]);
  });

  it('are written early where an association has very many studies', () => {
    const { format, messages } = open();
    for (let study = 0; study < 250; study += 1) {
      format.disclose(disclosure({}, { studyInstanceUids: [`1.2.${study}`] }));
      format.record(completed('C-STORE'));
    }
    expect(messages.filter((xml) => xml.includes('110104'))).toHaveLength(50);
    format.close();
    expect(messages.filter((xml) => xml.includes('110104'))).toHaveLength(250);
  });
});

it('has the keys of a query only where they were disclosed', () => {
  const { format, messages } = open();
  const find = completed('C-FIND', {
    sopClass: 'StudyRootQueryRetrieveInformationModelFind',
    status: '0xC001',
  });
  format.record(find);
  format.disclose(disclosure({}, { query: 'CABSAAYAAABTVFVEWSA=', transferSyntaxUid: '1.2.840.10008.1.2' }));
  format.record({ ...find, status: '0x0000' });
  expect(messages.map(outline)).toEqual([
    '110112 | E4 | CT1*:110153 ARCHIVE:110152 | 1.2.840.10008.5.1.4.1.2.2.1',
    '110112 | E0 | CT1*:110153 ARCHIVE:110152 | 1.2.840.10008.5.1.4.1.2.2.1',
  ]);
  expect(messages[1]).toMatch(
    /<ParticipantObjectQuery>CABSAAYAAABTVFVEWSA=<\/ParticipantObjectQuery><ParticipantObjectDetail type="TransferSyntax" value="MS4yLjg0MC4xMDAwOC4xLjI="\/>/,
  );
});

const denied: AuditEvent = { event: 'association.rejected', outcome: 'denied', ...ofAssociation };
const alerts: [AuditEvent, string][] = [
  [{ event: 'gateway.started', outcome: 'info' }, '110100 110120 | E0 | ARCHIVE;PACS:110150'],
  [{ event: 'gateway.stopped', outcome: 'info' }, '110100 110121 | E0 | ARCHIVE;PACS:110150'],
  [
    {
      event: 'connection.refused',
      outcome: 'denied',
      reason: 'certificate-untrusted',
      sourceAddress: '10.1.2.77',
      sourcePort: 51234,
    },
    '110113 110126 | E4 |',
  ],
  [{ ...denied, reason: 'certificate-mismatch' }, '110113 110126 | E4 | ARCHIVE* CT1 | CT1@10.1.2.3'],
  [{ ...denied, reason: 'called-ae-title-not-allowed' }, '110113 110132 | E4 | ARCHIVE CT1 | CT1@10.1.2.3'],
  [
    { ...denied, reason: 'calling-ae-title-unknown', count: 900 },
    '110113 110126 | E8 | ARCHIVE* CT1 | CT1@10.1.2.3',
  ],
  [
    {
      ...denied,
      event: 'command.refused',
      reason: 'command-not-allowed',
      command: 'C-FIND',
      status: '0x0124',
    },
    '110113 110132 | E4 | ARCHIVE CT1 | CT1@10.1.2.3',
  ],
  [{ ...denied, event: 'association.unusable', reason: 'command-not-allowed' }, '110113 110132 | E4'],
  [
    { event: 'penalty.imposed', outcome: 'info', reason: 'penalty', sourceAddress: '10.1.2.77' },
    '110113 110126 | E4 | ARCHIVE;PACS 10.1.2.77',
  ],
  [
    { event: 'configuration.reloaded', outcome: 'info', requestedBy: { by: 'admin', systemUser: 'alice' } },
    '110113 110129 | E0 | ARCHIVE;PACS alice* | aegis@gw1',
  ],
  [{ event: 'configuration.rejected', outcome: 'failed' }, '110113 110129 | E4 | ARCHIVE;PACS | aegis@gw1'],
  [{ event: 'certificate.reloaded', outcome: 'info' }, '110113 110129 | E0'],
  [{ event: 'modality.locked', outcome: 'info', modality: 'ct1' }, '110113 110129 | E0 | ARCHIVE;PACS | ct1'],
  [{ event: 'syslog.down', outcome: 'failed' }, '110113 110133 | E8'],
  [{ event: 'syslog.lost', outcome: 'failed', count: 3 }, '110113 110133 | E8'],
  [{ event: 'syslog.up', outcome: 'info' }, '110113 110134 | E0'],
];

describe('alerts', () => {
  it.each(alerts)('%j', (event, expected) => {
    const { format, messages } = open();
    format.record(event);
    expect(messages.map(outline)).toEqual([expect.stringContaining(expected)]);
  });

  it.each<AuditEvent>([
    { ...denied, event: 'connection.refused', outcome: 'info', reason: 'tls-closed' },
    { ...denied, event: 'association.accepted', outcome: 'allowed' },
    { ...denied, outcome: 'failed', reason: 'upstream-unavailable' },
    completed('C-ECHO'),
    { event: 'upstream.down', outcome: 'failed' },
    { event: 'certificate.expiring', outcome: 'info' },
  ])('are not made of $event $outcome', (event) => {
    const { format, messages } = open();
    format.record(event);
    expect(messages).toEqual([]);
  });
});

it('lets no text from the network break the XML, or grow without end', () => {
  const { format, messages } = open();
  const nasty = '"><X a=\'&\u0000\u001b[31m\ufffe\ud800 ü';
  format.disclose(disclosure({}, { patientName: nasty, patientId: nasty.repeat(1000) }));
  format.record(completed('C-STORE', { callingAeTitle: nasty, sopClass: nasty }));
  format.record({
    ...denied,
    callingAeTitle: nasty,
    detail: nasty.repeat(10_000),
    tls: { subject: nasty } as never,
  });
  expect(messages.every((xml) => xml.length < 20_000)).toBe(true);
  expect(messages.join()).not.toMatch(/[\p{Cc}\ufffe]|<X/u);
});

it('docs/atna.md has a row for each event that becomes an alert', () => {
  const text = readFileSync(join(__dirname, '../../../docs/atna.md'), 'utf8');
  for (const event of [...alertsOfPeers.keys(), ...alertsOfGateway.keys()])
    expect(text).toContain(`\`${event}\``);
});

describeWithPeers(['xmllint'], 'the schema of PS3.15', () => {
  it('accepts every message', async () => {
    const { format, messages } = open();
    for (const [event] of alerts) format.record(event);
    const nasty = '"><X a=\'&\u0000\u001b[31m\ufffe\ud800 ü';
    for (const name of ['DOE^JANE', nasty]) {
      format.disclose(disclosure({}, { patientName: name, patientId: name }));
      format.record(completed('C-STORE', { sopClass: 'CTImageStorage', callingAeTitle: nasty }));
    }
    format.disclose(disclosure({ completed: 3, failed: 1 }));
    format.record(completed('C-MOVE', { moveDestination: 'WS1' }));
    format.record(completed('C-FIND'));
    format.disclose(disclosure({}, { query: 'CABSAA==', transferSyntaxUid: '1.2' }));
    format.record(completed('C-FIND'));
    format.record(released);
    expect(messages.length).toBeGreaterThanOrEqual(25);
    expect(await judge(messages)).toBe('valid');
  });

  it('refuses one that is not', async () => {
    expect(await judge(['<AuditMessage><EventIdentification/></AuditMessage>'])).toContain(
      'fails to validate',
    );
  });
});
