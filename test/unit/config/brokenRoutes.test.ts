/**
 * Ways through the gateway that cannot work, would leave it, or would lead back into it, each with the exact words and
 * the exact place.
 */
import { hostname, networkInterfaces } from 'node:os';
import { describe, expect, it } from '@jest/globals';
import { type Case, ct1, itReports, problemsOf, upstream, VALID } from './brokenConfiguration';

/** Line 5 with an egress listener before what stands there. */
function egress(keys: string) {
  return { 5: `"egress": { ${keys} }` };
}

const OWN = '127.0.0.1:4242';

const archives: Case[] = [
  [
    'a server that is named twice',
    upstream(`"servers": ["${OWN}", "${OWN}"]`),
    [`a.jsonc:3:59 upstreams.ORTHANC.servers[1] "${OWN}" is servers[0] too; name each server once`],
  ],
  [
    'a server that is the egress listener',
    { ...upstream('"servers": ["127.0.0.1:4243"]'), ...egress('"from": "127.0.0.1"') },
    [
      'a.jsonc:3:41 upstreams.ORTHANC.servers[0] "127.0.0.1:4243" is the egress listener of this gateway: a loop; name the archive instead',
    ],
  ],
  [
    'addresses for each modality towards a server that cannot be reached from there',
    upstream('"servers": ["[::1]:4242"], "localAddress": "per-modality"'),
    [
      'a.jsonc:3:41 upstreams.ORTHANC.servers[0] "[::1]:4242" cannot be reached from 127.0.0.0/8, which localAddress "per-modality" takes its addresses from; use 127.0.0.1, or leave localAddress out',
    ],
  ],
];

const values: Case[] = [
  [
    'another local address than the one there is',
    upstream(`"servers": ["${OWN}"], "localAddress": "perModality"`),
    [
      'a.jsonc:3:76 upstreams.ORTHANC.localAddress "perModality" is not accepted; did you mean "per-modality"?',
    ],
  ],
  [
    'a local address that is not a text',
    upstream(`"servers": ["${OWN}"], "localAddress": true`),
    ['a.jsonc:3:76 upstreams.ORTHANC.localAddress true is a boolean; accepted is "per-modality"'],
  ],
  [
    'a server that is the admin HTTP',
    { ...upstream('"servers": ["127.0.0.1:9762"]'), 5: '"admin": {}' },
    [
      'a.jsonc:3:41 upstreams.ORTHANC.servers[0] "127.0.0.1:9762" is the admin HTTP of this gateway: a loop; name the archive instead',
    ],
  ],
];

const egressListeners: Case[] = [
  [
    'egress beyond loopback',
    egress('"host": "0.0.0.0"'),
    [
      'a.jsonc:5:21 egress.host "0.0.0.0" is beyond loopback, so DICOM would cross the network in the clear; use 127.0.0.1, or set allowRemotePlaintext to true where that network is trusted',
    ],
  ],
  [
    'egress that nobody may use',
    egress('"from": []'),
    ['warning: a.jsonc:5:21 egress.from is empty, which allows nobody'],
  ],
  [
    'egress on the port of a listener',
    egress('"port": 2762'),
    ['a.jsonc:5:21 egress.port 127.0.0.1:2762 is taken by listeners[0]; give egress its own address or port'],
  ],
  [
    'the admin HTTP on the port of a listener',
    { 5: '"admin": { "port": 2762 }' },
    ['a.jsonc:5:20 admin.port 127.0.0.1:2762 is taken by listeners[0]; give admin its own address or port'],
  ],
  [
    'the admin HTTP on the port of egress',
    { 5: '"egress": { "port": 4243 }, "admin": { "port": 4243 }' },
    ['a.jsonc:5:48 admin.port 127.0.0.1:4243 is taken by egress; give admin its own address or port'],
  ],
  [
    'a listener with the name of egress',
    {
      2: '"listeners": [{ "name": "egress", "port": 104 }],',
      ...ct1(`${VALID}, "listeners": "egress"`),
      ...egress(''),
    },
    [
      'a.jsonc:2:25 listeners[0].name "egress" is the name of the egress listener in the audit log; choose another',
    ],
  ],
  [
    'egress on an address that leaves out those of the modalities',
    { ...upstream(`"servers": ["${OWN}"], "localAddress": "per-modality"`), ...egress('"host": "::1"') },
    [
      'a.jsonc:5:21 egress.host "::1" leaves out the loopback addresses of the modalities (localAddress "per-modality"); use 127.0.0.1',
    ],
  ],
];

function address(keys: string) {
  return ct1(`${VALID}, "address": { ${keys} }`);
}

const addresses: Case[] = [
  [
    'a modality that is a listener of the gateway',
    address('"host": "127.0.0.1", "port": 2762'),
    [
      'a.jsonc:4:103 modalities.ct1.address is the listener "tls" of this gateway: a loop; name where the modality itself listens',
    ],
  ],
  [
    'a modality that is the egress listener',
    { ...address('"host": "localhost", "port": 4243'), ...egress('"port": 4243') },
    [
      'a.jsonc:4:103 modalities.ct1.address is the egress listener of this gateway: a loop; name where the modality itself listens',
    ],
  ],
  [
    'permissions of an archive that has no way to send',
    ct1(`${VALID}, "egressAllow": "echo"`),
    ['warning: a.jsonc:4:107 modalities.ct1.egressAllow has no effect, because there is no egress'],
  ],
  [
    'permissions towards a modality without an address',
    { ...ct1(`${VALID}, "egressAllow": "echo"`), ...egress('') },
    ['warning: a.jsonc:4:107 modalities.ct1.egressAllow has no effect, because it has no address'],
  ],
  [
    'where it was last seen, without a certificate',
    address('"host": "last-seen", "port": 104'),
    [
      'a.jsonc:4:113 modalities.ct1.address.host "last-seen" needs "certificate" in the entry, or a machine that only knows the AE title would get what is sent; add it, or name the host',
    ],
  ],
  [
    'where it was last seen, with a certificate that can have no name',
    ct1(
      `${VALID}, "certificate": "cn:ct1", "address": { "host": "last-seen", "port": 104, "tls": { "trustedCertificates": "ca.crt" } }`,
    ),
    [
      'a.jsonc:4:171 modalities.ct1.address.tls needs serverName or pin, because an address that changes is in no certificate',
    ],
  ],
  [
    'a pin that is a name',
    address('"host": "a", "port": 104, "tls": { "trustedCertificates": "ca.crt", "pin": "cn:ct1" }'),
    [
      'a.jsonc:4:180 modalities.ct1.address.tls.pin "cn:ct1" is neither sha256:<64 hex digits> nor spki-sha256:<64 hex digits>',
    ],
  ],
  [
    'two modalities that egress could not tell apart',
    {
      4: '"modalities": { "ct1": { "callingAeTitle": "CT", "from": "10.1.2.10", "allow": "store", "address": { "host": "a", "port": 104 } }, "ct2": { "callingAeTitle": "CT", "from": "10.1.2.11", "allow": "store", "address": { "host": "b", "port": 104 } } },',
      ...egress(''),
    },
    [
      'a.jsonc:4:215 modalities.ct2.address is reached under the AE title "CT", and so is modalities.ct1: egress could not know which one the archive means; give each an address.calledAeTitle of its own',
    ],
  ],
];

describe('archives', () => itReports([...archives, ...values]));
describe('egress', () => itReports(egressListeners));
describe('addresses of modalities', () => itReports(addresses));

describe('a loop over a name or address of this machine', () => {
  const addressed = Object.values(networkInterfaces())
    .flatMap((found) => found ?? [])
    .map(({ address: own }) => own);
  it.each([...addressed, hostname(), 'LOCALHOST', '0.0.0.0', '127.0.0.9', '::ffff:127.0.0.1'])(
    'is found where everything is listened on: %s',
    (host) => {
      expect(problemsOf(address(`"host": "${host}", "port": 2762`)).join()).toContain('a loop');
    },
  );

  it('is none where nobody of ours listens on that address', () => {
    const lines = {
      2: '"listeners": [{ "name": "plain", "host": "127.0.0.1", "port": 104 }],',
      ...upstream('"servers": ["127.0.0.2:104", "[::1]:104"]'),
      ...ct1(`${VALID}, "listeners": "plain"`),
    };
    expect(problemsOf(lines)).toEqual([]);
    expect(problemsOf({ ...lines, ...upstream('"servers": ["localhost:104"]') }).join()).toContain('a loop');
  });
});
