import { describe, expect, it } from '@jest/globals';
import { adviceOn } from '../../../src/config/advice';
import { formatPath } from '../../../src/text/problems';
import { configurationOf, type ModalityInput } from '../../support/policyOf';

function advice(modalities: Record<string, ModalityInput>, rest: Parameters<typeof configurationOf>[1] = {}) {
  return adviceOn(configurationOf(modalities, rest)).map(
    ({ path, message, severity }) => `${severity} ${formatPath(path)} ${message}`,
  );
}

const tls = { certificate: 's.crt', privateKey: 's.key', trustedCertificates: 'ca.crt' };
const listeners = [
  { name: 'tls', port: 2762, tls },
  { name: 'open', port: 2763, tls: { ...tls, clientCertificate: 'none' as const } },
  { name: 'plain', port: 104 },
];
const ct1 = { callingAeTitle: 'CT1', from: '10.1.2.10' };
const mr1 = { callingAeTitle: 'MR1', from: '10.1.2.11' };

describe('advice on addresses', () => {
  it.each(['0.0.0.0/0', '::/0'])('warns of %s', (block) => {
    expect(advice({ ct1: { ...ct1, from: ['10.1.2.10', block] } })).toEqual([
      `warning modalities.ct1.from[1] "${block}" is every address, so gate 1 keeps nobody out; name the addresses or networks of the device`,
    ]);
  });

  it('has nothing against networks', () => {
    expect(advice({ ct1: { ...ct1, from: ['10.0.0.0/8', '2001:db8::/32'] } })).toEqual([]);
  });
});

describe('advice on certificates', () => {
  it('warns of entries without one on a TLS listener that others use', () => {
    expect(advice({ ct1, mr1: { ...mr1, certificate: 'cn:mr1' } }, { listeners })).toEqual([
      'warning listeners[0] "tls" is shared by 2 modalities, and one names no certificate (modalities.ct1): any certificate of the CA may use those AE titles from those addresses; give them "certificate"',
    ]);
  });

  it('names the first of many', () => {
    const names = Array.from({ length: 6 }, (_, index) => `m${index}`);
    const many = Object.fromEntries(names.map((name) => [name, { ...ct1, callingAeTitle: name }]));
    expect(advice(many, { listeners })[0]).toContain(
      '6 name no certificate (modalities.m0, modalities.m1, modalities.m2 and 3 more): ',
    );
  });

  it.each<[string, Record<string, ModalityInput>]>([
    ['one entry alone', { ct1 }],
    [
      'entries that all name one',
      { ct1: { ...ct1, certificate: 'cn:a' }, mr1: { ...mr1, certificate: 'cn:b' } },
    ],
    [
      'entries on a plain listener',
      { ct1: { ...ct1, listeners: 'plain' }, mr1: { ...mr1, listeners: 'plain' } },
    ],
    [
      'a listener that asks for none',
      { ct1: { ...ct1, listeners: 'open' }, mr1: { ...mr1, listeners: 'open' } },
    ],
  ])('has nothing against %s', (_what, modalities) => {
    expect(advice(modalities, { listeners })).toEqual([]);
  });
});

describe('advice on what crosses the network in the clear', () => {
  it('warns of an archive on another machine without TLS, and not of one with it', () => {
    const servers = ['10.0.0.5:4242'];
    const plain = { ORTHANC: { servers, allowRemotePlaintext: true } };
    expect(advice({ ct1 }, { upstreams: plain })).toEqual([
      'warning upstreams.ORTHANC.allowRemotePlaintext lets DICOM cross the network to 10.0.0.5:4242 in the clear; where that archive can do TLS, give upstreams.ORTHANC.tls instead',
    ]);
    const overTls = { ORTHANC: { servers, tls: { trustedCertificates: 'ca.crt' } } };
    expect(advice({ ct1 }, { upstreams: overTls })).toEqual([]);
  });

  it('warns of a modality that moves and has no TLS', () => {
    const address = { host: 'last-seen', port: 104 };
    const lines = advice({ ct1: { ...ct1, certificate: 'cn:ct1', address } });
    expect(lines.filter((line) => line.includes('last-seen'))).toEqual([
      'warning modalities.ct1.address.host "last-seen" without tls sends to any machine that has the address by then; where the device can do TLS, give address.tls',
    ]);
  });
});

describe('advice on alerts', () => {
  const upstreams = {
    ONE: { servers: '127.0.0.1:1' },
    TWO: { servers: ['127.0.0.1:1', '127.0.0.1:2'] },
    WATCHED: { servers: '127.0.0.1:1', health: {} },
  };
  const url = 'https://alerts.example';

  it('warns of an archive that nobody looks at', () => {
    expect(advice({ ct1 }, { upstreams, alerts: { webhooks: [{ url }] } })).toEqual([
      'warning upstreams.ONE has no health, so the alert that it is down comes only once a modality calls, or somebody asks for the status; set "health": {}',
    ]);
  });

  it('has nothing to say where nobody is alerted of archives', () => {
    expect(advice({ ct1 }, { upstreams })).toEqual([]);
    expect(advice({ ct1 }, { upstreams, alerts: { webhooks: [{ url, events: 'canary' }] } })).toEqual([]);
  });
});
