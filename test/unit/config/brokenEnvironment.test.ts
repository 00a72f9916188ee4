/**
 * What the environment can get wrong, each with the exact words and the exact place: positions are literals,
 * counted in the lines of brokenConfiguration.ts.
 */
// biome-ignore-all lint/suspicious/noTemplateCurlyInString: a reference such as ${PORT} is for the configuration
import { describe } from '@jest/globals';
import { type Case, ct1, itReports } from './brokenConfiguration';

const environment: Case[] = [
  [
    'a reference to a variable that is not set',
    ct1('"callingAeTitle": "${CT1_TITLE}", "from": "10.1.2.10", "allow": ["store"]'),
    [
      'a.jsonc:4:44 modalities.ct1.callingAeTitle "${CT1_TITLE}": the environment variable "CT1_TITLE" is not set; set it, or give a default as in ${NAME:-default}',
    ],
  ],
  [
    'a reference to what every object inherits',
    ct1('"callingAeTitle": "CT1", "from": "${constructor}", "allow": ["store"]'),
    [
      'a.jsonc:4:59 modalities.ct1.from "${constructor}": the environment variable "constructor" is not set; set it, or give a default as in ${NAME:-default}',
    ],
  ],
  [
    'a variable whose value is not accepted',
    ct1('"callingAeTitle": "CT1", "from": ["10.1.2.10", "${CT1}"], "allow": ["store"]'),
    [
      'a.jsonc:4:73 modalities.ct1.from[1] "ct1.hospital.example" is not an IP address or a CIDR block such as 10.1.3.0/24; host names are not accepted (from ${CT1})',
    ],
    { CT1: 'ct1.hospital.example' },
  ],
  [
    'a variable for a number that holds none',
    { 2: '"listeners": [{ "name": "plain", "port": "${PORT}" }],' },
    [
      'a.jsonc:2:42 listeners[0].port "dicom" is a string; accepted is a whole number from 0 to 65535 (from ${PORT})',
    ],
    { PORT: 'dicom' },
  ],
  [
    'an override that is not accepted',
    {},
    [
      'environment variable AEGIS__LISTENERS__0__PORT listeners[0].port 99999 is out of range; accepted is a whole number from 0 to 65535',
    ],
    { AEGIS__LISTENERS__0__PORT: '99999' },
  ],
  [
    'an override of an unknown key',
    {},
    ['environment variable AEGIS__LISTENRS__0__PORT unknown key "LISTENRS"; did you mean "listeners"?'],
    { AEGIS__LISTENRS__0__PORT: '104' },
  ],
  [
    'an override of an unknown key deeper down',
    {},
    [
      'environment variable AEGIS__MODALITIES__CT1__CALLING_AET modalities.ct1 unknown key "CALLING_AET"; did you mean "callingAeTitle"?',
    ],
    { AEGIS__MODALITIES__CT1__CALLING_AET: 'CT2' },
  ],
  [
    'an override past the end of a list',
    {},
    [
      'environment variable AEGIS__LISTENERS__2__PORT listeners "2" is not an index of this list; accepted is 0 to 1, where 1 adds an item',
    ],
    { AEGIS__LISTENERS__2__PORT: '104' },
  ],
  [
    'an override of a list by name',
    {},
    [
      'environment variable AEGIS__LISTENERS__TLS__PORT listeners "TLS" is not an index of this list; accepted is 0 to 1, where 1 adds an item',
    ],
    { AEGIS__LISTENERS__TLS__PORT: '104' },
  ],
  [
    'an override below a plain value',
    {},
    [
      'environment variable AEGIS__STRICTAETITLES__X strictAeTitles has no keys of its own, so "X" leads nowhere',
    ],
    { AEGIS__STRICTAETITLES__X: '1' },
  ],
  [
    'an override without a name',
    {},
    [
      'environment variable AEGIS__MODALITIES____FROM modalities a name between two double underscores is empty',
    ],
    { AEGIS__MODALITIES____FROM: '1' },
  ],
  [
    'an override that makes an incomplete entry',
    {},
    [
      'environment variable AEGIS__MODALITIES__ct2__FROM modalities.ct2.callingAeTitle is missing; accepted is a string (AE title) or a list of them',
    ],
    { AEGIS__MODALITIES__ct2__FROM: '10.1.2.11' },
  ],
  [
    'an override in JSON with an unknown key',
    {},
    [
      'environment variable AEGIS__MODALITIES__CT1__ADDRESS modalities.ct1.address unknown key "prt"; did you mean "port"?',
    ],
    { AEGIS__MODALITIES__CT1__ADDRESS: '{ "host": "10.1.2.10", "prt": 104 }' },
  ],
  [
    'an override in JSON that is broken',
    {},
    [
      'environment variable AEGIS__LISTENERS listeners "[{ \\"name\\": \\"a\\" " is a string; accepted is a list, each item an object with the keys name, host, port, tls, proxyProtocol',
    ],
    { AEGIS__LISTENERS: '[{ "name": "a" ' },
  ],
  [
    'an override that does not fit the rest',
    {},
    [
      'environment variable AEGIS__UPSTREAMS__ORTHANC__SERVERS__0 upstreams.ORTHANC.servers[0] "127.0.0.1:2762" is the listener "tls" of this gateway: a loop; name the archive instead',
    ],
    { AEGIS__UPSTREAMS__ORTHANC__SERVERS__0: '127.0.0.1:2762' },
  ],
];

describe('the environment', () => itReports(environment));
