import { describe, expect, it } from '@jest/globals';
import {
  acceptedContexts,
  answeredContexts,
  IMPLEMENTATION_VERSION_NAME,
  inboundAnswer,
  upstreamRequest,
  withoutUseless,
} from '../../../src/association/negotiation';
import type { AssociateAc, AssociateRq, UserInformation } from '../../../src/pdu/types';
import { IMPLEMENTATION_CLASS_UID } from '../../../src/pdu/types';

const VERIFICATION = '1.2.840.10008.1.1';
const CT_IMAGE = '1.2.840.10008.5.1.4.1.1.2';
const IMPLICIT_LITTLE = '1.2.840.10008.1.2';
const EXPLICIT_LITTLE = '1.2.840.10008.1.2.1';

const nothingExtra: Pick<
  UserInformation,
  'roleSelections' | 'extendedNegotiations' | 'commonExtendedNegotiations'
> = { roleSelections: [], extendedNegotiations: [], commonExtendedNegotiations: [] };

const rq: AssociateRq = {
  protocolVersion: 1,
  calledAeTitle: 'PUBLIC',
  callingAeTitle: 'ct1',
  applicationContextName: '1.2.840.10008.3.1.1.1',
  presentationContexts: [
    { id: 1, abstractSyntax: VERIFICATION, transferSyntaxes: [IMPLICIT_LITTLE] },
    { id: 3, abstractSyntax: CT_IMAGE, transferSyntaxes: [EXPLICIT_LITTLE, IMPLICIT_LITTLE] },
  ],
  userInformation: {
    maxPduLength: 16384,
    implementationClassUid: '1.2.3.4',
    implementationVersionName: 'SCANNER_7',
    asynchronousOperations: { invoked: 5, performed: 5 },
    roleSelections: [{ sopClassUid: CT_IMAGE, scu: true, scp: true }],
    extendedNegotiations: [{ sopClassUid: CT_IMAGE, applicationInformation: Buffer.from([1, 2]) }],
    commonExtendedNegotiations: [],
    userIdentity: {
      type: 2,
      positiveResponseRequested: true,
      primaryField: Buffer.from('somebody'),
      secondaryField: Buffer.from('secret'),
    },
  },
};

const ac: AssociateAc = {
  protocolVersion: 1,
  calledAeTitle: 'ARCHIVE',
  callingAeTitle: 'ct1',
  applicationContextName: '1.2.840.10008.3.1.1.1',
  presentationContexts: [
    { id: 3, result: 0, transferSyntax: IMPLICIT_LITTLE },
    { id: 1, result: 3, transferSyntax: 'rubbish' },
  ],
  userInformation: { maxPduLength: 4096, implementationClassUid: '9.9', ...nothingExtra },
};

describe('the request towards the upstream', () => {
  const options = { calledAeTitle: 'ARCHIVE', passUserIdentity: false, maxPduLength: 131072 };

  it('tells the modality’s own title and contexts, and the rewritten called title', () => {
    const request = upstreamRequest(rq, options);
    expect(request).toMatchObject({ callingAeTitle: 'ct1', calledAeTitle: 'ARCHIVE' });
    expect(request.presentationContexts).toEqual(rq.presentationContexts);
    expect(upstreamRequest(rq, { ...options, calledAeTitle: undefined }).calledAeTitle).toBe('PUBLIC');
  });

  it('passes roles, extended negotiation and the implementation of the modality', () => {
    const { userInformation } = upstreamRequest(rq, options);
    expect(userInformation).toMatchObject({
      implementationClassUid: '1.2.3.4',
      implementationVersionName: 'SCANNER_7',
      roleSelections: rq.userInformation.roleSelections,
      extendedNegotiations: rq.userInformation.extendedNegotiations,
    });
  });

  it('announces the gateway’s own maximum length, never the modality’s', () => {
    expect(upstreamRequest(rq, options).userInformation.maxPduLength).toBe(131072);
  });

  it('leaves asynchronous operations and the user identity out', () => {
    const { userInformation } = upstreamRequest(rq, options);
    expect(userInformation).not.toHaveProperty('asynchronousOperations');
    expect(userInformation).not.toHaveProperty('userIdentity');
  });

  it('passes the user identity where the configuration says so', () => {
    const { userInformation } = upstreamRequest(rq, { ...options, passUserIdentity: true });
    expect(userInformation.userIdentity).toEqual(rq.userInformation.userIdentity);
  });
});

describe('the answer to the modality', () => {
  it('has one result for each proposed context, in the order of the request', () => {
    expect(inboundAnswer(rq, ac, 131072).presentationContexts).toEqual([
      { id: 1, result: 3, transferSyntax: '' },
      { id: 3, result: 0, transferSyntax: IMPLICIT_LITTLE },
    ]);
  });

  it('refuses a context that the upstream forgot', () => {
    const forgetful = { ...ac, presentationContexts: [] };
    expect(inboundAnswer(rq, forgetful, 131072).presentationContexts.map(({ result }) => result)).toEqual([
      2, 2,
    ]);
  });

  it('echoes the titles of the request and names the gateway', () => {
    const answer = inboundAnswer(rq, ac, 131072);
    expect(answer).toMatchObject({ calledAeTitle: 'PUBLIC', callingAeTitle: 'ct1' });
    expect(answer.userInformation).toMatchObject({
      maxPduLength: 131072,
      implementationClassUid: IMPLEMENTATION_CLASS_UID,
      implementationVersionName: IMPLEMENTATION_VERSION_NAME,
    });
  });

  it('passes roles only as far as they were asked for', () => {
    const asked = {
      ...rq.userInformation,
      roleSelections: [{ sopClassUid: CT_IMAGE, scu: false, scp: true }],
    };
    const generous: AssociateAc = {
      ...ac,
      userInformation: {
        ...ac.userInformation,
        roleSelections: [
          { sopClassUid: CT_IMAGE, scu: true, scp: true },
          { sopClassUid: VERIFICATION, scu: true, scp: true },
        ],
      },
    };
    const answer = inboundAnswer({ ...rq, userInformation: asked }, generous, 131072);
    expect(answer.userInformation.roleSelections).toEqual([{ sopClassUid: CT_IMAGE, scu: false, scp: true }]);
  });

  it('never offers asynchronous operations', () => {
    const windowed = {
      ...ac,
      userInformation: { ...ac.userInformation, asynchronousOperations: { invoked: 5, performed: 5 } },
    };
    expect(inboundAnswer(rq, windowed, 131072).userInformation).not.toHaveProperty('asynchronousOperations');
  });
});

describe('the upstream’s answer', () => {
  it('gives the contexts on which messages may flow', () => {
    expect([...acceptedContexts(rq, ac)]).toEqual([
      [3, { abstractSyntax: CT_IMAGE, transferSyntax: IMPLICIT_LITTLE }],
    ]);
  });

  it('counts for nothing where it speaks of a context that was not proposed', () => {
    const foreign = { ...ac, presentationContexts: [{ id: 5, result: 0, transferSyntax: IMPLICIT_LITTLE }] };
    expect([...acceptedContexts(rq, foreign)]).toEqual([]);
    expect(inboundAnswer(rq, foreign, 131072).presentationContexts.map(({ id }) => id)).toEqual([1, 3]);
  });

  it('counts as a refusal where it accepts a transfer syntax that was not proposed', () => {
    const foreign = { ...ac, presentationContexts: [{ id: 1, result: 0, transferSyntax: '1.2.3' }] };
    expect([...acceptedContexts(rq, foreign)]).toEqual([]);
    expect(inboundAnswer(rq, foreign, 131072).presentationContexts[0]).toEqual({
      id: 1,
      result: 2,
      transferSyntax: '',
    });
  });

  it('cannot accept what was refused and never proposed', () => {
    const [first, ...others] = rq.presentationContexts;
    const broken = { ...rq, presentationContexts: [{ ...first!, refusal: 3 }, ...others] };
    const everything = {
      ...ac,
      presentationContexts: [{ id: 1, result: 0, transferSyntax: EXPLICIT_LITTLE }],
    };
    expect([...acceptedContexts(broken, everything)]).toEqual([]);
    expect(inboundAnswer(broken, everything, 131072).presentationContexts[0]!.result).toBe(3);
  });
});

describe('contexts of no use', () => {
  const onlyVerification = (abstractSyntax: string) =>
    abstractSyntax === VERIFICATION ? undefined : 'not allowed';

  it('are refused as a user refuses them, and not proposed, nor what else was asked for their class', () => {
    const { rq: narrowed, refused } = withoutUseless(rq, onlyVerification);
    expect([...refused]).toEqual([[CT_IMAGE, 'not allowed']]);
    const request = upstreamRequest(narrowed, { passUserIdentity: false, maxPduLength: 0 });
    expect(request.presentationContexts.map(({ id }) => id)).toEqual([1]);
    expect(request.userInformation).toMatchObject({ roleSelections: [], extendedNegotiations: [] });
    const answered = { ...ac, presentationContexts: [{ id: 1, result: 0, transferSyntax: IMPLICIT_LITTLE }] };
    expect(inboundAnswer(narrowed, answered, 0).presentationContexts).toEqual([
      { id: 1, result: 0, transferSyntax: IMPLICIT_LITTLE },
      { id: 3, result: 1, transferSyntax: '' },
    ]);
  });

  it('stay where nothing else would be left, and where nothing is refused', () => {
    expect(withoutUseless(rq, () => 'not allowed').rq).toBe(rq);
    expect(withoutUseless(rq, () => undefined).rq).toBe(rq);
    expect(withoutUseless(rq, undefined).rq).toBe(rq);
  });

  it('are judged with the role that was asked for, where the modality asks for C-GET too', () => {
    const roleSelections = [{ sopClassUid: CT_IMAGE, scu: false, scp: true }];
    const get = { id: 5, abstractSyntax: '1.2.840.10008.5.1.4.1.2.2.3', transferSyntaxes: [IMPLICIT_LITTLE] };
    const judged = (presentationContexts: AssociateRq['presentationContexts']) => {
      const isScpOnly = new Map<string, boolean>();
      const userInformation = { ...rq.userInformation, roleSelections };
      withoutUseless({ ...rq, presentationContexts, userInformation }, (syntax, is) => {
        isScpOnly.set(syntax, is);
      });
      return isScpOnly.get(CT_IMAGE);
    };
    expect(judged([...rq.presentationContexts, get])).toBe(true);
    expect(judged(rq.presentationContexts)).toBe(false);
  });

  it('are known when a request comes on them all the same', () => {
    const accepted = new Map([[1, { abstractSyntax: VERIFICATION, transferSyntax: IMPLICIT_LITTLE }]]);
    const { rq: narrowed } = withoutUseless(rq, onlyVerification);
    expect([...answeredContexts(narrowed, accepted).keys()]).toEqual([1, 3]);
    expect(answeredContexts(rq, accepted)).toBe(accepted);
  });
});
