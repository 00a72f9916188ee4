import { describe, expect, it } from '@jest/globals';
import { describeChanges } from '../../../src/config/changes';
import { configurationOf, type ModalityInput } from '../../support/policyOf';

const ct1: ModalityInput = { callingAeTitle: 'CT1', from: '10.1.2.10', allow: ['echo', 'store'] };
const mr1: ModalityInput = { callingAeTitle: ['MR1', 'MR1_B'], from: '10.1.3.0/24' };

type Rest = Parameters<typeof configurationOf>[1];

function between(
  [before, restBefore]: [Record<string, ModalityInput>, Rest?],
  [after, restAfter]: [Record<string, ModalityInput>, Rest?],
) {
  return describeChanges(configurationOf(before, restBefore), configurationOf(after, restAfter));
}

describe('what a reload changes', () => {
  it('names a revocation list by its URL, not by the file that keeps it', () => {
    const upstream = (tls: object) => ({ upstreams: { ARCHIVE: { servers: '127.0.0.1:4242', ...tls } } });
    const kept = '/var/lib/aegis/crl/http%3A%2F%2Fpki.example%2Fca.crl';
    const tls = { tls: { trustedCertificates: '/ca.crt', crl: kept } };
    expect(between([{}, upstream({})], [{}, upstream(tls)]).join()).toContain(
      '"crl":["http://pki.example/ca.crl"]',
    );
  });

  it('shows no secret, neither the one before nor the one after', () => {
    const [before, after] = ['before-0123456789abcdef', 'after-0123456789abcdef'];
    const withToken = (token: string) => ({ admin: { token } });
    const changes = [
      ...between([{}, withToken(before)], [{}, withToken(after)]),
      ...between([{}], [{}, withToken(after)]),
    ];
    expect(changes[0]).toBe('admin.token changed');
    expect(changes[1]).toMatch(/^admin added: .*"token":"\(secret\)"/);
    expect(changes.join()).not.toMatch(/0123456789abcdef/);
  });

  it('is nothing where nothing differs, in whatever order or form it is written', () => {
    expect(between([{ ct1, mr1 }], [{ mr1, ct1: { ...ct1, from: ['10.1.2.10'], mode: 'enforce' } }])).toEqual(
      [],
    );
  });

  it('names keys of alerts, and never the URL of a webhook, which may be a secret', () => {
    const alerts = (url: string, groupSeconds: number) => ({ alerts: { webhooks: [{ url }], groupSeconds } });
    const first = alerts('https://chat.example/SECRET1', 30);
    expect(between([{}], [{}, first])).toEqual(['alerts added']);
    expect(between([{}, first], [{}])).toEqual(['alerts removed']);
    expect(between([{}, first], [{}, alerts('https://chat.example/SECRET2', 60)])).toEqual([
      'alerts changed: webhooks, groupSeconds',
    ]);
    expect(between([{}, first], [{}, first])).toEqual([]);
  });

  it('reports modalities that come and go', () => {
    expect(between([{ ct1 }], [{ mr1 }])).toEqual([
      'modality "mr1" added: MR1, MR1_B from 10.1.3.0/24, allow nothing',
      'modality "ct1" removed',
    ]);
  });

  it.each<[string, Partial<ModalityInput>, string]>([
    ['a permission more, and one less', { allow: ['store', 'find'] }, 'allow + "find" - "echo"'],
    ['another address', { from: '10.1.2.11' }, 'from + "10.1.2.11" - "10.1.2.10"'],
    ['another order', { allow: ['store', 'echo'] }, 'allow in another order: "store", "echo"'],
    ['a new key', { maxAssociations: 2 }, 'maxAssociations added: 2'],
    ['another mode', { mode: 'observe' }, 'mode "enforce" → "observe"'],
    [
      'several keys',
      { mode: 'observe', calledAeTitle: 'PACS' },
      'mode "enforce" → "observe"; calledAeTitle added: ["PACS"]',
    ],
    ['an address', { address: { host: 'ct1', port: 104 } }, 'address added: {"host":"ct1","port":104}'],
  ])('reports a modality that gets %s', (_what, changes, expected) => {
    expect(between([{ ct1 }], [{ ct1: { ...ct1, ...changes } }])).toEqual([
      `modality "ct1" changed: ${expected}`,
    ]);
  });

  it('reports a key that goes, and of one inside another', () => {
    const at = (port: number) => ({ ...ct1, maxAssociations: 2, address: { host: 'ct1', port } });
    const { maxAssociations: _, ...after } = at(105);
    expect(between([{ ct1: at(104) }], [{ ct1: after }])).toEqual([
      'modality "ct1" changed: maxAssociations removed; address.port 104 → 105',
    ]);
  });

  it('reports upstreams, listeners and everything else', () => {
    const rest = (servers: string[], port: number, idleSeconds: number): Rest => ({
      upstreams: { ORTHANC: { servers } },
      listeners: [{ name: 'plain', port }],
      timeouts: { idleSeconds },
      ...(port === 104 ? {} : { egress: {} }),
    });
    expect(between([{ ct1 }, rest(['a:1'], 104, 300)], [{ ct1 }, rest(['a:1', 'b:2'], 105, 60)])).toEqual([
      'upstream "ORTHANC" changed: servers + "b:2"',
      'listener "plain" changed: port 104 → 105',
      'timeouts.idleSeconds 300 → 60',
      'egress added: {"host":"127.0.0.1","port":4243,"from":["127.0.0.1","::1"],"allowRemotePlaintext":false}',
    ]);
  });
});
