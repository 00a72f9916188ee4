/** Rules on images: what they say of data sets, and what they never say. */
import { deflateRawSync } from 'node:zlib';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { compilePolicy } from '../../../src/policy/compile';
import { type DataSetChecks, type DataSetDecision, StoredDataSet } from '../../../src/policy/dataSetChecks';
import { decideAssociation } from '../../../src/policy/decide';
import {
  type Encoding,
  encodeElement,
  encodingOf,
  ItemElement,
  itemMarker,
  padded,
  textValue,
  uidValue,
  unsignedShort,
} from '../../support/dataElements';
import { associationRequest, configurationOf, type ModalityInput, policyOf } from '../../support/policyOf';
import { SopClass, TransferSyntax } from '../../support/uids';

const EXPLICIT = TransferSyntax.ExplicitVrLittleEndian;
const DEFLATED = TransferSyntax.DeflatedExplicitVrLittleEndian;
const CT = SopClass.CTImageStorage;
const INSTANCE = '1.2.3';

type Rules = NonNullable<ModalityInput['storeRules']>;

function entryOf(storeRules: Rules, rest: Partial<ModalityInput> = {}) {
  const ct1 = { callingAeTitle: 'CT1', from: '10.1.2.10', allow: ['store'], storeRules, ...rest };
  const decision = decideAssociation(policyOf({ ct1 } as never), associationRequest());
  if (!decision.allowed) throw new Error(decision.reason);
  return decision.modality;
}

function checksOf(storeRules: Rules, rest: Partial<ModalityInput> = {}): DataSetChecks {
  return entryOf(storeRules, rest).dataSets.ingress.inbound!;
}

type Element = readonly [group: number, element: number, vr: string, value: Buffer];

function modality(text: string, vr = 'CS'): Element {
  return [0x0008, 0x0060, vr, textValue(text)];
}

function institution(value: Buffer): Element {
  return [0x0008, 0x0080, 'LO', padded(value, 0x20)];
}

function characterSet(term: string): Element {
  return [0x0008, 0x0005, 'CS', textValue(term)];
}

/** In the order of their tags, between the UIDs and the pixels. */
function dataSetOf(elements: readonly Element[], encoding: Encoding = encodingOf(EXPLICIT)): Buffer {
  const all: Element[] = [
    [0x0008, 0x0016, 'UI', uidValue(CT)],
    [0x0008, 0x0018, 'UI', uidValue(INSTANCE)],
    ...elements,
    [0x7fe0, 0x0010, 'OW', Buffer.alloc(400)],
  ];
  const sorted = all.sort((one, other) => one[0] - other[0] || one[1] - other[1]);
  return Buffer.concat(sorted.map((element) => encodeElement(encoding, ...element)));
}

function decide(
  checks: DataSetChecks,
  dataSet: Buffer,
  transferSyntaxUid: string = EXPLICIT,
  pieceBytes = dataSet.length,
): DataSetDecision {
  const stored = new StoredDataSet(checks, {
    sopClassUid: CT,
    sopInstanceUid: INSTANCE,
    transferSyntaxUid,
  });
  for (let end = pieceBytes; ; end += pieceBytes) {
    const decision = stored.decide(dataSet.subarray(0, end), end >= dataSet.length);
    if (decision !== undefined) return decision;
    if (end >= dataSet.length) throw new Error('no decision at the end');
  }
}

/** `allowed`, or the detail of the refusal. */
function said(storeRules: Rules, ...elements: Element[]): string {
  const decision = decide(checksOf(storeRules), dataSetOf(elements));
  if (decision.allowed) return 'allowed';
  expect(decision.reason).toBe('store-rule');
  return decision.detail;
}

const noReports: Rules = [{ name: 'no reports', refuse: { Modality: ['SR', 'OT'] } }];

describe('rules', () => {
  it('refuse what the first matching one refuses, and name it and its element', () => {
    expect(said(noReports, modality('SR'))).toBe(
      'storeRules[0] "no reports" refuses it: Modality (0008,0060)',
    );
    expect(said(noReports, modality('CT'))).toBe('allowed');
    expect(said(noReports)).toBe('allowed');
  });

  it('do the opposite of the last one without a match', () => {
    const rules: Rules = [{ refuse: { Modality: 'SR' } }, { allow: { InstitutionName: 'North*' } }];
    expect(said(rules, modality('CT'), institution(Buffer.from('North Wing')))).toBe('allowed');
    expect(said(rules, modality('SR'), institution(Buffer.from('North Wing')))).toMatch(/^storeRules\[0\] /);
    expect(said(rules, modality('CT'), institution(Buffer.from('South')))).toBe(
      'no rule matches; the last one, storeRules[1], allows others: InstitutionName (0008,0080)',
    );
  });

  it('count in their order', () => {
    const rules: Rules = [{ allow: { Modality: 'CT' } }, { refuse: {} }];
    expect(said(rules, modality('CT'))).toBe('allowed');
    expect(said(rules, modality('MR'))).toBe('storeRules[1] refuses it');
  });

  it('match where all of their conditions hold', () => {
    const rules: Rules = [{ refuse: { Modality: 'CT', AccessionNumber: false } }];
    expect(said(rules, modality('CT'))).not.toBe('allowed');
    expect(said(rules, modality('MR'))).toBe('allowed');
    expect(said(rules, modality('CT'), [0x0008, 0x0050, 'SH', textValue('A1')])).toBe('allowed');
  });

  it('answer as they say, the last one also for what is left', () => {
    const statusOf = (rules: Rules) => {
      const decision = decide(checksOf(rules), dataSetOf([modality('SR')]));
      return decision.allowed ? undefined : decision.status;
    };
    expect(statusOf(noReports)).toBe(0xa900);
    expect(statusOf([{ refuse: { Modality: 'SR' }, status: '0x0124' }])).toBe(0x0124);
    expect(statusOf([{ allow: { Modality: 'CT' }, status: '0x0124' }])).toBe(0x0124);
  });

  it('hold for what the modality stores, and not for C-GET and egress', () => {
    const { dataSets } = entryOf(noReports);
    expect(dataSets.ingress.inbound?.rules).toBeDefined();
    for (const checks of [dataSets.ingress.upstream, dataSets.egress.inbound, dataSets.egress.upstream]) {
      expect(checks?.rules).toBeUndefined();
    }
  });

  it('let pass in observe mode, with the words for the log', () => {
    const checks = checksOf(noReports, { mode: 'observe' });
    expect(decide(checks, dataSetOf([modality('SR')]))).toEqual({
      allowed: true,
      wouldDeny: 'store-rule',
      detail: 'storeRules[0] "no reports" refuses it: Modality (0008,0060)',
    });
  });

  it.each(['off', 'observe'] as const)('hold with dataSets "%s"', (dataSets) => {
    const checks = checksOf(noReports, { dataSets });
    expect(decide(checks, dataSetOf([modality('SR')]))).toMatchObject({
      allowed: false,
      reason: 'store-rule',
    });
    expect(decide(checks, Buffer.from('not a data set at all'))).toMatchObject({ reason: 'store-rule' });
    expect(decide(checks, dataSetOf([modality('CT')]))).toEqual({ allowed: true });
  });

  it('read no further than their highest element', () => {
    const { wanted } = checksOf(noReports);
    expect(wanted.last).toBe(0x0008_0060);
  });

  it('cost nothing where there are none and dataSets is "off"', () => {
    const decision = decideAssociation(
      policyOf({ ct1: { callingAeTitle: 'CT1', from: '10.1.2.10', dataSets: 'off' } }),
      associationRequest(),
    );
    expect(decision.modality?.dataSets.ingress.inbound).toBeUndefined();
  });
});

const syntaxes = Object.values(TransferSyntax);

describe.each(syntaxes)('rules on a data set in %s', (syntax) => {
  const encoding = encodingOf(syntax);
  const elements: Element[] = [
    modality('CT'),
    [0x0028, 0x0010, 'US', unsignedShort(encoding, 512)],
    [0x0028, 0x0301, 'CS', textValue('YES')],
  ];
  const plain = dataSetOf(elements, encoding);
  const dataSet = syntax === DEFLATED ? padded(deflateRawSync(plain), 0) : plain;
  const refusing = checksOf([{ allow: { Rows: '256' } }, { refuse: { BurnedInAnnotation: 'YES' } }]);
  const allowing = checksOf([{ allow: { Modality: 'CT', Rows: '512' } }]);

  it('say the same in pieces of any length', () => {
    for (let bytes = 1; bytes <= dataSet.length; bytes += bytes < 60 ? 1 : 37) {
      expect(decide(refusing, dataSet, syntax, bytes)).toMatchObject({
        allowed: false,
        detail: 'storeRules[1] refuses it: BurnedInAnnotation (0028,0301)',
      });
      expect(decide(allowing, dataSet, syntax, bytes)).toEqual({ allowed: true });
    }
  });
});

describe('a condition', () => {
  it.each<[string, Element, unknown, boolean]>([
    ['spaces around', modality(' SR '), 'SR', true],
    ['a NUL at the end', modality('SR\0'), 'SR', true],
    ['lower case', modality('sr'), 'SR', false],
    [
      'one of several values',
      [0x0008, 0x0008, 'CS', textValue('ORIGINAL\\SCREEN SAVE')],
      'SCREEN SAVE',
      true,
    ],
    ['part of a value', [0x0008, 0x0008, 'CS', textValue('ORIGINAL\\SCREEN SAVE')], 'SCREEN', false],
    ['a beginning', institution(Buffer.from('North Wing')), 'North*', true],
    ['an end', institution(Buffer.from('North Wing')), '*Wing', true],
    ['a middle', institution(Buffer.from('North Wing')), '*th*in*', true],
    ['parts in another order', institution(Buffer.from('North Wing')), '*Wing*North*', false],
    ['parts that overlap', institution(Buffer.from('aba')), 'ab*ba', false],
    ['an asterisk for nothing', institution(Buffer.from('ab')), 'a*b', true],
    ['characters that regular expressions know', institution(Buffer.from('N.W')), 'N?W', false],
    ['present', modality('CT'), true, true],
    ['absent', modality('CT'), false, false],
    ['present, but empty', modality(''), true, false],
    ['present, but spaces', modality('  '), false, true],
    ['present, but empty values', [0x0008, 0x0008, 'CS', textValue('\\\\')], true, false],
    ['another way to write a number', [0x0018, 0x0050, 'DS', textValue('5.00')], '5', true],
    [
      'parts of a name that are empty',
      [0x0010, 0x0010, 'PN', textValue('Test^Phantom^^')],
      'Test^Phantom',
      true,
    ],
    ['UN', modality('SR', 'UN'), 'SR', true],
  ])('on %s', (_what, element, wanted, holds) => {
    const key = `${hex(element[0])},${hex(element[1])}`;
    const refuse = { [key]: wanted } as never;
    expect(said([{ refuse }], element) !== 'allowed').toBe(holds);
  });

  it('on what has another value representation is not decided', () => {
    expect(said(noReports, modality('CT', 'LO'))).toBe(
      'storeRules[0] "no reports" cannot be decided: Modality (0008,0060) is not CS',
    );
    expect(said([{ allow: { Modality: 'CT' } }], modality('CT', 'OB'))).toMatch(/cannot be decided/);
  });

  it('on a second value that should not be there is not decided, unless all say the same', () => {
    const onlyCt: Rules = [{ allow: { Modality: 'CT' } }];
    for (const rules of [onlyCt, [{ refuse: { Modality: 'CT' } }] as Rules]) {
      for (const values of ['CT\\SR', 'SR\\CT', 'CT\\']) {
        expect(said(rules, modality(values))).toMatch(/ Modality \(0008,0060\) has more than one value$/);
      }
    }
    expect(said(onlyCt, modality('CT\\CT'))).toBe('allowed');
    expect(said(noReports, modality('CT\\MR'))).toBe('allowed');
    // Of several values that may be there, any counts.
    const primary: Rules = [{ allow: { ImageType: 'PRIMARY' } }];
    expect(said(primary, [0x0008, 0x0008, 'CS', textValue('ORIGINAL\\PRIMARY')])).toBe('allowed');
  });

  it('on what has a NUL inside is not decided', () => {
    expect(said(noReports, modality('SR\0T'))).toMatch(/ Modality \(0008,0060\) has a NUL inside$/);
  });

  it('that does not hold decides before one that is not decided', () => {
    const rules: Rules = [{ refuse: { InstitutionName: 'North', Modality: 'SR' } }];
    expect(said(rules, modality('CT', 'LO'), institution(Buffer.from('South')))).toBe('allowed');
  });

  it('on a private element goes by its value representation', () => {
    const refuse = { '0009,1001': 'X' };
    const creator: Element = [0x0009, 0x0010, 'LO', textValue('ACME')];
    expect(said([{ refuse }], creator, [0x0009, 0x1001, 'SH', textValue('X')])).not.toBe('allowed');
    expect(said([{ refuse }], creator, [0x0009, 0x1001, 'SH', textValue('Y')])).toBe('allowed');
    expect(said([{ refuse }], creator, [0x0009, 0x1001, 'OB', Buffer.alloc(2)])).toMatch(
      /is OB, which is not text/,
    );
    expect(said([{ refuse: { '0009,1001': true } }], [0x0009, 0x1001, 'OB', Buffer.alloc(2)])).not.toBe(
      'allowed',
    );
  });

  it('does not see what is inside a sequence', () => {
    const encoding = encodingOf(EXPLICIT);
    const inside = encodeElement(encoding, ...modality('SR'));
    const sequence = Buffer.concat([itemMarker(encoding, ItemElement.Item, inside.length), inside]);
    expect(said(noReports, [0x0008, 0x0051, 'SQ', sequence], modality('CT'))).toBe('allowed');
  });

  it('on a missing element is not decided where elements are out of order', () => {
    const encoding = encodingOf(EXPLICIT);
    const element = (...one: Element) => encodeElement(encoding, ...one);
    const disordered = Buffer.concat([
      element(0x0010, 0x0020, 'LO', textValue('ID')),
      element(0x0008, 0x0016, 'UI', uidValue(CT)),
      element(0x0008, 0x0018, 'UI', uidValue(INSTANCE)),
      element(0x7fe0, 0x0010, 'OW', Buffer.alloc(2)),
    ]);
    expect(decide(checksOf(noReports), disordered)).toMatchObject({
      allowed: false,
      detail: expect.stringMatching(/Modality \(0008,0060\) may be missing or out of order$/),
    });
  });

  it('on an element behind the first 64 KB is not decided, and the UIDs are not to blame', () => {
    const much = Array.from(
      { length: 300 },
      (_, index): Element => [0x0009, 0x1000 + index, 'OB', Buffer.alloc(300)],
    );
    const dataSet = dataSetOf([...much, [0x0028, 0x0301, 'CS', textValue('NO')]]);
    const rules: Rules = [{ refuse: { BurnedInAnnotation: 'YES' } }];
    expect(decide(checksOf(rules), dataSet)).toMatchObject({
      allowed: false,
      reason: 'store-rule',
      detail: expect.stringMatching(/^storeRules cannot be decided: .* not in the first 65536 bytes$/),
    });
  });
});

describe('text beyond ASCII', () => {
  const rules: Rules = [{ refuse: { InstitutionName: 'Röntgen*' } }];
  const latin1 = institution(Buffer.from('Röntgen Nord', 'latin1'));
  const utf8 = institution(Buffer.from('Röntgen Nord'));

  it.each<[string, Element[]]>([
    ['Latin-1', [characterSet('ISO_IR 100'), latin1]],
    ['UTF-8', [characterSet('ISO_IR 192'), utf8]],
    ['Latin-9', [characterSet('ISO_IR 203'), latin1]],
    ['the first of several sets', [characterSet('ISO 2022 IR 100\\ISO 2022 IR 87'), latin1]],
  ])('is read in %s', (_name, elements) => {
    expect(said(rules, ...elements)).toBe('storeRules[0] refuses it: InstitutionName (0008,0080)');
  });

  it.each<[string, Element[]]>([
    ['has no character set and two meanings', [utf8]],
    ['has escapes', [characterSet('\\ISO 2022 IR 87'), institution(Buffer.from('\x1b$B@EMQ\x1b(B'))]],
    ['is not in its character set', [characterSet('ISO_IR 192'), latin1]],
    ['is in a set that is not known', [characterSet('ISO_IR 999'), latin1]],
  ])('is not decided where it %s', (_what, elements) => {
    expect(said(rules, ...elements)).toMatch(/^storeRules\[0\] cannot be decided: InstitutionName/);
  });

  it('without a character set is decided where all its meanings lead to the same', () => {
    expect(said([{ refuse: { InstitutionName: '*Nord' } }], utf8)).toMatch(/ refuses it: /);
    expect(said([{ refuse: { InstitutionName: '*Sued' } }], utf8)).toBe('allowed');
  });
});

describe('what a rule says', () => {
  it('never holds a value', () => {
    const value = fc.stringMatching(/^[A-Z0-9^\\ ]{12,60}$/).map((text) => `CANARY${text}`);
    const rule = fc.constantFrom<Rules>(
      [{ refuse: { PatientID: 'CANARY*' } }],
      [{ allow: { PatientID: 'X*' } }],
      [{ allow: { PatientID: true, PatientName: false } }],
    );
    fc.assert(
      fc.property(value, rule, fc.constantFrom('LO', 'SH', 'OB'), (text, rules, vr) => {
        const checks = checksOf(rules);
        const dataSet = dataSetOf([
          [0x0010, 0x0010, 'PN', textValue(text)],
          [0x0010, 0x0020, vr, textValue(text)],
        ]);
        expect(JSON.stringify(decide(checks, dataSet))).not.toContain('CANARY');
      }),
    );
  });

  it('comes soon whatever the value is', () => {
    const long = Buffer.alloc(60_000, ' ');
    long[59_999] = 0x58;
    const rules: Rules = [{ refuse: { InstitutionName: ['*a*b*c*d', '*  *  *X*Y'] } }];
    const startedMs = performance.now();
    expect(said(rules, institution(long))).toBe('allowed');
    const uids = dataSetOf([]);
    const encoding = encodingOf(EXPLICIT);
    const wide = Buffer.concat([
      uids.subarray(0, 8 + uidValue(CT).length),
      encodeElement(encoding, 0x0008, 0x0018, 'UI', long),
    ]);
    expect(decide(checksOf(rules), wide)).toMatchObject({ reason: 'data-set-mismatch' });
    expect(performance.now() - startedMs).toBeLessThan(500);
  });
});

describe('a configuration with rules', () => {
  function problemsOf(storeRules: Rules, rest: Partial<ModalityInput> = {}) {
    const entry = {
      callingAeTitle: 'CT1',
      from: '10.1.2.10',
      allow: ['store'] as const,
      storeRules,
      ...rest,
    };
    const { problems } = compilePolicy(configurationOf({ ct1: entry as never }), Date.now());
    return problems.map(({ severity, path, message }) => `${severity} ${path.slice(2).join('.')} ${message}`);
  }

  it.each<[Rules, RegExp]>([
    [[{ refuse: { Modalty: 'SR' } }], /^error storeRules\.0\.refuse\.Modalty .* did you mean "Modality"\?$/],
    [[{ refuse: { '7FE0,0010': true } }], /of the groups 0008 to 0028$/],
    [[{}], /^error storeRules\.0 a rule has either "allow" or "refuse"$/],
    [[{ allow: {}, refuse: {} }], /^error storeRules\.0 a rule has either/],
    [[{ refuse: { Modality: '' } }], /is empty; write false/],
    [[{ refuse: { ImageType: 'A\\B' } }], /has a backslash/],
    [[{ refuse: { Rows: '5*' } }], /is not a number/],
    [[{ refuse: {} }, { allow: { Modality: 'CT' } }], /^warning storeRules\.0 has no conditions/],
    [
      [{ allow: { Modality: 'CT' }, status: '0x0124' }, { refuse: {} }],
      /^warning storeRules\.0\.status has no effect/,
    ],
  ])('%j is reported', (rules, message) => {
    expect(problemsOf(rules)).toEqual([expect.stringMatching(message)]);
  });

  it('that cannot count is warned of', () => {
    expect(problemsOf(noReports, { allow: ['echo'] })).toEqual([
      'warning storeRules has no effect, because "store" is not in allow',
    ]);
  });

  it('is refused where a condition is nothing that can be compared', () => {
    for (const wanted of [5, null, {}, [], [5]]) {
      expect(() =>
        configurationOf({
          ct1: {
            callingAeTitle: 'CT1',
            from: '10.1.2.10',
            storeRules: [{ refuse: { Modality: wanted } }],
          } as never,
        }),
      ).toThrow();
    }
    expect(() =>
      configurationOf({ ct1: { callingAeTitle: 'CT1', from: '10.1.2.10', storeRules: [] } }),
    ).toThrow();
  });
});

function hex(number: number): string {
  return number.toString(16).padStart(4, '0');
}
