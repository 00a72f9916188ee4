/**
 * Parts that are right and do not fit together, each with the exact words and the exact place: positions are literals,
 * counted in the lines of brokenConfiguration.ts.
 */
import { describe } from '@jest/globals';
import { type Case, ct1, FILES, itReports, tls, upstream, VALID } from './brokenConfiguration';

const together: Case[] = [
  [
    'no modality',
    { 4: '"modalities": {},' },
    [
      'a.jsonc:4:15 modalities is empty: no one could connect; add an entry, or set unknownAddresses to "reject" to learn who comes',
    ],
  ],
  [
    'no modality where everybody is listed who comes',
    { 4: '"modalities": {},', 5: '"unknownAddresses": "reject"' },
    [
      'warning: a.jsonc:4:15 modalities is empty: everybody is rejected; those who come are listed by "aegis modality pending"',
    ],
  ],
  [
    'an admin HTTP for everybody',
    { 5: '"admin": { "host": "0.0.0.0" }' },
    [
      'a.jsonc:5:20 admin.host "0.0.0.0" is beyond loopback, where anybody could ask; set admin.token (best as AEGIS__ADMIN__TOKEN) or admin.tokenFile, or use 127.0.0.1 or ::1',
    ],
  ],
  [
    'an admin HTTP beyond loopback with a token',
    { 5: '"admin": { "host": "10.1.0.2", "token": "0123456789abcdef" }' },
    [
      'warning: a.jsonc:5:20 admin.host "10.1.0.2" is beyond loopback, so the token crosses the network in the clear; put a proxy with TLS in front where that network is not trusted',
    ],
  ],
  [
    'alerts for nobody',
    { 5: '"alerts": {}' },
    ['a.jsonc:5:11 alerts names neither webhooks nor mail, so nobody gets an alert; name one of them'],
  ],
  [
    'a webhook with a password in its URL',
    {
      5: '"alerts": { "webhooks": [{ "url": "http://a.example/secret" }, { "url": "https://a.example" }, { "url": "https://u:p@b" }] }',
    },
    [
      'a.jsonc:5:105 alerts.webhooks[2].url is not a URL such as https://alerts.example/aegis, without user, password and #',
    ],
  ],
  [
    'webhooks that are in the clear, or share a name',
    {
      5: '"alerts": { "webhooks": [{ "url": "http://a.example/secret" }, { "url": "https://a.example" }, { "url": "http://[::1]/" }] }',
    },
    [
      'a.jsonc:5:35 alerts.webhooks[0].url is http beyond loopback, so alerts would cross the network in the clear; use https, or set allowRemotePlaintext',
      'a.jsonc:5:64 alerts.webhooks[1] is called a.example, as another one is; give it a name of its own',
    ],
  ],
  [
    'a mail account without its password, and addresses that are none',
    {
      5: '"alerts": { "mail": { "server": "smtp://m.example", "user": "u", "from": "a@b", "to": "c@d" } }',
    },
    ['a.jsonc:5:21 alerts.mail.passwordFile is missing although user is given; give both or neither'],
  ],
  [
    'mail addresses that could begin a header',
    {
      5: '"alerts": { "mail": { "server": "mail.example", "from": "a@b\\r\\nBcc: x@y", "to": "c@d" } }',
    },
    [
      'a.jsonc:5:33 alerts.mail.server is not an address such as smtp://mail.example:587 or smtps://mail.example:465; user is a key of its own',
      'a.jsonc:5:57 alerts.mail.from is not an e-mail address such as pacs@hospital.example',
    ],
  ],
  [
    'two tokens',
    { 5: '"admin": { "tokenFile": "a.token", "token": "0123456789abcdef" }' },
    [
      'a.jsonc:5:25 admin.tokenFile is given although token is; leave one of them out (AEGIS__ADMIN__TOKEN sets token)',
    ],
  ],
  [
    'no upstream',
    { 3: '"upstreams": {},' },
    [
      'a.jsonc:3:14 upstreams is empty: there is nothing to protect; add the archive, such as "ORTHANC": { "servers": ["127.0.0.1:4242"] }',
    ],
  ],
  [
    'two listeners on one port',
    {
      2: '"listeners": [{ "name": "a", "host": "127.0.0.1", "port": 104 }, { "name": "b", "port": 104 }],',
      4: '"modalities": { "ct1": { "callingAeTitle": "CT1", "from": "10.1.2.10", "allow": ["store"], "listeners": "a" } },',
    },
    [
      'a.jsonc:2:89 listeners[1].port 0.0.0.0:104 is taken by listeners[0]; give each listener its own address or port',
    ],
  ],
  [
    'a client certificate without a CA that could have signed it',
    tls(FILES),
    [
      'a.jsonc:2:53 listeners[0].tls.trustedCertificates is missing or empty, so no certificate of modalities.ct1 could be trusted; name the CA that signs them, pin the certificate in the entry (spki-sha256: or sha256:), or set clientCertificate to "none"',
    ],
  ],
  [
    'an empty list of CAs',
    tls(`${FILES}, "trustedCertificates": []`),
    [
      'a.jsonc:2:125 listeners[0].tls.trustedCertificates is missing or empty, so no certificate of modalities.ct1 could be trusted; name the CA that signs them, pin the certificate in the entry (spki-sha256: or sha256:), or set clientCertificate to "none"',
    ],
  ],
  [
    'more certificates than private keys',
    tls('"certificate": ["rsa.crt", "ec.crt"], "privateKey": "rsa.key", "trustedCertificates": "ca.crt"'),
    [
      'a.jsonc:2:107 listeners[0].tls.privateKey has 1 where certificate has 2; give one private key for each certificate, in the same order',
    ],
  ],
  [
    'a revocation list that nobody reads',
    tls(`${FILES}, "clientCertificate": "none", "crl": "ca.crl"`),
    [
      'a.jsonc:2:138 listeners[0].tls.crl would have no effect: clientCertificate is "none"; leave it out or set clientCertificate to "required"',
    ],
  ],
  [
    'trusted certificates that nobody reads',
    tls(`${FILES}, "clientCertificate": "none", "trustedCertificates": "ca.crt"`),
    [
      'warning: a.jsonc:2:154 listeners[0].tls.trustedCertificates has no effect: clientCertificate is "none"',
    ],
  ],
  [
    'a retired TLS profile',
    tls(`${FILES}, "trustedCertificates": "ca.crt", "profile": "aes-legacy"`),
    [
      'warning: a.jsonc:2:146 listeners[0].tls.profile "aes-legacy" (PS3.15 B.3) allows TLS versions and cipher suites that are retired; use it only for peers that can do no better',
    ],
  ],
  [
    'a server beyond loopback',
    upstream('"servers": ["127.0.0.1:4242", "10.9.0.5:4242"]'),
    [
      'a.jsonc:3:59 upstreams.ORTHANC.servers[1] "10.9.0.5:4242" is beyond loopback, so DICOM would cross the network in the clear; give upstreams.ORTHANC.tls, or set allowRemotePlaintext to true where that network is trusted',
    ],
  ],
  [
    'a server by name',
    upstream('"servers": ["orthanc:4242"]'),
    [
      'a.jsonc:3:41 upstreams.ORTHANC.servers[0] "orthanc:4242" is beyond loopback, so DICOM would cross the network in the clear; give upstreams.ORTHANC.tls, or set allowRemotePlaintext to true where that network is trusted',
    ],
  ],
  [
    'a server on port 0',
    upstream('"servers": ["127.0.0.1:0"]'),
    [
      'a.jsonc:3:41 upstreams.ORTHANC.servers[0] "127.0.0.1:0" has a port out of range; accepted is 1 to 65535',
    ],
  ],
  [
    'a server on a port out of range',
    upstream('"servers": ["[::1]:70000"]'),
    [
      'a.jsonc:3:41 upstreams.ORTHANC.servers[0] "[::1]:70000" has a port out of range; accepted is 1 to 65535',
    ],
  ],
  [
    'a server that is one of our listeners',
    upstream('"servers": ["127.0.0.1:2762"]'),
    [
      'a.jsonc:3:41 upstreams.ORTHANC.servers[0] "127.0.0.1:2762" is the listener "tls" of this gateway: a loop; name the archive instead',
    ],
  ],
  [
    'two upstreams that differ in case only',
    {
      3: '"upstreams": { "ORTHANC": { "servers": ["127.0.0.1:4242"] }, "Orthanc": { "servers": ["127.0.0.1:4243"] } },',
    },
    [
      'a.jsonc:3:73 upstreams.Orthanc is the same AE title as "ORTHANC" when upper and lower case are one; rename one of them or set strictAeTitles to true',
    ],
  ],
  [
    'two listeners of one name',
    {
      2: '"listeners": [{ "name": "a", "port": 104 }, { "name": "a", "port": 105 }],',
      4: '"modalities": { "ct1": { "callingAeTitle": "CT1", "from": "10.1.2.10", "allow": ["store"], "listeners": "a" } },',
    },
    [
      'a.jsonc:2:55 listeners[1].name "a" is the name of an earlier listener too; an entry could not say which of the two it means',
    ],
  ],
  [
    'two modalities that one peer could be',
    {
      4: '"modalities": { "ct1": { "callingAeTitle": "CT1", "from": "10.1.0.0/16", "allow": ["echo"] },\n"ct2": { "callingAeTitle": "ct1", "from": "10.1.2.10", "allow": ["store"] } },',
    },
    [
      'a.jsonc:5:8 modalities.ct2 overlaps modalities.ct1: a peer with the calling AE title "CT1" could be both; give them addresses, listeners or certificates (fingerprints or common names) that have nothing in common',
    ],
  ],
  [
    'a listener that there is not',
    ct1(`${VALID}, "listeners": "tsl"`),
    ['a.jsonc:4:105 modalities.ct1.listeners "tsl" is not a listener; did you mean "tls"?'],
  ],
  [
    'an upstream that there is not',
    ct1(`${VALID}, "calledAeTitle": ["ORTHANC", "PACS"]`),
    [
      'a.jsonc:4:121 modalities.ct1.calledAeTitle[1] "PACS" is not an upstream; accepted is "ORTHANC", or add it to upstreams first',
    ],
  ],
  [
    'a certificate to show without its key',
    ct1(
      `${VALID}, "address": { "host": "10.1.2.10", "port": 2762, "tls": { "trustedCertificates": "ca.crt", "certificate": "a.crt" } }`,
    ),
    [
      'a.jsonc:4:147 modalities.ct1.address.tls.privateKey is missing although certificate is given; give both or neither',
    ],
  ],
  [
    'an address without a port to reach',
    ct1(`${VALID}, "address": { "host": "10.1.2.10", "port": 0 }`),
    [
      'a.jsonc:4:134 modalities.ct1.address.port 0 is out of range; accepted is a whole number from 1 to 65535',
    ],
  ],
  [
    'an entry that allows nobody',
    ct1('"callingAeTitle": [], "from": [], "allow": []'),
    [
      'warning: a.jsonc:4:24 modalities.ct1 allows no command: it may open associations, and every request on them is refused',
      'warning: a.jsonc:4:44 modalities.ct1.callingAeTitle is empty, which allows nobody',
      'warning: a.jsonc:4:56 modalities.ct1.from is empty, which allows nobody',
    ],
  ],
  [
    'problems of every kind at once, in the order of the text',
    {
      2: '"listeners": [{ "name": "tls", "port": 2762, "tls": { "certificate": "s.crt", "privateKey": "s.key", "crl": "ca.crl", "foo": 1 } }],',
      3: '"upstreams": { "ORTHANC": { "servers": ["10.9.0.5:4242"] } },',
      4: '"modalities": { "ct1": { "callingAeTitle": "CT1", "from": "ct1", "allow": ["store"] },\n"ct2": { "callingAeTitle": "CT2", "from": "10.1.2.11", "allow": ["store"], "listeners": "plain" } },',
      5: '"strictAeTitles": false, "strictAeTitles": true',
    },
    [
      'a.jsonc:2:119 listeners[0].tls unknown key "foo"; accepted are profile, certificate, privateKey, trustedCertificates, clientCertificate, crl',
      'a.jsonc:3:41 upstreams.ORTHANC.servers[0] "10.9.0.5:4242" is beyond loopback, so DICOM would cross the network in the clear; give upstreams.ORTHANC.tls, or set allowRemotePlaintext to true where that network is trusted',
      'a.jsonc:4:59 modalities.ct1.from "ct1" is not an IP address or a CIDR block such as 10.1.3.0/24; host names are not accepted',
      'a.jsonc:5:89 modalities.ct2.listeners "plain" is not a listener; accepted is "tls", or add it to listeners first',
      'a.jsonc:6:26 duplicate key "strictAeTitles"; it is at 6:1 already, keep one of them',
    ],
  ],
];

describe('parts that do not fit together', () => itReports(together));
