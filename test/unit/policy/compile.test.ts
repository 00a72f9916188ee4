import { describe, expect, it } from '@jest/globals';
import { compilePolicy } from '../../../src/policy/compile';
import { decideAddress, decideAssociation } from '../../../src/policy/decide';
import { processorMs } from '../../support/heldBytes';
import {
  associationRequest,
  certificateOf,
  configurationOf,
  type ModalityInput,
} from '../../support/policyOf';

/** `severity path message` of each problem. */
function problems(
  modalities: Readonly<Record<string, ModalityInput>>,
  rest?: Parameters<typeof configurationOf>[1],
): string[] {
  return compilePolicy(configurationOf(modalities, rest), NOON).problems.map(
    ({ severity, path, message }) => `${severity} ${path.join('.')} ${message}`,
  );
}

const ct1: ModalityInput = { callingAeTitle: 'CT1', from: '10.1.2.10', allow: ['echo'] };
const NOON = Date.UTC(2026, 11, 31, 12);

describe('observe mode', () => {
  const observed = (observeUntil?: string): ModalityInput => ({
    ...ct1,
    mode: 'observe',
    ...(observeUntil === undefined ? {} : { observeUntil }),
  });
  const compiled = (entry: ModalityInput, nowMs: number) => {
    const { policy } = compilePolicy(configurationOf({ ct1: entry }), nowMs);
    const [modality] = policy.entriesByCallingAeTitle.get('CT1')!.modalities;
    return { isObserved: modality!.isObserved, validUntilMs: policy.validUntilMs };
  };

  it.each([
    ['2026-12-31', Date.UTC(2027, 0, 1)],
    ['2024-02-29', Date.UTC(2024, 2, 1)],
    ['2026-12-31T18:00Z', Date.UTC(2026, 11, 31, 18)],
    ['2026-12-31T18:00:00+01:00', Date.UTC(2026, 11, 31, 17)],
    ['2026-12-31T18:00:00.250-05:30', Date.UTC(2026, 11, 31, 23, 30, 0, 250)],
  ])('until %s lasts to the last millisecond and no longer', (observeUntil, endMs) => {
    const entry = observed(observeUntil);
    expect(compiled(entry, endMs - 1)).toEqual({ isObserved: true, validUntilMs: endMs });
    expect(compiled(entry, endMs)).toEqual({ isObserved: false, validUntilMs: Number.POSITIVE_INFINITY });
  });

  it('without a date never ends', () => {
    const never = Number.POSITIVE_INFINITY;
    expect(compiled(observed(), Date.UTC(9999, 0))).toEqual({ isObserved: true, validUntilMs: never });
    expect(compiled(ct1, NOON)).toEqual({ isObserved: false, validUntilMs: never });
  });

  it('ends entry by entry: the policy holds until the first one', () => {
    const entries = {
      ct1: observed('2027-06-30'),
      mr1: { ...observed('2027-01-31'), callingAeTitle: 'MR1' },
      us1: { ...observed('2025-01-31'), callingAeTitle: 'US1' },
    };
    expect(compilePolicy(configurationOf(entries), NOON).policy.validUntilMs).toBe(Date.UTC(2027, 1, 1));
  });

  it('is warned of, with its end, and when that is over', () => {
    const relayed = 'what the entry does not allow is relayed and logged as would-deny';
    expect(problems({ ct1: observed() })).toEqual([
      `warning modalities.ct1.mode is "observe" without an end (observeUntil): ${relayed}`,
    ]);
    expect(problems({ ct1: observed('2026-12-31') })).toEqual([
      `warning modalities.ct1.mode is "observe" until 2026-12-31, the end of that day in UTC: ${relayed}`,
    ]);
    expect(problems({ ct1: observed('2026-12-31T11:00Z') })).toEqual([
      'warning modalities.ct1.observeUntil "2026-12-31T11:00Z" is over, so the entry enforces; set mode to "enforce", or a later date',
    ]);
    expect(problems({ ct1: { ...ct1, observeUntil: '2026-12-31' } })).toEqual([
      'warning modalities.ct1.observeUntil has no effect, because mode is not "observe"',
    ]);
  });
});

describe('references to other parts', () => {
  it('a sound configuration has no problems', () => {
    expect(
      problems({
        ct1: {
          ...ct1,
          calledAeTitle: ['orthanc'],
          listeners: ['tls', 'plain'],
          certificate: ['cn:ct1', 'dns:ct1.example'],
          allow: ['store', 'move'],
          storeSopClasses: ['CTImageStorage', '1.2.840.10008.5.1.4.1.1.*', '1.3.6.1.4.1.1'],
          moveDestinations: ['WS1', '*'],
        },
      }),
    ).toEqual([]);
  });

  it('an unknown listener, with what was probably meant or what there is', () => {
    expect(problems({ ct1: { ...ct1, listeners: ['tls', 'tsl', 'DMZ'] } })).toEqual([
      'error modalities.ct1.listeners.1 "tsl" is not a listener; did you mean "tls"?',
      'error modalities.ct1.listeners.2 "DMZ" is not a listener; accepted is "tls", "tls2" or "plain", or add it to listeners first',
    ]);
  });

  it('an unknown called AE title', () => {
    expect(problems({ ct1: { ...ct1, calledAeTitle: ['ORTHNC', 'XY'] } })).toEqual([
      'error modalities.ct1.calledAeTitle.0 "ORTHNC" is not an upstream; did you mean "ORTHANC"?',
      'error modalities.ct1.calledAeTitle.1 "XY" is not an upstream; accepted is "ORTHANC" or "PACS", or add it to upstreams first',
    ]);
    expect(problems({ ct1: { ...ct1, calledAeTitle: 'XY' } }, { upstreams: {} })).toEqual([
      'error modalities.ct1.calledAeTitle.0 "XY" is not an upstream; there is none',
    ]);
  });

  it('upper and lower case of a called AE title count where they are strict', () => {
    expect(problems({ ct1: { ...ct1, calledAeTitle: 'orthanc' } }, { strictAeTitles: true })).toHaveLength(1);
  });

  it('an unknown SOP class, with the nearest keyword', () => {
    const storeSopClasses = [
      'CTImageStorrage',
      'ctimagestorage',
      'CT*',
      '1.2*',
      '*',
      '1.2.x',
      'Q',
      '1.2.*.3.*',
    ];
    const accepted = 'accepted are keywords, UIDs, and UID prefixes such as 1.2.840.10008.5.1.4.1.1.*';
    expect(problems({ ct1: { ...ct1, allow: ['store'], storeSopClasses } })).toEqual([
      'error modalities.ct1.storeSopClasses.0 "CTImageStorrage" is not a SOP class; did you mean "CTImageStorage"?',
      'error modalities.ct1.storeSopClasses.1 "ctimagestorage" is not a SOP class; did you mean "CTImageStorage"?',
      `error modalities.ct1.storeSopClasses.2 "CT*" is not a UID prefix; ${accepted}`,
      `error modalities.ct1.storeSopClasses.3 "1.2*" is not a UID prefix; ${accepted}`,
      `error modalities.ct1.storeSopClasses.4 "*" is not a UID prefix; ${accepted}`,
      `error modalities.ct1.storeSopClasses.5 "1.2.x" is not a SOP class; ${accepted}`,
      `error modalities.ct1.storeSopClasses.6 "Q" is not a SOP class; ${accepted}`,
      `error modalities.ct1.storeSopClasses.7 "1.2.*.3.*" is not a UID prefix; ${accepted}`,
    ]);
  });

  it('services that are not SOP classes, and those that belong to a permission', () => {
    const services = [
      'BasicFilmSesion',
      '1.2.x',
      '1.2.840.113619.4.30',
      'BasicFilmSession',
      'CTImageStorage',
    ];
    const instead = 'which opens all that goes with it; put that into allow instead';
    expect(problems({ ct1: { ...ct1, services } })).toEqual([
      'error modalities.ct1.services.0 "BasicFilmSesion" is not a SOP class; did you mean "BasicFilmSession"?',
      'error modalities.ct1.services.1 "1.2.x" is not a SOP class; accepted are keywords and UIDs',
      `warning modalities.ct1.services.3 "BasicFilmSession" belongs to the permission "print", ${instead}`,
      `warning modalities.ct1.services.4 "CTImageStorage" belongs to the permission "store", ${instead}`,
    ]);
  });

  it('a wildcard where one modality is to be named', () => {
    expect(problems({ ct1: { ...ct1, certificate: ['cn:ct*', 'dns:*.example'] } })).toEqual([
      expect.stringMatching(/^error modalities\.ct1\.certificate\.1 "dns:\*\.example" has a wildcard/),
    ]);
  });

  it('two listeners of one name', () => {
    const listeners = [
      { name: 'plain', port: 104 },
      { name: 'plain', port: 11112 },
    ];
    expect(problems({ ct1: { ...ct1, listeners: 'plain' } }, { listeners })).toEqual([
      expect.stringMatching(/^error listeners\.1\.name "plain" is the name of an earlier listener too/),
    ]);
  });

  it('upstreams that differ in upper and lower case only', () => {
    const upstreams = { ORTHANC: { servers: ['127.0.0.1:1'] }, Orthanc: { servers: ['127.0.0.1:2'] } };
    expect(problems({ ct1 }, { upstreams })).toEqual([
      expect.stringMatching(/^error upstreams\.Orthanc is the same AE title as "ORTHANC"/),
    ]);
    expect(problems({ ct1 }, { upstreams, strictAeTitles: true })).toEqual([]);
  });
});

describe('AE titles that stand for every one', () => {
  const catchAll = { ORTHANC: { servers: ['127.0.0.1:1'] }, '*': { servers: ['127.0.0.1:2'] } };

  it('are reported as the key of an upstream', () => {
    expect(problems({ ct1: { ...ct1, calledAeTitle: ['OLD_PACS'] } }, { upstreams: catchAll })).toEqual([
      'warning upstreams.* takes every called AE title that no other upstream has: a device that calls the wrong archive reaches this one; name the AE titles instead where you know them',
    ]);
  });

  it('are refused as a calling AE title, with the reason', () => {
    expect(problems({ ct1: { ...ct1, callingAeTitle: ['CT1', '*'] } })).toEqual([
      'error modalities.ct1.callingAeTitle.1 "*" would stand for any device at these addresses, whatever it calls itself; list its AE titles ("unknownAddresses": "reject" and "aegis modality pending" show them)',
    ]);
    expect(problems({ ct1 }, { egress: { callingAeTitle: '*' } })).toEqual([
      expect.stringMatching(/^error egress\.callingAeTitle\.0 "\*" would let every program/),
    ]);
  });

  it('are not a title of an archive: without another one, egress lets nothing through', () => {
    const upstreams = { '*': { servers: ['127.0.0.1:2'] } };
    const ofEgress = (egress: object) =>
      problems({ ct1 }, { upstreams, egress }).filter((problem) => problem.includes('egress'));
    expect(ofEgress({})).toEqual([expect.stringMatching(/^warning egress lets nobody send/)]);
    expect(ofEgress({ callingAeTitle: 'ORTHANC' })).toEqual([]);
  });

  it('are not taken for an upstream where there is none', () => {
    expect(problems({ ct1: { ...ct1, calledAeTitle: ['*'] } })).toEqual([
      expect.stringMatching(/^error modalities\.ct1\.calledAeTitle\.0 "\*" is not an upstream/),
    ]);
  });
});

describe('what can have no effect is warned about', () => {
  it.each<[string, Partial<ModalityInput>, RegExp]>([
    [
      'SOP classes without store',
      { storeSopClasses: 'CTImageStorage' },
      /^warning modalities\.ct1\.storeSop/,
    ],
    ['destinations without move', { moveDestinations: 'WS1' }, /^warning modalities\.ct1\.moveDestinations /],
    ['no commands', { allow: [] }, /^warning modalities\.ct1 allows no command/],
    ['no addresses', { from: [] }, /^warning modalities\.ct1\.from is empty, which allows nobody/],
    ['no AE titles', { callingAeTitle: [] }, /^warning modalities\.ct1\.callingAeTitle is empty/],
    ['no listeners', { listeners: [] }, /^warning modalities\.ct1\.listeners is empty/],
    ['no certificates', { certificate: [] }, /^warning modalities\.ct1\.certificate is empty/],
    ['no called AE titles', { calledAeTitle: [] }, /^warning modalities\.ct1\.calledAeTitle is empty/],
    [
      'a certificate where none is shown',
      { certificate: 'cn:ct1', listeners: 'plain' },
      /^warning modalities\.ct1\.certificate can never match/,
    ],
  ])('%s', (_what, entry, expected) => {
    expect(problems({ ct1: { ...ct1, ...entry } })).toEqual([expect.stringMatching(expected)]);
  });

  it('an entry that nobody can use because all listeners are plain', () => {
    expect(problems({ ct1 }, { listeners: [{ name: 'plain', port: 104 }] })).toEqual([
      expect.stringMatching(/^warning modalities\.ct1 names no listener, and there is none with TLS/),
    ]);
  });
});

describe('entries that one peer could be at once', () => {
  const a = `sha256:${'a'.repeat(64)}`;
  const b = `sha256:${'b'.repeat(64)}`;
  const overlapping = (one: Partial<ModalityInput>, other: Partial<ModalityInput>) => {
    const forward = problems({ one: { ...ct1, ...one }, other: { ...ct1, ...other } });
    const backward = problems({ other: { ...ct1, ...other }, one: { ...ct1, ...one } });
    expect(backward).toHaveLength(forward.length);
    return forward;
  };

  it('are an error that names both', () => {
    expect(overlapping({}, {})).toEqual([
      'error modalities.other overlaps modalities.one: a peer with the calling AE title "CT1" could be both; ' +
        'give them addresses, listeners or certificates (fingerprints or common names) that have nothing in common',
    ]);
  });

  it.each<[string, Partial<ModalityInput>, Partial<ModalityInput>]>([
    ['upper and lower case', {}, { callingAeTitle: 'ct1' }],
    ['one AE title of several', { callingAeTitle: ['A', 'B'] }, { callingAeTitle: ['B', 'C'] }],
    ['all AE titles, reported once', { callingAeTitle: ['A', 'B'] }, { callingAeTitle: ['B', 'A', 'a'] }],
    ['an address in a block', {}, { from: '10.1.0.0/16' }],
    ['a block in a block', { from: ['10.1.2.0/24', '10.7.0.0/16'] }, { from: ['10.9.0.1', '10.7.8.0/24'] }],
    ['a mapped address', {}, { from: '::ffff:10.1.2.10' }],
    ['IPv6 blocks', { from: '2001:db8::/32' }, { from: '2001:db8:1::/48' }],
    [
      'several common addresses, reported once',
      { from: ['1.1.1.1', '2.2.2.2'] },
      { from: ['2.2.2.2', '1.1.1.1'] },
    ],
    ['one listener of several', { listeners: ['tls', 'plain'] }, { listeners: 'plain' }],
    ['a listener by default', {}, { listeners: 'tls2' }],
    [
      'one certificate of several',
      { certificate: [a, b] },
      { certificate: a.toUpperCase().replace('SHA', 'sha') },
    ],
    ['any certificate and one', {}, { certificate: a }],
    ['DNS names', { certificate: 'dns:a' }, { certificate: 'dns:b' }],
    ['different kinds', { certificate: a }, { certificate: 'cn:b' }],
  ])('%s', (_what, one, other) => {
    expect(overlapping(one, other)).toHaveLength(1);
  });

  it.each<[string, Partial<ModalityInput>, Partial<ModalityInput>]>([
    ['AE titles', {}, { callingAeTitle: 'CT2' }],
    ['addresses', {}, { from: '10.1.2.11' }],
    ['neighbouring blocks', { from: '10.1.2.0/25' }, { from: '10.1.2.128/25' }],
    ['families', { from: '0.0.0.0/0' }, { from: '::/0' }],
    ['listeners', {}, { listeners: 'plain' }],
    ['fingerprints', { certificate: a }, { certificate: b }],
    ['keys', { certificate: `spki-${a}` }, { certificate: `spki-${b}` }],
    ['common names', { certificate: ['cn:a', 'cn:c'] }, { certificate: 'cn:b' }],
  ])('not with different %s', (_what, one, other) => {
    expect(overlapping(one, other)).toEqual([]);
  });

  it('case is a difference where AE titles are strict', () => {
    expect(
      problems({ one: ct1, other: { ...ct1, callingAeTitle: 'ct1' } }, { strictAeTitles: true }),
    ).toEqual([]);
  });

  it('reports every pair', () => {
    const paths = problems({ a: ct1, b: ct1, c: ct1 }).map((problem) => problem.split(':')[0]);
    expect(paths.sort()).toEqual([
      'error modalities.b overlaps modalities.a',
      'error modalities.c overlaps modalities.a',
      'error modalities.c overlaps modalities.b',
    ]);
  });

  it('a mistake in every entry does not fill the screen', () => {
    const modalities = Object.fromEntries(Array.from({ length: 2000 }, (_, index) => [`m${index}`, ct1]));
    expect(problems(modalities)).toHaveLength(100);
  });
});

describe('10,000 entries', () => {
  const entries = (count: number, entry: (index: number) => ModalityInput) =>
    configurationOf(
      Object.fromEntries(Array.from({ length: count }, (_, index) => [`m${index}`, entry(index)])),
    );
  const address = (index: number) => `10.${index >> 8}.${index & 255}.1`;
  const own = (index: number): ModalityInput => ({
    callingAeTitle: `MOD${index}`,
    from: [address(index), `172.16.${index & 255}.0/24`],
    certificate: `sha256:${certificateOf(`m${index}`).fingerprint256}`,
    allow: ['echo', 'store'],
  });
  /** Nanoseconds of one decision, the best of several rounds, since the machine has other things to do. */
  const decisionTime = (policy: ReturnType<typeof compilePolicy>['policy'], count: number, title: string) => {
    const requests = Array.from({ length: 10 }, (_, step) => {
      const index = Math.floor((step * (count - 1)) / 9);
      return associationRequest({
        callingAeTitle: `${title}${title === 'MOD' ? index : ''}`,
        sourceAddress: address(index),
        certificate: certificateOf(`m${index}`),
      });
    });
    let best = Number.POSITIVE_INFINITY;
    for (let round = 0; round < 50; round++) {
      const start = process.hrtime.bigint();
      for (const request of requests) {
        decideAddress(policy, request.sourceAddress);
        expect(decideAssociation(policy, request).allowed).toBe(true);
      }
      best = Math.min(best, Number(process.hrtime.bigint() - start) / requests.length);
    }
    return best;
  };

  it.each([
    ['with AE titles of their own', 'MOD', own],
    [
      'that share one AE title',
      'CT',
      (index: number) => ({ ...own(index), callingAeTitle: 'CT', from: address(index) }),
    ],
  ])('%s: a decision costs what it costs with ten', (_what, title, entry) => {
    const few = compilePolicy(entries(10, entry), NOON);
    const configuration = entries(10_000, entry);
    let many = few;
    const compileMs = processorMs(() => {
      many = compilePolicy(configuration, NOON);
    });
    expect(many.problems).toEqual([]);
    expect(compileMs).toBeLessThan(5000);
    // A walk through the entries would make it a thousand times.
    expect(decisionTime(many.policy, 10_000, title)).toBeLessThan(20 * decisionTime(few.policy, 10, title));
  });
});
