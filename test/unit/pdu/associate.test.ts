import { describe, expect, it } from '@jest/globals';
import {
  decodeAssociateAc,
  decodeAssociateRq,
  encodeAssociateAc,
  encodeAssociateRq,
} from '../../../src/pdu/associate';
import { MAX_DEVIATIONS } from '../../../src/pdu/items';
import {
  type AssociateAc,
  type AssociateRq,
  MAX_ASSOCIATE_BYTES,
  MAX_PRESENTATION_CONTEXTS,
  MAX_TRANSFER_SYNTAXES,
  PduError,
} from '../../../src/pdu/types';
import { processorMs } from '../../support/heldBytes';
import {
  applicationContext,
  ascii,
  associateBody,
  associateFixed,
  type Built,
  bigEndian,
  CT_IMAGE_STORAGE,
  contextAc,
  contextRq,
  counted,
  echoRequestBody,
  fullAnswerBody,
  fullRequestBody,
  IMPLICIT_LITTLE_ENDIAN,
  implementationClassUid,
  item,
  join,
  maximumLength,
  userInformation,
  VERIFICATION,
} from '../../support/pduBytes';

const context = contextRq(1, VERIFICATION, IMPLICIT_LITTLE_ENDIAN);
const transferSyntax = item(0x40, [ascii(IMPLICIT_LITTLE_ENDIAN)]);

function requestWith(...userItems: Built[]): Buffer {
  return associateBody(applicationContext, context, item(0x50, userItems)).bytes;
}

function errorOf(decode: () => unknown): string {
  try {
    decode();
  } catch (error) {
    if (error instanceof PduError) {
      return `${error.code}: ${error.message}`;
    }
    throw error;
  }
  return 'no error';
}

describe('titles and names', () => {
  it.each([
    ['CT1             ', 'CT1'],
    ['   CT1          ', 'CT1'],
    ['ABCDEFGHIJKLMNOP', 'ABCDEFGHIJKLMNOP'],
    ['                ', ''],
    ['CT1\0\0\0\0\0\0\0\0\0\0\0\0\0', 'CT1'],
    ['CT1 \0            ', 'CT1'],
    ['\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0', ''],
    // As DCMTK and Orthanc read it; policy and upstream both get this value.
    ['CT1\0ADMIN       ', 'CT1'],
    ['\0CT1            ', ''],
    ['A B             ', 'A B'],
    ['ct1\r\n           ', 'ct1\r\n'],
    ['R\u00d6NTGEN\u00ff       ', 'R\u00d6NTGEN\u00ff'],
    ["'; DROP TABLE-- ", "'; DROP TABLE--"],
  ])('reads the AE title %j as %j', (wire, title) => {
    const fixed = associateFixed(wire.slice(0, 16), 'X');
    const decoded = decodeAssociateRq(join(fixed, applicationContext, context, userInformation()).bytes);
    expect(decoded.calledAeTitle).toBe(title);
    expect(decoded.callingAeTitle).toBe('X');
  });

  it('keeps called and calling AE titles apart', () => {
    const decoded = decodeAssociateRq(echoRequestBody().bytes);
    expect([decoded.calledAeTitle, decoded.callingAeTitle]).toEqual(['ARCHIVE', 'CT1']);
  });

  it.each([0, 1, 2, 3, 0xffff])('passes protocol version %d on to policy', (version) => {
    const fixed = associateFixed('A', 'B', version);
    expect(decodeAssociateRq(join(fixed, context).bytes).protocolVersion).toBe(version);
  });

  it.each([
    ['1.2.840.10008.3.1.1.2', '1.2.840.10008.3.1.1.2'],
    ['not a UID', 'not a UID'],
    ['', ''],
    ['1.2.840.10008.3.1.1.1\0', '1.2.840.10008.3.1.1.1'],
  ])('passes the application context name %j on to policy', (wire, name) => {
    const body = associateBody(item(0x10, [ascii(wire)]), context);
    expect(decodeAssociateRq(body.bytes).applicationContextName).toBe(name);
  });

  it('reads a request without application context and user information', () => {
    const decoded = decodeAssociateRq(associateBody(context).bytes);
    expect(decoded.applicationContextName).toBe('');
    expect(decoded.userInformation).toEqual({
      maxPduLength: 0,
      implementationClassUid: '',
      roleSelections: [],
      extendedNegotiations: [],
      commonExtendedNegotiations: [],
    });
  });
});

describe('UIDs', () => {
  const abstractSyntaxOf = (bytes: Buffer): string => {
    const body = associateBody(item(0x20, [[1, 0, 0, 0], item(0x30, [bytes]), transferSyntax]));
    return decodeAssociateRq(body.bytes).presentationContexts[0]!.abstractSyntax;
  };

  it.each([
    ['1.2.3', '1.2.3'],
    ['1.2.3\0', '1.2.3'],
    ['1.2.3 ', '1.2.3'],
    ['1.2.3\0 \0', '1.2.3'],
    ['1.02.003', '1.02.003'],
    ['9'.repeat(64), '9'.repeat(64)],
    [`${'9'.repeat(64)}\0`, '9'.repeat(64)],
  ])('reads %j', (wire, uid) => {
    expect(abstractSyntaxOf(ascii(wire))).toBe(uid);
  });

  it.each(['', '\0', '9'.repeat(65), ' 1.2', '1,2', '1.2.x', '../etc', '1.2\n', '\u00b2'])(
    'refuses the context of %j, and no other',
    (wire) => {
      const broken = item(0x20, [[3, 0, 0, 0], item(0x30, [ascii(wire)]), transferSyntax]);
      const decoded = decodeAssociateRq(associateBody(broken, context).bytes);
      expect(decoded.presentationContexts.map(({ id, refusal }) => [id, refusal])).toEqual([
        [3, 3],
        [1, undefined],
      ]);
      expect(decoded.deviations).toEqual([
        'presentation context 3: the abstract syntax is not one UID; refused',
      ]);
    },
  );

  it('ends at a NUL, as DCMTK reads it', () => {
    expect(abstractSyntaxOf(ascii('1.2\0.3'))).toBe('1.2');
  });

  it('never names what it refuses', () => {
    const broken = item(0x20, [[3, 0, 0, 0], item(0x30, [ascii('DOE^JANE')]), transferSyntax]);
    expect(JSON.stringify(decodeAssociateRq(associateBody(broken).bytes))).not.toContain('DOE');
  });
});

describe('presentation contexts', () => {
  it('come in the order of the PDU, with any odd ids', () => {
    const body = associateBody(
      contextRq(255, '1.1', '1.2'),
      contextRq(1, '2.1', '2.2', '2.3', '2.2'),
      contextRq(7, '1.1', '1.2'),
    );
    expect(decodeAssociateRq(body.bytes).presentationContexts).toEqual([
      { id: 255, abstractSyntax: '1.1', transferSyntaxes: ['1.2'] },
      { id: 1, abstractSyntax: '2.1', transferSyntaxes: ['2.2', '2.3', '2.2'] },
      { id: 7, abstractSyntax: '1.1', transferSyntaxes: ['1.2'] },
    ]);
  });

  it.each([0, 2, 128, 254])('keeps the even id %d in both PDUs, as DCMTK and Orthanc do', (id) => {
    const rq = decodeAssociateRq(associateBody(contextRq(id, '1.1', '1.2')).bytes);
    expect(rq.presentationContexts).toEqual([{ id, abstractSyntax: '1.1', transferSyntaxes: ['1.2'] }]);
    expect(rq.deviations).toEqual([`presentation context id ${id} is even`]);
    const ac = decodeAssociateAc(associateBody(contextAc(id, 0, transferSyntax)).bytes);
    expect(ac.presentationContexts.map((answered) => answered.id)).toEqual([id]);
  });

  it('takes a repeated context once, and refuses an id that names two', () => {
    const other = contextRq(1, CT_IMAGE_STORAGE, IMPLICIT_LITTLE_ENDIAN);
    const once = decodeAssociateRq(associateBody(context).bytes).presentationContexts;
    expect(decodeAssociateRq(associateBody(context, context).bytes).presentationContexts).toEqual(once);
    expect(decodeAssociateRq(associateBody(context, other).bytes).presentationContexts).toEqual([
      { id: 1, abstractSyntax: '', transferSyntaxes: [], refusal: 2 },
    ]);
    const answered = contextAc(1, 0, transferSyntax);
    expect(decodeAssociateAc(associateBody(answered, answered).bytes).presentationContexts).toEqual(
      decodeAssociateAc(associateBody(answered).bytes).presentationContexts,
    );
    expect(decodeAssociateAc(associateBody(answered, contextAc(1, 3)).bytes).presentationContexts).toEqual([
      { id: 1, result: 2, transferSyntax: '' },
    ]);
  });

  it('takes as many as there are ids', () => {
    const ids = Array.from({ length: MAX_PRESENTATION_CONTEXTS }, (_, index) => index);
    const body = associateBody(...ids.map((id) => contextRq(id, '1.1', '1.2'))).bytes;
    expect(decodeAssociateRq(body).presentationContexts.map(({ id }) => id)).toEqual(ids);
  });

  it('takes 128 transfer syntaxes in a context and no more', () => {
    const syntaxes = Array.from({ length: MAX_TRANSFER_SYNTAXES }, (_, index) => `1.2.${index}`);
    const most = associateBody(contextRq(1, '1.1', ...syntaxes)).bytes;
    expect(decodeAssociateRq(most).presentationContexts[0]!.transferSyntaxes).toEqual(syntaxes);
    const tooMany = associateBody(contextRq(1, '1.1', ...syntaxes, '1.3')).bytes;
    expect(decodeAssociateRq(tooMany).presentationContexts[0]!.transferSyntaxes).toEqual(syntaxes);
  });

  const abstractSyntax = item(0x30, [ascii('1.1')]);
  it('of a request are at least one', () => {
    expect(errorOf(() => decodeAssociateRq(associateBody(applicationContext).bytes))).toMatch(
      /^pdu-associate-malformed: .*no presentation context is proposed/,
    );
  });

  it.each<[string, Built, number]>([
    ['no abstract syntax', item(0x20, [[3, 0, 0, 0], transferSyntax]), 3],
    [
      'two abstract syntaxes',
      item(0x20, [[3, 0, 0, 0], abstractSyntax, item(0x30, [ascii('1.9')]), transferSyntax]),
      3,
    ],
    ['a sub-item that crosses its end', item(0x20, [[3, 0, 0, 0], abstractSyntax, [0x40, 0, 0, 9]]), 3],
    ['a cut', item(0x20, [[3, 0]]), 3],
    ['no transfer syntax', item(0x20, [[3, 0, 0, 0], abstractSyntax]), 4],
    ['an empty transfer syntax', item(0x20, [[3, 0, 0, 0], abstractSyntax, item(0x40, [])]), 4],
    ['letters as transfer syntax', item(0x20, [[3, 0, 0, 0], abstractSyntax, item(0x40, [ascii('1.x')])]), 4],
  ])('with %s are refused alone', (_name, broken, result) => {
    const decoded = decodeAssociateRq(associateBody(broken, context).bytes);
    expect(decoded.presentationContexts.map(({ id, refusal }) => [id, refusal])).toEqual([
      [3, result],
      [1, undefined],
    ]);
    expect(decoded.deviations?.at(-1)).toMatch(/^presentation context 3: .*; refused$/);
  });

  it('keep the transfer syntaxes that are UIDs', () => {
    const body = associateBody(item(0x20, [[3, 0, 0, 0], abstractSyntax, item(0x40, []), transferSyntax]));
    expect(decodeAssociateRq(body.bytes).presentationContexts).toEqual([
      { id: 3, abstractSyntax: '1.1', transferSyntaxes: [IMPLICIT_LITTLE_ENDIAN] },
    ]);
  });

  it('without an id, or of the other PDU, are left out', () => {
    const body = associateBody(item(0x20, []), context, contextAc(3, 0, transferSyntax)).bytes;
    expect(decodeAssociateRq(body).presentationContexts.map(({ id }) => id)).toEqual([1]);
    expect(decodeAssociateAc(associateBody(context).bytes).presentationContexts).toEqual([]);
  });

  it.each<[string, Built]>([
    ['without transfer syntax', contextAc(1, 0)],
    ['with two transfer syntaxes', contextAc(1, 0, transferSyntax, item(0x40, [ascii('1.2')]))],
    ['with an empty transfer syntax', contextAc(1, 0, item(0x40, []))],
  ])('that are accepted %s count as refused', (_name, answered) => {
    expect(decodeAssociateAc(associateBody(answered).bytes).presentationContexts).toEqual([
      { id: 1, result: 2, transferSyntax: '' },
    ]);
  });

  it('that are accepted with the same transfer syntax twice are accepted', () => {
    const twice = contextAc(1, 0, transferSyntax, transferSyntax);
    expect(decodeAssociateAc(associateBody(twice).bytes).presentationContexts).toEqual([
      { id: 1, result: 0, transferSyntax: IMPLICIT_LITTLE_ENDIAN },
    ]);
  });

  it.each<[string, Built]>([
    ['missing', contextAc(1, 3)],
    ['empty', contextAc(1, 3, item(0x40, []))],
    ['repeated', contextAc(1, 3, transferSyntax, transferSyntax)],
    ['not a UID', contextAc(1, 3, item(0x40, [ascii('none')]))],
    ['without structure', contextAc(1, 3, [1, 2, 3])],
  ])('reads a refused context whose transfer syntax is %s', (_name, answered) => {
    expect(decodeAssociateAc(associateBody(answered).bytes).presentationContexts).toEqual([
      { id: 1, result: 3, transferSyntax: '' },
    ]);
  });

  it('reads an answer without contexts, and one with an abstract syntax in a context', () => {
    expect(decodeAssociateAc(associateBody().bytes).presentationContexts).toEqual([]);
    const chatty = contextAc(1, 0, abstractSyntax, transferSyntax);
    expect(decodeAssociateAc(associateBody(chatty).bytes).presentationContexts[0]!.transferSyntax).toBe(
      IMPLICIT_LITTLE_ENDIAN,
    );
  });
});

describe('user information', () => {
  it('skips unknown items and sub-items at every level', () => {
    const unknown = item(0x7f, [ascii('whatever')]);
    const plain = associateBody(applicationContext, context, userInformation());
    const noisy = associateBody(
      unknown,
      applicationContext,
      item(0x20, [
        [1, 0, 0, 0],
        unknown,
        item(0x30, [ascii(VERIFICATION)]),
        unknown,
        transferSyntax,
        unknown,
      ]),
      unknown,
      userInformation(unknown, item(0x5a, []), unknown),
      item(0x00, []),
    );
    expect(decodeAssociateRq(noisy.bytes)).toEqual(decodeAssociateRq(plain.bytes));
  });

  it('reads sub-items and items in any order', () => {
    const body = associateBody(
      item(0x50, [implementationClassUid, maximumLength]),
      context,
      applicationContext,
    );
    expect(decodeAssociateRq(body.bytes)).toEqual(decodeAssociateRq(echoRequestBody().bytes));
  });

  it.each([0, 1, 16384, 0x7fffffff, 0x80000000, 0xffffffff])('reads maximum length %d', (length) => {
    const body = requestWith(item(0x51, [bigEndian(length, 4)]));
    expect(decodeAssociateRq(body).userInformation.maxPduLength).toBe(length);
  });

  it('reads an empty implementation class UID and an empty version name as absent', () => {
    const { userInformation: user } = decodeAssociateRq(requestWith(item(0x52, []), item(0x55, [])));
    expect(user.implementationClassUid).toBe('');
    expect(user).not.toHaveProperty('implementationVersionName');
  });

  it('reads a version name that is longer than the standard allows', () => {
    const body = requestWith(item(0x55, [ascii('A_VERSION_NAME_OF_31_CHARACTERS ')]));
    expect(decodeAssociateRq(body).userInformation.implementationVersionName).toBe(
      'A_VERSION_NAME_OF_31_CHARACTERS',
    );
  });

  it('leaves out role selections of one SOP class that contradict each other', () => {
    const role = (uid: string, scu: number, scp: number) => item(0x54, [counted(ascii(uid)), [scu, scp]]);
    const { userInformation: user, deviations } = decodeAssociateRq(
      requestWith(role('1.2', 0, 1), role('1.2', 1, 1), role('1.3', 1, 0), role('1.3', 1, 0)),
    );
    expect(user.roleSelections).toEqual([{ sopClassUid: '1.3', scu: true, scp: false }]);
    expect(deviations).toHaveLength(1);
  });

  it.each([
    [0xff, 0xff, true, true],
    [1, 0xff, true, false],
    [2, 0, false, true],
    [0, 0xff, false, true],
    [0, 0, false, false],
  ])('reads the roles %d and %d as DCMTK does', (scu, scp, isScu, isScp) => {
    const [role] = decodeAssociateRq(requestWith(item(0x54, [counted(ascii('1.2')), [scu, scp]])))
      .userInformation.roleSelections;
    expect(role).toEqual({ sopClassUid: '1.2', scu: isScu, scp: isScp });
  });

  it('does not read what later versions add to common extended negotiation', () => {
    const fields = [counted(ascii('1.2')), counted(ascii('1.3')), counted()];
    const body = requestWith(item(0x57, [...fields, [9, 9, 9]], 1));
    expect(decodeAssociateRq(body).userInformation.commonExtendedNegotiations).toEqual([
      { version: 1, sopClassUid: '1.2', serviceClassUid: '1.3', relatedSopClassUids: [] },
    ]);
  });

  it('keeps copies of binary fields, not views on the PDU', () => {
    const body = fullRequestBody().bytes;
    const decoded = decodeAssociateRq(body);
    body.fill(0xee);
    expect(decoded.userInformation.extendedNegotiations[0]!.applicationInformation.toString('hex')).toBe(
      '020003',
    );
    expect(decoded.userInformation.userIdentity!.secondaryField.toString()).toBe('password');
  });

  const uid = counted(ascii('1.2'));
  const one = {
    maximumLength,
    implementationClassUid,
    asynchronousOperations: item(0x53, ['0001 0001']),
    versionName: item(0x55, [ascii('A')]),
    userIdentity: item(0x58, ['01 00', counted(ascii('u')), counted()]),
    userIdentityResponse: item(0x59, [counted()]),
  };
  it.each(Object.entries(one))('takes a %s that is repeated as it was', (_name, single) => {
    expect(decodeAssociateRq(requestWith(single, single)).userInformation).toEqual(
      decodeAssociateRq(requestWith(single)).userInformation,
    );
  });

  it.each<[string, Built, Built]>([
    ['implementationClassUid', item(0x52, [ascii('1.2')]), item(0x52, [ascii('1.3')])],
    ['implementationVersionName', item(0x55, [ascii('A')]), item(0x55, [ascii('B')])],
    [
      'userIdentity',
      item(0x58, ['01 00', counted(ascii('u')), counted()]),
      item(0x58, ['01 00', counted(ascii('v')), counted()]),
    ],
  ])('leaves out a %s that comes twice and not the same', (property, first, second) => {
    const { userInformation: user } = decodeAssociateRq(requestWith(first, second));
    expect(user[property as keyof typeof user] || undefined).toBeUndefined();
  });

  it.each([
    [4096, 16384, 4096],
    [0, 16384, 16384],
  ])('takes the smaller one of the maximum lengths %d and %d', (first, second, length) => {
    const body = requestWith(item(0x51, [bigEndian(first, 4)]), item(0x51, [bigEndian(second, 4)]));
    expect(decodeAssociateRq(body).userInformation.maxPduLength).toBe(length);
  });

  it('is joined where it comes in two items', () => {
    const body = associateBody(applicationContext, context, userInformation(), userInformation()).bytes;
    expect(decodeAssociateRq(body).userInformation).toEqual(
      decodeAssociateRq(echoRequestBody().bytes).userInformation,
    );
  });

  it('gives no application context name where two differ', () => {
    const other = item(0x10, [ascii('1.2')]);
    const names = [
      [applicationContext, applicationContext],
      [applicationContext, other],
    ].map((items) => decodeAssociateRq(associateBody(...items, context).bytes).applicationContextName);
    expect(names).toEqual(['1.2.840.10008.3.1.1.1', '']);
  });

  it.each<[string, Built]>([
    ['an item that is longer than its parent', join([0x7f, 0], '0001')],
    ['an item without length', join([0x7f, 0])],
  ])('refuses %s', (_name, damaged) => {
    expect(errorOf(() => decodeAssociateRq(requestWith(damaged)))).toMatch(/^pdu-associate-malformed: /);
  });

  it.each<[string, Built]>([
    ['a maximum length of 3 bytes', item(0x51, ['004000'])],
    ['an implementation class UID with letters', item(0x52, [ascii('1.2.a')])],
    ['an asynchronous operations window of 3 bytes', item(0x53, ['000100'])],
    ['a role selection whose UID is longer than the item', item(0x54, ['0009 312e32 0001'])],
    ['a role selection without SCP role', item(0x54, [uid, [1]])],
    ['a role selection without SOP class', item(0x54, [counted(), [1, 1]])],
    ['a version name of 65 characters', item(0x55, [ascii('A'.repeat(65))])],
    ['an extended negotiation of 1 byte', item(0x56, ['00'])],
    ['an extended negotiation whose UID is too long', item(0x56, ['0004 312e32'])],
    ['related classes that are longer than the item', item(0x57, [uid, uid, '0006 0003 312e32'])],
    [
      'a related class that is longer than the list',
      item(0x57, [uid, uid, counted('0009 312e32'), ascii('1.2.3.4.5')]),
    ],
    ['a user identity whose primary field is too long', item(0x58, ['0200 0005 7573 0000'])],
    ['a user identity without secondary length', item(0x58, ['0100', counted(ascii('u'))])],
    ['a user identity with more behind', item(0x58, ['0100', counted(), counted(), '00'])],
  ])('leaves out %s, and keeps the rest', (_name, damaged) => {
    const body = associateBody(
      applicationContext,
      context,
      item(0x50, [damaged, item(0x55, [ascii('KEPT')])]),
    ).bytes;
    const { userInformation: user, deviations } = decodeAssociateRq(body);
    expect(user).toEqual({
      maxPduLength: 0,
      implementationClassUid: '',
      implementationVersionName: 'KEPT',
      roleSelections: [],
      extendedNegotiations: [],
      commonExtendedNegotiations: [],
    });
    expect(deviations).toHaveLength(1);
  });

  it('does not read bytes behind the last field', () => {
    const body = requestWith(
      item(0x53, ['0001000100']),
      item(0x54, [uid, [1, 1, 1]]),
      item(0x59, [counted(), '00']),
    );
    expect(decodeAssociateRq(body).userInformation).toMatchObject({
      asynchronousOperations: { invoked: 1, performed: 1 },
      roleSelections: [{ sopClassUid: '1.2', scu: true, scp: true }],
    });
  });

  it('never names a secret in a note', () => {
    const body = requestWith(item(0x58, ['0101', counted(ascii('geheim')), '00']));
    expect(JSON.stringify(decodeAssociateRq(body).deviations)).not.toContain('geheim');
  });
});

describe('damaged lengths', () => {
  const values = (bytes: 2 | 4, length: number): number[] =>
    [0, 1, length - 1, length + 1, 0x7fff, 0xffff, ...(bytes === 4 ? [0x80000000, 0xffffffff] : [])].filter(
      (value) => value >= 0 && value !== length,
    );

  it.each<[string, Built, (body: Buffer) => AssociateRq | AssociateAc]>([
    ['RQ', fullRequestBody(), decodeAssociateRq],
    ['AC', fullAnswerBody(), decodeAssociateAc],
  ])(
    'of an A-ASSOCIATE-%s lead to a typed error or a value, never outside of the body',
    (_name, built, decode) => {
      let cases = 0;
      for (const field of built.lengths) {
        const length = built.bytes.readUIntBE(field.offset, field.bytes);
        for (const value of values(field.bytes, length)) {
          const damaged = Buffer.from(built.bytes);
          damaged.writeUIntBE(value, field.offset, field.bytes);
          // What lies behind the body in memory must not matter.
          const first = Buffer.concat([damaged, Buffer.alloc(70000, 0x00)]).subarray(0, damaged.length);
          const second = Buffer.concat([damaged, Buffer.alloc(70000, 0x31)]).subarray(0, damaged.length);
          expect(outcome(() => decode(first))).toEqual(outcome(() => decode(second)));
          cases++;
        }
      }
      expect(cases).toBeGreaterThan(70);
    },
  );

  function outcome(decode: () => unknown): unknown {
    try {
      return decode();
    } catch (error) {
      expect(error).toBeInstanceOf(PduError);
      return (error as PduError).message;
    }
  }

  it('a body that ends anywhere leads to a typed error or a value', () => {
    const body = fullRequestBody().bytes;
    for (let length = 0; length < body.length; length++) {
      outcome(() => decodeAssociateRq(body.subarray(0, length)));
      outcome(() => decodeAssociateAc(body.subarray(0, length)));
    }
    expect(errorOf(() => decodeAssociateRq(body.subarray(0, 67)))).toContain('reserved bytes needs 32 bytes');
  });
});

it.each([0, 1])('reads %d deviations more than a thousand as what they are', (more) => {
  const broken = Buffer.alloc(4 * (MAX_DEVIATIONS + more), item(0x51, []).bytes);
  const error = errorOf(() => decodeAssociateRq(associateBody(context, item(0x50, [broken])).bytes));
  const tooMany = 'pdu-associate-malformed: A-ASSOCIATE: more than 1000 items are broken or repeated';
  expect(error).toBe(more === 0 ? 'no error' : tooMany);
});

describe('the work of one request of a megabyte', () => {
  const fill = (part: Buffer): Buffer =>
    Buffer.alloc(Math.floor((MAX_ASSOCIATE_BYTES - 2000) / part.length) * part.length, part);
  const manySubItems = (part: Built): Built =>
    item(0x50, [Buffer.alloc(Math.floor(65535 / part.bytes.length) * part.bytes.length, part.bytes)]);
  const manyContexts = Array.from({ length: 128 }, (_, index) =>
    contextRq(2 * index + 1, '9'.repeat(64), ...Array.from({ length: 100 }, () => '9'.repeat(64))),
  );

  it.each<[string, Built]>([
    ['empty unknown items', associateBody(context, fill(item(0x7f, []).bytes))],
    ['contexts that are full', associateBody(...manyContexts)],
    ['role selections', associateBody(context, manySubItems(item(0x54, [counted(ascii('1')), [1, 1]])))],
    ['extended negotiations', associateBody(context, manySubItems(item(0x56, [counted(ascii('1'))])))],
    ['a UID of NULs', associateBody(item(0x20, [[1, 0, 0, 0], item(0x30, [Buffer.alloc(60000)])]))],
    [
      'sub-items that cannot be read',
      associateBody(context, ...Array(15).fill(manySubItems(item(0x51, [])))),
    ],
    ['contexts that cannot be read', associateBody(context, fill(item(0x20, [[3, 0]]).bytes))],
    [
      'transfer syntaxes that are not UIDs',
      associateBody(item(0x20, [[1, 0, 0, 0], Buffer.alloc(64_000, item(0x40, []).bytes)])),
    ],
  ])('is small for %s', (_name, built) => {
    let best = Number.POSITIVE_INFINITY;
    for (let round = 0; round < 5; round++) {
      best = Math.min(
        best,
        processorMs(() => errorOf(() => decodeAssociateRq(built.bytes))),
      );
    }
    expect(built.bytes.length).toBeLessThanOrEqual(MAX_ASSOCIATE_BYTES);
    expect(best).toBeLessThan(200);
  });
});

/** By name, because Node's own range errors are not of the realm that a test runs in. */
const rangeError = expect.objectContaining({ name: 'RangeError' });

describe('encoding', () => {
  const request = decodeAssociateRq(echoRequestBody().bytes);
  const user = request.userInformation;

  it('sends a valid transfer syntax in a refused context, whatever it was given', () => {
    for (const given of ['', 'garbage', '1.2.840.10008.1.2.4.50']) {
      const answer: AssociateAc = {
        ...request,
        presentationContexts: [{ id: 1, result: 4, transferSyntax: given }],
      };
      expect(encodeAssociateAc(answer).includes(contextAc(1, 4, transferSyntax).bytes)).toBe(true);
    }
  });

  const withUser = (changes: object): AssociateRq => ({
    ...request,
    userInformation: { ...user, ...changes },
  });
  const withContext = (changes: object): AssociateRq => ({
    ...request,
    presentationContexts: [{ ...request.presentationContexts[0]!, ...changes }],
  });
  it.each<[string, AssociateRq]>([
    ['an AE title of 17 characters', { ...request, calledAeTitle: 'A'.repeat(17) }],
    ['an empty AE title', { ...request, callingAeTitle: '' }],
    ['an AE title outside of latin1', { ...request, callingAeTitle: 'CT\u0100' }],
    ['a protocol version of 17 bits', { ...request, protocolVersion: 0x10000 }],
    ['no application context', { ...request, applicationContextName: '' }],
    ['a context id above 255', withContext({ id: 257 })],
    ['a context id that is not an integer', withContext({ id: 1.5 })],
    ['no transfer syntax', withContext({ transferSyntaxes: [] })],
    ['too many transfer syntaxes', withContext({ transferSyntaxes: Array(129).fill('1.2') })],
    ['an abstract syntax that is not a UID', withContext({ abstractSyntax: 'CT' })],
    ['a transfer syntax of 65 characters', withContext({ transferSyntaxes: ['1'.repeat(65)] })],
    [
      'a repeated context id',
      {
        ...request,
        presentationContexts: [request.presentationContexts[0]!, request.presentationContexts[0]!],
      },
    ],
    ['no implementation class UID', withUser({ implementationClassUid: '' })],
    ['a version name of 17 characters', withUser({ implementationVersionName: 'A'.repeat(17) })],
    ['an empty version name', withUser({ implementationVersionName: '' })],
    ['a maximum length of 33 bits', withUser({ maxPduLength: 2 ** 32 })],
    ['a negative maximum length', withUser({ maxPduLength: -1 })],
    [
      'an asynchronous operations window of 17 bits',
      withUser({ asynchronousOperations: { invoked: 65536, performed: 1 } }),
    ],
    [
      'an extended negotiation that is longer than an item',
      withUser({
        extendedNegotiations: [{ sopClassUid: '1.2', applicationInformation: Buffer.alloc(65535) }],
      }),
    ],
    [
      'user information that is longer than an item',
      withUser({
        roleSelections: Array(8000).fill({ sopClassUid: CT_IMAGE_STORAGE, scu: true, scp: true }),
      }),
    ],
  ])('refuses %s', (_name, impossible) => {
    expect(() => encodeAssociateRq(impossible)).toThrow(rangeError);
  });

  it('refuses a result that does not fit a byte', () => {
    const answer: AssociateAc = {
      ...request,
      presentationContexts: [{ id: 1, result: 256, transferSyntax: '' }],
    };
    expect(() => encodeAssociateAc(answer)).toThrow(rangeError);
  });

  it('refuses a PDU that no peer takes', () => {
    const presentationContexts = Array.from({ length: 128 }, (_, index) => ({
      id: 2 * index + 1,
      abstractSyntax: '1.2',
      transferSyntaxes: Array<string>(128).fill('1'.repeat(64)),
    }));
    expect(() => encodeAssociateRq({ ...request, presentationContexts })).toThrow(rangeError);
  });
});
