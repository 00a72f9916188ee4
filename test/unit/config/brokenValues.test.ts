/**
 * Values that no key accepts, each with the exact words and the exact place: positions are literals,
 * counted in the lines of brokenConfiguration.ts.
 */
import { describe } from '@jest/globals';
import { type Case, ct1, FILES, itReports, tls, upstream, VALID } from './brokenConfiguration';

const types: Case[] = [
  [
    'a port in quotes',
    { 2: '"listeners": [{ "name": "plain", "port": "11112" }],' },
    ['a.jsonc:2:42 listeners[0].port "11112" is a string; accepted is a whole number from 0 to 65535'],
  ],
  [
    'a port out of range',
    { 2: '"listeners": [{ "name": "plain", "port": 70000 }],' },
    ['a.jsonc:2:42 listeners[0].port 70000 is out of range; accepted is a whole number from 0 to 65535'],
  ],
  [
    'a negative port',
    { 2: '"listeners": [{ "name": "plain", "port": -1 }],' },
    ['a.jsonc:2:42 listeners[0].port -1 is out of range; accepted is a whole number from 0 to 65535'],
  ],
  [
    'a port with a fraction',
    { 2: '"listeners": [{ "name": "plain", "port": 104.5 }],' },
    [
      'a.jsonc:2:42 listeners[0].port 104.5 is not a whole number; accepted is a whole number from 0 to 65535',
    ],
  ],
  [
    'an empty name',
    { 2: '"listeners": [{ "name": "", "port": 104 }],' },
    ['a.jsonc:2:25 listeners[0].name "" is empty; at least one character is needed'],
  ],
  [
    'names that are not names',
    {
      2: `"listeners": [{ "name": "pl\\nain", "port": 104 }],`,
      4: `"modalities": { "a\\u0000b": { "from": 1 }, "${'x'.repeat(65)}": {}, "ct1": { ${VALID} } },`,
    },
    [
      'a.jsonc:2:25 listeners[0].name "pl\\nain" has a control character; names have letters, digits, spaces and other characters that can be seen',
      'a.jsonc:4:17 modalities "a\\u0000b" has a control character; names have letters, digits, spaces and other characters that can be seen',
      `a.jsonc:4:44 modalities "${'x'.repeat(64)}…" is 65 characters; names have 1 to 64`,
    ],
  ],
  [
    'timeouts of an entry that are not numbers, not known, or not of one entry',
    upstream(
      '"servers": ["127.0.0.1:1"], "timeouts": { "drainSeconds": 5, "idleSecond": 5, "pduSeconds": 0 }',
    ),
    [
      'a.jsonc:3:71 upstreams.ORTHANC.timeouts "drainSeconds" is for the whole gateway; set timeouts.drainSeconds',
      'a.jsonc:3:90 upstreams.ORTHANC.timeouts unknown key "idleSecond"; did you mean "idleSeconds"?',
      'a.jsonc:3:121 upstreams.ORTHANC.timeouts.pduSeconds 0 is out of range; accepted is a number above 0 to 86400',
    ],
  ],
  ['no listener', { 2: '"listeners": [],' }, ['a.jsonc:2:14 listeners is empty; at least one is needed']],
  [
    'an object where a list belongs',
    { 2: '"listeners": {},' },
    [
      'a.jsonc:2:14 listeners is an object; accepted is a list, each item an object with the keys name, host, port, tls, proxyProtocol',
    ],
  ],
  [
    'a list where an object belongs',
    { 4: '"modalities": [],' },
    ['a.jsonc:4:15 modalities is a list; accepted is an object with one entry for each name'],
  ],
  [
    'a text where an object belongs',
    ct1(`${VALID}, "address": "10.1.2.10:104"`),
    [
      'a.jsonc:4:103 modalities.ct1.address "10.1.2.10:104" is a string; accepted is an object with the keys host, port, calledAeTitle, callingAeTitle, tls',
    ],
  ],
  [
    'true or false in quotes',
    { 5: '"strictAeTitles": "true"' },
    ['a.jsonc:5:19 strictAeTitles "true" is a string; accepted is true or false'],
  ],
  [
    'null',
    { 5: '"strictAeTitles": null' },
    ['a.jsonc:5:19 strictAeTitles null is not accepted; accepted is true or false'],
  ],
  [
    'a duration of zero',
    { 5: '"timeouts": { "idleSeconds": 0 }' },
    ['a.jsonc:5:30 timeouts.idleSeconds 0 is out of range; accepted is a number above 0 to 86400'],
  ],
  [
    'a duration of more than a day',
    { 5: '"timeouts": { "idleSeconds": 100000 }' },
    ['a.jsonc:5:30 timeouts.idleSeconds 100000 is out of range; accepted is a number above 0 to 86400'],
  ],
  [
    'a limit below its minimum',
    { 5: '"limits": { "maxPduLengthBytes": 1024 }' },
    [
      'a.jsonc:5:34 limits.maxPduLengthBytes 1024 is out of range; accepted is a whole number from 4096 to 1048576',
    ],
  ],
  [
    'a limit without an upper end',
    ct1(`${VALID}, "maxAssociations": 0`),
    [
      'a.jsonc:4:111 modalities.ct1.maxAssociations 0 is out of range; accepted is a whole number from 1 upwards',
    ],
  ],
  [
    'an unknown choice near a known one',
    { 5: '"unknownAddresses": "rejct"' },
    ['a.jsonc:5:21 unknownAddresses "rejct" is not accepted; did you mean "reject"?'],
  ],
  [
    'an unknown choice near none',
    { 5: '"unknownAddresses": "drop"' },
    ['a.jsonc:5:21 unknownAddresses "drop" is not accepted; accepted is "close" or "reject"'],
  ],
  [
    'an unknown command in a list',
    ct1('"callingAeTitle": "CT1", "from": "10.1.2.10", "allow": ["echo", "stroe"]'),
    ['a.jsonc:4:90 modalities.ct1.allow[1] "stroe" is not accepted; did you mean "store"?'],
  ],
  [
    'an unknown command without a list',
    ct1('"callingAeTitle": "CT1", "from": "10.1.2.10", "allow": "C-STORE"'),
    ['a.jsonc:4:81 modalities.ct1.allow "C-STORE" is not accepted; did you mean "store"?'],
  ],
  [
    'an unknown TLS profile',
    tls(`${FILES}, "trustedCertificates": "ca.crt", "profile": "bcp196"`),
    ['a.jsonc:2:146 listeners[0].tls.profile "bcp196" is not accepted; did you mean "bcp195"?'],
  ],
  [
    'a number in a list of texts',
    ct1('"callingAeTitle": "CT1", "from": ["10.1.2.10", 5], "allow": ["store"]'),
    ['a.jsonc:4:73 modalities.ct1.from[1] 5 is a number; accepted is a string (IP address or CIDR block)'],
  ],
  [
    'an empty file name',
    tls('"certificate": "", "privateKey": "s.key", "trustedCertificates": "ca.crt"'),
    ['a.jsonc:2:70 listeners[0].tls.certificate "" is empty; at least one character is needed'],
  ],
];

const values: Case[] = [
  [
    'an AE title that is too long',
    ct1('"callingAeTitle": "CT-SCANNER-ROOM-12", "from": "10.1.2.10", "allow": ["store"]'),
    [
      'a.jsonc:4:44 modalities.ct1.callingAeTitle "CT-SCANNER-ROOM-12" is 18 characters; AE titles have 1 to 16',
    ],
  ],
  [
    'an AE title that is too long, in a list',
    ct1('"callingAeTitle": ["CT1", "CT-SCANNER-ROOM-12"], "from": "10.1.2.10", "allow": ["store"]'),
    [
      'a.jsonc:4:52 modalities.ct1.callingAeTitle[1] "CT-SCANNER-ROOM-12" is 18 characters; AE titles have 1 to 16',
    ],
  ],
  [
    'an AE title that is too long, as a key',
    { 3: '"upstreams": { "ORTHANC-ARCHIVE-MAIN": { "servers": ["127.0.0.1:4242"] } },' },
    ['a.jsonc:3:16 upstreams "ORTHANC-ARCHIVE-MAIN" is 20 characters; AE titles have 1 to 16'],
  ],
  [
    'an empty AE title',
    ct1('"callingAeTitle": "", "from": "10.1.2.10", "allow": ["store"]'),
    ['a.jsonc:4:44 modalities.ct1.callingAeTitle "" is 0 characters; AE titles have 1 to 16'],
  ],
  [
    'an AE title of spaces',
    ct1('"callingAeTitle": "  ", "from": "10.1.2.10", "allow": ["store"]'),
    [
      'a.jsonc:4:44 modalities.ct1.callingAeTitle is nothing but spaces; AE titles have at least one other character',
    ],
  ],
  [
    'an AE title with a backslash',
    ct1('"callingAeTitle": "CT\\\\1", "from": "10.1.2.10", "allow": ["store"]'),
    [
      'a.jsonc:4:44 modalities.ct1.callingAeTitle "CT\\\\1" has a character that AE titles must not have; accepted is printable ASCII without backslash',
    ],
  ],
  [
    'an AE title with an umlaut and too long',
    ct1('"callingAeTitle": "RÖNTGEN-ABTEILUNG", "from": "10.1.2.10", "allow": ["store"]'),
    [
      'a.jsonc:4:44 modalities.ct1.callingAeTitle "RÖNTGEN-ABTEILUNG" is 17 characters; AE titles have 1 to 16',
      'a.jsonc:4:44 modalities.ct1.callingAeTitle "RÖNTGEN-ABTEILUNG" has a character that AE titles must not have; accepted is printable ASCII without backslash',
    ],
  ],
  [
    'an AE title that could fool a terminal',
    ct1('"callingAeTitle": "CT\\u202e1", "from": "10.1.2.10", "allow": ["store"]'),
    [
      'a.jsonc:4:44 modalities.ct1.callingAeTitle "CT\\u{202e}1" has a character that AE titles must not have; accepted is printable ASCII without backslash',
    ],
  ],
  [
    'an upstream with a space at the end',
    { 3: '"upstreams": { "ORTHANC ": { "servers": ["127.0.0.1:4242"] } },' },
    ['a.jsonc:3:16 upstreams "ORTHANC " begins or ends with a space; write the key without it'],
  ],
  [
    'a host name in from',
    ct1('"callingAeTitle": "CT1", "from": "ct1.hospital.example", "allow": ["store"]'),
    [
      'a.jsonc:4:59 modalities.ct1.from "ct1.hospital.example" is not an IP address or a CIDR block such as 10.1.3.0/24; host names are not accepted',
    ],
  ],
  [
    'a CIDR block with too long a prefix',
    ct1('"callingAeTitle": "CT1", "from": ["10.1.2.10", "10.1.3.0/33"], "allow": ["store"]'),
    [
      'a.jsonc:4:73 modalities.ct1.from[1] "10.1.3.0/33" is not an IP address or a CIDR block such as 10.1.3.0/24; host names are not accepted',
    ],
  ],
  [
    'an IPv6 address with a zone',
    ct1('"callingAeTitle": "CT1", "from": "fe80::1%eth0", "allow": ["store"]'),
    [
      'a.jsonc:4:59 modalities.ct1.from "fe80::1%eth0" is not an IP address or a CIDR block such as 10.1.3.0/24; host names are not accepted',
    ],
  ],
  [
    'a server without a port',
    upstream('"servers": ["127.0.0.1"]'),
    [
      'a.jsonc:3:41 upstreams.ORTHANC.servers[0] "127.0.0.1" is not an address such as 127.0.0.1:4242 or [::1]:4242',
    ],
  ],
  [
    'an IPv6 server without brackets',
    upstream('"servers": ["::1:4242"]'),
    [
      'a.jsonc:3:41 upstreams.ORTHANC.servers[0] "::1:4242" is not an address such as 127.0.0.1:4242 or [::1]:4242',
    ],
  ],
  [
    'no server',
    upstream('"servers": []'),
    ['a.jsonc:3:40 upstreams.ORTHANC.servers is empty; at least one is needed'],
  ],
  [
    'an admin HTTP on a host name',
    { 5: '"admin": { "host": "localhost" }' },
    ['a.jsonc:5:20 admin.host "localhost" is not an IP address such as 127.0.0.1 or ::1'],
  ],
  ...['"a short token"', '"123456789abcdef"', '1234567890123456', '"1234567890\\t123456"'].map(
    (token): Case => [
      `the token ${token} without showing it`,
      { 5: `"admin": { "token": ${token} }` },
      [
        'a.jsonc:5:21 admin.token is not a token; accepted are 16 to 512 printable ASCII characters without spaces, for example from "openssl rand -hex 32"',
      ],
    ],
  ),
  [
    'a fingerprint that is too short',
    ct1(`${VALID}, "certificate": "sha256:3A:5B"`),
    [
      'a.jsonc:4:107 modalities.ct1.certificate "sha256:3A:5B" is none of sha256:<64 hex digits>, spki-sha256:<64 hex digits>, dns:<name>, cn:<name>',
    ],
  ],
  [
    'a certificate without a kind',
    ct1(`${VALID}, "certificate": ["dns:ct1.example", "ct1"]`),
    [
      'a.jsonc:4:127 modalities.ct1.certificate[1] "ct1" is none of sha256:<64 hex digits>, spki-sha256:<64 hex digits>, dns:<name>, cn:<name>',
    ],
  ],
  ...['31.12.2026', '2026-02-30', '2026-12-31T18:00', '2026-12-31T24:00Z', 'tomorrow', ''].map(
    (date): Case => [
      `an end of observe mode that is not a moment: ${date}`,
      ct1(`${VALID}, "mode": "observe", "observeUntil": "${date}"`),
      [
        `a.jsonc:4:127 modalities.ct1.observeUntil "${date}" is neither a date such as 2026-12-31 (to the end of that day, UTC) nor a date and time with an offset such as 2026-12-31T18:00:00+01:00`,
      ],
    ],
  ),
  ...['1 day', '0d', '400d', '86400', '1w', ''].map(
    (every): Case => [
      `a time of silence that is not one: ${every}`,
      ct1(`${VALID}, "expectEvery": "${every}"`),
      [
        `a.jsonc:4:107 modalities.ct1.expectEvery "${every}" is not a time; accepted are seconds (90s), minutes (30m), hours (2h) and days (7d), up to 365d`,
      ],
    ],
  ),
  [
    'a text that is very long',
    ct1(`"callingAeTitle": "CT1", "from": "${'x'.repeat(500)}", "allow": ["store"]`),
    [
      'a.jsonc:4:59 modalities.ct1.from "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx…" is not an IP address or a CIDR block such as 10.1.3.0/24; host names are not accepted',
    ],
  ],
];

describe('types', () => itReports(types));
describe('values', () => itReports(values));
