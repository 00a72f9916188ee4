/**
 * Tests in the configuration: each question has the answer of `aegis explain`, each answer that is not the expected one is
 * an error with its place, and no edit of an entry leaves a file behind that fails its tests.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import {
  changeModalities,
  openConfiguration,
  refuseErrors,
  removeModality,
} from '../../../src/config/editConfiguration';
import { temporaryFolder } from '../../support/processes';
import { type Case, ct1, itReports, problemsOf, tls, VALID } from './brokenConfiguration';

const PIN = `sha256:${'AB'.repeat(32)}`;
const RULES = `${VALID}, "storeSopClasses": "CTImageStorage"`;

function tests(...each: readonly object[]) {
  return { 5: `"tests": ${JSON.stringify(each)}` };
}

/** Without what is said of observe mode itself. */
function errorsOf(lines: Readonly<Record<number, string>>) {
  return problemsOf(lines).filter((problem) => !problem.startsWith('warning: '));
}

describe('a test that holds', () => {
  it.each<[string, object, string?]>([
    ['a modality and a command', { modality: 'ct1', command: 'c-store', expect: 'allowed' }],
    ['a command as the standard writes it', { modality: 'ct1', command: 'C-STORE', expect: 'allowed' }],
    ['a refused command', { modality: 'ct1', command: 'c-find', expect: 'command-not-allowed' }],
    ['an association alone', { modality: 'ct1', expect: 'allowed' }],
    ['another address', { modality: 'ct1', from: '10.9.9.9', expect: 'source-address-unknown' }],
    ['another called title', { modality: 'ct1', called: 'PACS', expect: 'called-ae-title-unknown' }],
    ['no entry at all', { calling: 'CT1', from: '10.1.2.10', command: 'c-store', expect: 'allowed' }],
    ['an unknown title', { calling: 'MR1', from: '10.1.2.10', expect: 'calling-ae-title-unknown' }],
    [
      'a SOP class',
      { modality: 'ct1', command: 'c-store', sopClass: 'MRImageStorage', expect: 'sop-class-not-allowed' },
      RULES,
    ],
    [
      'a destination',
      { modality: 'ct1', command: 'c-move', moveDestination: 'WS1', expect: 'move-destination-not-allowed' },
      VALID.replace('"store"', '"move"'),
    ],
    [
      'a destination that is its own',
      { modality: 'ct1', command: 'c-move', expect: 'allowed' },
      VALID.replace('"store"', '"move"'),
    ],
    [
      'the certificate of the entry',
      { modality: 'ct1', expect: 'allowed' },
      `${VALID}, "certificate": "${PIN}"`,
    ],
    [
      'another certificate',
      { modality: 'ct1', certificate: 'cn:mr1', expect: 'certificate-mismatch' },
      `${VALID}, "certificate": ["${PIN}", "cn:ct1"]`,
    ],
    [
      'no certificate',
      { calling: 'CT1', from: '10.1.2.10', expect: 'certificate-mismatch' },
      `${VALID}, "certificate": "dns:ct1.example"`,
    ],
    [
      'an entry in observe mode, as if it enforced',
      { modality: 'ct1', command: 'c-find', expect: 'command-not-allowed' },
      `${VALID}, "mode": "observe", "observeUntil": "2999-01-01"`,
    ],
  ])('asks for %s', (_what, test, entry = VALID) => {
    expect(errorsOf({ ...ct1(entry), ...tests(test) })).toEqual([]);
  });

  it('asks for what the archive sends', () => {
    const entry = `${VALID}, "egressAllow": "echo", "address": { "host": "10.1.2.10", "port": 104 }`;
    const lines = (...each: object[]) => ({
      ...ct1(entry),
      5: `"egress": {}, "tests": ${JSON.stringify(each)}`,
    });
    const archive = { modality: 'ct1', listener: 'egress' };
    expect(
      problemsOf(
        lines(
          { ...archive, command: 'c-echo', expect: 'allowed' },
          { ...archive, command: 'c-store', expect: 'command-not-allowed' },
          { ...archive, called: 'MR1', expect: 'called-ae-title-unknown' },
        ),
      ),
    ).toEqual([]);
  });
});

const WHO = '"CT1" at 10.1.2.10 to "ORTHANC" on listener "tls"';

const failing: Case[] = [
  [
    'what is allowed and was to be refused',
    tests({ modality: 'ct1', command: 'c-store', expect: 'command-not-allowed' }),
    [
      `a.jsonc:5:11 tests[0] expected "command-not-allowed", came "allowed": C-STORE CTImageStorage of ${WHO}: modalities.ct1 allows it`,
    ],
  ],
  [
    'what is refused and was to be allowed, and each of several',
    tests(
      { modality: 'ct1', command: 'c-find', expect: 'allowed' },
      { modality: 'ct1', command: 'c-store', expect: 'allowed' },
      { modality: 'ct1', from: '10.9.9.9', expect: 'allowed' },
    ),
    [
      `a.jsonc:5:11 tests[0] expected "allowed", came "command-not-allowed": C-FIND StudyRootQueryRetrieveInformationModelFind of ${WHO}: modalities.ct1 allows: store; where it proposes something that is allowed too, this context is refused (result 1)`,
      'a.jsonc:5:126 tests[2] expected "allowed", came "source-address-unknown": "CT1" at 10.9.9.9 to "ORTHANC" on listener "tls": 10.9.9.9 is in no modality entry; from of modalities.ct1: 10.1.2.10',
    ],
  ],
  [
    'who is another entry',
    {
      4: `"modalities": { "ct1": { ${VALID} }, "ct2": { "callingAeTitle": "CT2", "from": "10.1.2.11", "allow": "echo" } },`,
      ...tests({ modality: 'ct1', calling: 'CT2', from: '10.1.2.11', expect: 'allowed' }),
    },
    [
      'a.jsonc:5:11 tests[0] expected "allowed", it is allowed as modalities.ct2: "CT2" at 10.1.2.11 to "ORTHANC" on listener "tls": modalities.ct2 may call every upstream',
    ],
  ],
];

const unanswerable: Case[] = [
  [
    'an expectation that is not one',
    tests({ modality: 'ct1', expect: 'command-not-alowed' }),
    [
      'a.jsonc:5:38 tests[0].expect "command-not-alowed" is not accepted; did you mean "command-not-allowed"?',
    ],
  ],
  [
    'a command that is not one',
    tests({ modality: 'ct1', command: 'store', expect: 'allowed' }),
    ['a.jsonc:5:39 tests[0].command "store" is not a DIMSE request; did you mean c-store?'],
  ],
  [
    'a SOP class that is not one',
    tests({ modality: 'ct1', command: 'c-store', sopClass: 'CTImageStorrage', expect: 'allowed' }),
    ['a.jsonc:5:60 tests[0].sopClass "CTImageStorrage" is not a SOP class; did you mean "CTImageStorage"?'],
  ],
  [
    'a SOP class without a command',
    tests({ modality: 'ct1', sopClass: 'CTImageStorage', expect: 'allowed' }),
    ['a.jsonc:5:40 tests[0].sopClass needs a command that uses it, such as c-store'],
  ],
  [
    'an entry that is not there',
    tests({ modality: 'ct11', expect: 'allowed' }),
    ['a.jsonc:5:23 tests[0].modality "ct11" is not a modality; did you mean "ct1"?'],
  ],
  [
    'a listener that is not there',
    tests({ modality: 'ct1', listener: 'plain', expect: 'allowed' }),
    ['a.jsonc:5:40 tests[0].listener "plain" is not a listener; accepted is "tls"'],
  ],
  [
    'nobody who calls',
    tests({ from: '10.1.2.10', expect: 'allowed' }),
    ['a.jsonc:5:11 tests[0] calling is missing; the test has to name it, or a modality that has it'],
  ],
  [
    'a key that is not one',
    tests({ modality: 'ct1', expects: 'allowed' }),
    ['a.jsonc:5:29 tests[0] unknown key "expects"; did you mean "expect"?'],
  ],
];

describe('a test that fails', () => itReports(failing));

describe('a test that cannot be asked', () => itReports(unanswerable));

it('says so where only observe mode lets it through', () => {
  const entry = `${VALID}, "mode": "observe"`;
  expect(
    errorsOf({ ...ct1(entry), ...tests({ modality: 'ct1', command: 'c-find', expect: 'allowed' }) }),
  ).toEqual([
    expect.stringMatching(
      /allows: store; where it proposes .* \(result 1\); tests judge an entry in observe mode as if it enforced$/,
    ),
  ]);
});

it('asks nothing while something else is wrong', () => {
  const lines = {
    ...tls('"certificate": "s.crt", "privateKey": "s.key"'),
    ...tests({ modality: 'ct1', expect: 'listener-not-allowed' }),
  };
  expect(problemsOf(lines)).toEqual([expect.stringContaining('trustedCertificates')]);
});

describe('an edit', () => {
  function opened(...each: readonly object[]) {
    const file = join(temporaryFolder(), 'aegis.jsonc');
    const ct2 = { ...plain, callingAeTitle: 'CT2' };
    writeFileSync(
      file,
      JSON.stringify({
        listeners: [{ name: 'plain', port: 11112 }],
        upstreams: { ORTHANC: { servers: ['127.0.0.1:4242'] } },
        modalities: { ct1: plain, ct2 },
        tests: each,
      }),
    );
    return openConfiguration(file);
  }
  const plain = { callingAeTitle: 'CT1', from: '10.1.2.10', listeners: 'plain', allow: 'store' };
  const noFind = { modality: 'ct1', command: 'c-find', expect: 'command-not-allowed' };

  it('is refused where a test fails then', () => {
    const change = new Map([['ct1', [[['allow'], ['store', 'find']]] as const]]);
    expect(() => changeModalities(opened(noFind), { added: [], changed: change })).toThrow(
      /left as it was.*\n.*tests\[0\] expected "command-not-allowed", came "allowed"/,
    );
    expect(() => removeModality(opened(noFind), 'ct1')).toThrow(
      /tests\[0\]\.modality "ct1" is not a modality/,
    );
  });

  it('may fix what a test says', () => {
    const source = opened({ ...noFind, expect: 'allowed' });
    expect(() => refuseErrors(source)).not.toThrow();
    const change = new Map([['ct1', [[['allow'], ['store', 'find']]] as const]]);
    expect(changeModalities(source, { added: [], changed: change }).diff).toContain('find');
  });
});
