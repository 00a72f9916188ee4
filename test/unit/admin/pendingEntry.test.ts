import { describe, expect, it } from '@jest/globals';
import type { PendingCaller } from '../../../src/admin/pendingCaller';
import { entryOf, entryThatLetsIn, otherRemedy, proposedPermissions } from '../../../src/admin/pendingEntry';
import { decideAssociation } from '../../../src/policy/decide';
import {
  associationRequest,
  certificateOf,
  configurationOf,
  type ModalityInput,
  policyOf,
} from '../../support/policyOf';

const shown = certificateOf('ct9');
const caller: PendingCaller = {
  id: '0123456789ab',
  callingAeTitle: 'CT9',
  calledAeTitle: 'orthanc',
  sourceAddress: '10.1.2.9',
  listener: 'tls',
  isTls: true,
  certificate: {
    fingerprint256: shown.fingerprint256,
    spkiSha256: shown.spkiSha256,
    subject: shown.subject,
    issuer: shown.issuer,
  },
  proposedSopClasses: ['Verification', 'CTImageStorage'],
  commands: [],
  reason: 'calling-ae-title-unknown',
  firstSeen: '2026-01-01T00:00:00.000Z',
  lastSeen: '2026-01-01T00:00:00.000Z',
  count: 1,
};
const { certificate: _, ...withoutCertificate } = caller;
const plainCaller: PendingCaller = { ...withoutCertificate, listener: 'plain', isTls: false };

const twoUpstreams = configurationOf({});
const oneUpstream = configurationOf({}, { upstreams: { ORTHANC: { servers: ['127.0.0.1:4242'] } } });
const allow = ['echo', 'store'] as const;

describe('an entry that lets a pending caller in', () => {
  const { entry } = entryOf(caller, oneUpstream, { allow });
  const withEntry = (changes: Partial<ModalityInput> = {}) =>
    configurationOf({ scanner: { ...entry, ...changes } as ModalityInput });

  it('is found once it was approved, also where the caller calls an archive that is none', () => {
    expect(entryThatLetsIn(caller, withEntry())).toBe('scanner');
    expect(entryThatLetsIn({ ...caller, callingAeTitle: 'ct9 ', calledAeTitle: 'NONE' }, withEntry())).toBe(
      'scanner',
    );
  });

  it.each<[string, Partial<PendingCaller>, Partial<ModalityInput>]>([
    ['another address', {}, { from: '10.1.2.8' }],
    ['another certificate', {}, { certificate: 'cn:other' }],
    ['an entry that refused it a command', { reason: 'command-not-allowed', modality: 'scanner' }, {}],
    ['an entry that it calls wrongly', { reason: 'called-ae-title-unknown', calledAeTitle: 'NONE' }, {}],
  ])('is not %s', (_name, changes, keys) => {
    expect(entryThatLetsIn({ ...caller, ...changes }, withEntry(keys))).toBeUndefined();
  });
});

describe('the entry for a pending caller', () => {
  it('names its title, its one address, its archive, its key, and the commands that were named', () => {
    expect(entryOf(caller, twoUpstreams, { allow })).toEqual({
      entry: {
        callingAeTitle: 'CT9',
        from: '10.1.2.9',
        calledAeTitle: 'ORTHANC',
        certificate: `spki-sha256:${shown.spkiSha256}`,
        allow: ['echo', 'store'],
      },
      notes: [],
    });
  });

  it('does not name the only archive', () => {
    expect(entryOf(caller, oneUpstream, { allow }).entry).not.toHaveProperty('calledAeTitle');
  });

  it('names a plain listener, and says what that means', () => {
    expect(entryOf(plainCaller, oneUpstream, { allow })).toEqual({
      entry: { callingAeTitle: 'CT9', from: '10.1.2.9', listeners: 'plain', allow: ['echo', 'store'] },
      notes: ['it comes without TLS: any machine that can send from its address can take its place'],
    });
  });

  it('pins the certificate itself where its key is not known', () => {
    const { spkiSha256: __, ...certificate } = caller.certificate!;
    expect(entryOf({ ...caller, certificate }, oneUpstream, { allow }).entry.certificate).toBe(
      `sha256:${shown.fingerprint256}`,
    );
  });

  it('pins nothing where that is not wanted, and says what that means', () => {
    const { entry, notes } = entryOf(caller, oneUpstream, { allow, isCertificatePinned: false });
    expect(entry).not.toHaveProperty('certificate');
    expect(notes).toEqual(['any certificate that the listener trusts is accepted, because none is pinned']);
  });

  it('says that an archive of that name does not exist', () => {
    const { entry, notes } = entryOf({ ...caller, calledAeTitle: 'PACS9' }, twoUpstreams, { allow });
    expect(entry).not.toHaveProperty('calledAeTitle');
    expect(notes).toEqual([
      'it calls "PACS9", which is not an upstream and will be rejected; set the called AE title of the device to "ORTHANC" or "PACS"',
    ]);
  });

  it.each([
    ['over TLS', caller],
    ['without TLS', plainCaller],
    ['from an IPv6 address', { ...caller, sourceAddress: '2001:db8::9' }],
  ])('lets in that very caller %s, and nobody who differs in anything', (_how, pending) => {
    const { entry } = entryOf(pending, twoUpstreams, { allow });
    const policy = policyOf({ ct9: entry as ModalityInput });
    const request = associationRequest({
      callingAeTitle: pending.callingAeTitle,
      calledAeTitle: pending.calledAeTitle,
      sourceAddress: pending.sourceAddress,
      listener: pending.listener,
      ...(pending.certificate === undefined ? {} : { certificate: shown }),
    });
    expect(decideAssociation(policy, request)).toMatchObject({ allowed: true, modality: { name: 'ct9' } });
    const others = [
      { callingAeTitle: 'CT8' },
      { sourceAddress: '10.1.2.8' },
      { calledAeTitle: 'PACS' },
      { listener: pending.isTls ? 'plain' : 'tls' },
      ...(pending.isTls ? [{ certificate: certificateOf('ct8') }] : []),
    ];
    for (const change of others) {
      expect(decideAssociation(policy, { ...request, ...change })).toMatchObject({ allowed: false });
    }
  });
});

describe('a caller that another entry would not help', () => {
  it.each<[PendingCaller['reason'], Partial<PendingCaller>, string]>([
    [
      'called-ae-title-unknown',
      { calledAeTitle: 'PACS9' },
      'it has an entry (modalities.ct9), but calls "PACS9", which is not an upstream; set the called AE title of the device to "ORTHANC" or "PACS", or add that upstream',
    ],
    [
      'called-ae-title-not-allowed',
      { calledAeTitle: 'PACS' },
      'it has an entry; add "PACS" to calledAeTitle of modalities.ct9',
    ],
    [
      'certificate-mismatch',
      { modality: 'ct 9' },
      `it has an entry, but shows another certificate; if that is right, add "spki-sha256:${shown.spkiSha256}" to certificate of modalities["ct 9"]`,
    ],
    [
      'command-not-allowed',
      { commands: ['C-FIND ModalityWorklistInformationModelFind'] },
      'it has an entry, but tried what that does not allow (C-FIND ModalityWorklistInformationModelFind); if that is right, add it to allow of modalities.ct9',
    ],
  ])('gets the remedy: %s', (reason, changes, remedy) => {
    expect(otherRemedy({ ...caller, modality: 'ct9', reason, ...changes }, twoUpstreams)).toBe(remedy);
  });

  it('may be one without an AE title', () => {
    expect(otherRemedy({ ...caller, callingAeTitle: 'A\u0000B' }, twoUpstreams)).toContain(
      '"A\\u0000B" is not an AE title',
    );
  });

  it.each(['calling-ae-title-unknown', 'source-address-mismatch', 'listener-not-allowed'] as const)(
    'is none with %s',
    (reason) => {
      expect(otherRemedy({ ...caller, reason }, twoUpstreams)).toBeUndefined();
    },
  );
});

describe('what a caller proposes', () => {
  it.each([
    [['Verification'], ['echo']],
    [['CTImageStorage', 'MRImageStorage'], ['store']],
    [
      ['ModalityWorklistInformationModelFind', 'ModalityPerformedProcedureStep'],
      ['findWorklist', 'mpps'],
    ],
    [
      ['StudyRootQueryRetrieveInformationModelFind', 'StudyRootQueryRetrieveInformationModelMove'],
      ['find', 'move'],
    ],
    [
      ['StudyRootQueryRetrieveInformationModelGet', 'StorageCommitmentPushModel'],
      ['get', 'storageCommitment'],
    ],
    [['UnifiedProcedureStepPull'], ['ups']],
    [['1.2.3.4', 'BasicGrayscalePrintManagementMetaSOPClass'], []],
  ])('needs for %j: %j', (proposedSopClasses, permissions) => {
    expect(proposedPermissions({ ...caller, proposedSopClasses })).toEqual(permissions);
  });
});
