/**
 * Keeps the tables of docs/conformance.md true to the code: a conformance statement is a promise.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { deviations } from '../../../src/association/deviations';
import {
  IMPLEMENTATION_VERSION_NAME,
  inboundAnswer,
  upstreamRequest,
} from '../../../src/association/negotiation';
import { configurationSchema } from '../../../src/config/schema';
import { isKnownRequest, requestRules } from '../../../src/dimse/commands';
import { commandPermissions, permissionFor } from '../../../src/dimse/permissions';
import { tlsProfiles } from '../../../src/net/tlsProfiles';
import {
  APPLICATION_CONTEXT_NAME,
  IMPLEMENTATION_CLASS_UID,
  MAX_ASSOCIATE_BYTES,
  MAX_EMPTY_FRAGMENTS,
  MAX_PRESENTATION_CONTEXTS,
  MAX_TRANSFER_SYNTAXES,
  type UserInformation,
} from '../../../src/pdu/types';
import { reasons } from '../../../src/policy/reasons';
import type { WireAnswer } from '../../../src/policy/wireAnswer';

const text = readFileSync(join(__dirname, '../../../docs/conformance.md'), 'utf8');

/** The cells of the first table below a heading, without its head. */
function table(heading: string): string[][] {
  const section = text.slice(text.indexOf(`\n${heading}\n`)).split(/\n#+ /)[1] ?? '';
  const lines = section.split('\n');
  const first = lines.findIndex((line) => line.startsWith('|'));
  const end = lines.findIndex((line, index) => index > first && !line.startsWith('|'));
  return lines.slice(first + 2, end).map((line) =>
    line
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );
}

function codeIn(cell: string): string[] {
  return [...cell.matchAll(/`([^`]+)`/g)].map(([, code]) => code!);
}

const answers: readonly WireAnswer[] = Object.values(reasons).map(({ wire }) => wire);

describe('docs/conformance.md', () => {
  it('gives each request the permission that the policy asks for', () => {
    const commandFields = Array.from({ length: 0x1000 }, (_, field) => field).filter(isKnownRequest);
    const fieldOf = (name: string) => commandFields.find((field) => requestRules(field)?.name === name)!;
    const rows = table('## Services and permissions').map(([commands, sopClass, permission]) => ({
      commands: commands!.split(', '),
      uids: codeIn(sopClass!).filter((uid) => /^[\d.]+\*?$/.test(uid)),
      permission: codeIn(permission!)[0],
    }));
    for (const { commands, uids, permission } of rows) {
      for (const command of commands) {
        for (const uid of uids.length === 0 ? ['1.2.3'] : uids) {
          expect([command, uid, permissionFor(fieldOf(command), uid.replace('*', '1'))]).toEqual([
            command,
            uid,
            permission,
          ]);
        }
      }
    }
    const permissions = new Set(rows.map(({ permission }) => permission));
    expect([...permissions].filter(Boolean).sort()).toEqual([...commandPermissions].sort());
    const named = new Set(rows.flatMap(({ commands }) => commands.map(fieldOf)));
    expect(commandFields.filter((field) => !named.has(field)).map((f) => requestRules(f)?.name)).toEqual([
      'C-CANCEL',
    ]);
  });

  it('names itself as on the wire', () => {
    const facts = table('### General').map(([, value]) => codeIn(value!)[0]);
    expect(facts).toEqual(
      expect.arrayContaining([
        APPLICATION_CONTEXT_NAME,
        IMPLEMENTATION_CLASS_UID,
        IMPLEMENTATION_VERSION_NAME,
      ]),
    );
  });

  it('says of each item of user information whether it is passed', () => {
    const bytes = Buffer.from('x');
    const everything: UserInformation = {
      maxPduLength: 4096,
      implementationClassUid: '1.2.3',
      implementationVersionName: 'PEER',
      asynchronousOperations: { invoked: 0, performed: 0 },
      roleSelections: [{ sopClassUid: '1.2', scu: true, scp: true }],
      extendedNegotiations: [{ sopClassUid: '1.2', applicationInformation: bytes }],
      commonExtendedNegotiations: [
        { version: 0, sopClassUid: '1.2', serviceClassUid: '1.3', relatedSopClassUids: [] },
      ],
      userIdentity: { type: 1, positiveResponseRequested: true, primaryField: bytes, secondaryField: bytes },
      userIdentityResponse: bytes,
    };
    const propertyByItem: Readonly<Record<string, keyof UserInformation>> = {
      '51H': 'maxPduLength',
      '52H': 'implementationClassUid',
      '53H': 'asynchronousOperations',
      '54H': 'roleSelections',
      '55H': 'implementationVersionName',
      '56H': 'extendedNegotiations',
      '57H': 'commonExtendedNegotiations',
      '58H': 'userIdentity',
    };
    const common = {
      protocolVersion: 1,
      calledAeTitle: 'A',
      callingAeTitle: 'B',
      applicationContextName: APPLICATION_CONTEXT_NAME,
      presentationContexts: [],
      userInformation: everything,
    };
    const options = { calledAeTitle: undefined, passUserIdentity: false, maxPduLength: 131072 };
    const request = upstreamRequest(common, options).userInformation;
    const answer = inboundAnswer(common, common, 131072).userInformation;
    const rows = table('### Negotiation').filter(([item]) => /\(5\dH/.test(item!));
    expect(rows).toHaveLength(Object.keys(propertyByItem).length);
    for (const [item, toArchive, toModality] of rows) {
      const property = propertyByItem[/5\dH/.exec(item!)![0]]!;
      const isPassed = JSON.stringify(request[property]) === JSON.stringify(everything[property]);
      const isDropped = request[property] === undefined;
      expect([item, toArchive]).toEqual([
        item,
        expect.stringMatching(isPassed ? /^passed/ : isDropped ? /^dropped/ : /^`limits/),
      ]);
      const answered = property === 'userIdentity' ? answer.userIdentityResponse : answer[property];
      const isNone = answered === undefined || (Array.isArray(answered) && answered.length === 0);
      const isArchives = !isNone && JSON.stringify(answered) !== JSON.stringify(valueOfGateway(property));
      expect([item, toModality]).toEqual([
        item,
        expect.stringMatching(isNone ? /^none/ : isArchives ? /^the archive's/ : /^the gateway's|^`limits/),
      ]);
    }
    function valueOfGateway(property: keyof UserInformation): unknown {
      if (property === 'maxPduLength') return 131072;
      if (property === 'implementationClassUid') return IMPLEMENTATION_CLASS_UID;
      return property === 'implementationVersionName' ? IMPLEMENTATION_VERSION_NAME : undefined;
    }
  });

  it('lists the reasons of A-ABORT that the gateway uses, and no other', () => {
    const used = answers.flatMap((answer) => (answer.kind === 'abort' ? [answer.reason] : []));
    expect(table('### Release and abort').map(([reason]) => Number(reason))).toEqual(
      [...new Set(used)].sort((a, b) => a - b),
    );
  });

  it('lists each deviation and what becomes of it', () => {
    expect(table('### Deviations')).toEqual(
      Object.values(deviations).map(({ sent, treatment, how }) => [sent, treatment, how]),
    );
  });

  it('lists the statuses that the gateway answers itself, and no other', () => {
    const used = answers.flatMap((answer) => (answer.kind === 'status' ? [answer.status] : []));
    const listed = table('### Statuses of its own').map(([status]) => Number.parseInt(status!, 16));
    expect(listed.sort()).toEqual([...new Set(used)].sort());
  });

  const defaults = configurationSchema.parse({
    listeners: [{ name: 'plain', port: 1 }],
    upstreams: {},
    modalities: {},
  });

  it('gives each timer its default and its reason', () => {
    const rows = table('## Timers');
    expect(Object.fromEntries(rows.map(([name, seconds]) => [codeIn(name!)[0], Number(seconds)]))).toEqual(
      defaults.timeouts,
    );
    for (const [, , , end] of rows) {
      for (const reason of codeIn(end!)) expect(Object.keys(reasons)).toContain(reason);
    }
  });

  it('gives each limit its value', () => {
    const rows = new Map(table('## Limits').map(([name, value]) => [name!.replaceAll('`', ''), value!]));
    for (const [key, value] of Object.entries(defaults.limits)) {
      expect([key, Number.parseInt(rows.get(`limits.${key}`) ?? '', 10)]).toEqual([key, value]);
    }
    expect(rows.get('A-ASSOCIATE PDU')).toBe(`${MAX_ASSOCIATE_BYTES} bytes`);
    expect(rows.get('presentation contexts')).toBe(String(MAX_PRESENTATION_CONTEXTS));
    expect(rows.get('transfer syntaxes of one context')).toBe(String(MAX_TRANSFER_SYNTAXES));
    expect(rows.get('empty fragments in a row')).toBe(String(MAX_EMPTY_FRAGMENTS));
  });

  it('gives each TLS profile its clause, versions and suites', () => {
    const rows = table('### TLS').map(([profile, clause, versions, suites]) => ({
      profile: codeIn(profile!)[0],
      isRetired: profile!.includes('retired'),
      isWarnedAbout: profile!.includes('warned about'),
      clause,
      versions,
      suites: suites!.split(', '),
    }));
    const all = ['TLSv1', 'TLSv1.1', 'TLSv1.2', 'TLSv1.3'];
    expect(rows).toEqual(
      Object.entries(tlsProfiles).map(([profile, { clause, title, warning, options }]) => ({
        profile,
        isRetired: title.includes('retired'),
        isWarnedAbout: warning !== undefined,
        clause,
        versions: `TLS ${all
          .slice(all.indexOf(options.minVersion!), all.indexOf(options.maxVersion ?? 'TLSv1.3') + 1)
          .map((version) => version.replace('TLSv', '').replace(/^1$/, '1.0'))
          .join(', ')}`,
        suites: options.ciphers!.split(':').filter((suite) => !suite.startsWith('@')),
      })),
    );
  });
});
