/**
 * What is wrong with the text and its keys, each with the exact words and the exact place: positions are literals,
 * counted in the lines of brokenConfiguration.ts.
 */
// biome-ignore-all lint/suspicious/noTemplateCurlyInString: a reference such as ${PORT} is for the configuration
import { describe } from '@jest/globals';
import { type Case, ct1, itReports, MODALITY_KEYS, ROOT_KEYS, upstream, VALID } from './brokenConfiguration';

const syntax: Case[] = [
  [
    'an empty file',
    { 1: '', 2: '', 3: '', 4: '', 5: '', 6: '' },
    ['a.jsonc:6:1 is empty; remove it, then make one with "aegis init"'],
  ],
  [
    'a file of another kind, of which nothing more is shown',
    {
      1: '-----BEGIN PRIVATE KEY-----',
      2: 'MIIEvgIBADANBgkqhkiG9w0BAQEFAASC',
      3: 'c2VjcmV0',
      4: '',
      5: '',
      6: '',
    },
    ['a.jsonc:1:1 "-" is not JSON; keys and texts stand in double quotes'],
  ],
  [
    'UTF-16 without a mark, once',
    { 3: '"\0u\0p\0', 4: '\0"\0', 5: 'x\0' },
    ['a.jsonc:3:2 has NUL bytes, as UTF-16 has; save the file as UTF-8'],
  ],
  [
    'a missing comma between keys',
    { 3: '"upstreams": { "ORTHANC": { "servers": ["127.0.0.1:4242"] } }' },
    ['a.jsonc:4:1 a comma is expected before this'],
  ],
  [
    'two missing commas',
    { 3: '"upstreams": { "ORTHANC": { "servers": ["127.0.0.1:4242"] } }', 2: '"listeners": []' },
    ['a.jsonc:3:1 a comma is expected before this', 'a.jsonc:4:1 a comma is expected before this'],
  ],
  [
    'a missing colon',
    { 5: '"strictAeTitles" false' },
    ['a.jsonc:5:18 a colon is expected here, between a key and its value'],
  ],
  ['a missing value', { 5: '"strictAeTitles":' }, ['a.jsonc:6:1 a value is expected before "}"']],
  ['a missing closing brace at the end', { 6: '' }, ['a.jsonc:6:1 a closing brace } is expected here']],
  [
    'a missing closing bracket',
    upstream('"servers": ["127.0.0.1:4242"'),
    ['a.jsonc:3:58 a closing bracket ] is expected before "}"'],
  ],
  [
    'a text that does not end',
    { 5: '"strictAeTitles": "false' },
    ['a.jsonc:5:19 a text does not end; add a double quote in the same line'],
  ],
  [
    'single quotes',
    { 5: "'strictAeTitles': false" },
    [`a.jsonc:5:1 "'strictAeTitles'" is not JSON; keys and texts stand in double quotes`],
  ],
  [
    'a key without quotes',
    { 5: 'strictAeTitles: false' },
    ['a.jsonc:5:1 "strictAeTitles" is not JSON; keys and texts stand in double quotes'],
  ],
  [
    'a word that is not a value',
    { 5: '"strictAeTitles": no' },
    ['a.jsonc:5:19 "no" is not JSON; keys and texts stand in double quotes'],
  ],
  [
    'a reference to a variable without quotes',
    { 5: '"strictAeTitles": ${STRICT}' },
    ['a.jsonc:5:19 ${STRICT} needs double quotes round it: "${STRICT}"'],
  ],
  [
    'a reference with a control character',
    { 5: '"strictAeTitles": ${STRI\u0001CT}' },
    ['a.jsonc:5:19 ${STRI\\u{1}CT} needs double quotes round it: "${STRI\\u{1}CT}"'],
  ],
  [
    'something after the configuration',
    { 6: '} }' },
    ['a.jsonc:6:3 nothing but comments is expected after the configuration'],
  ],
  [
    'a comment that does not end',
    { 5: '"strictAeTitles": false /* for now' },
    ['a.jsonc:5:25 a comment that begins with /* does not end; add */'],
  ],
  [
    'an unknown escape',
    { 5: '"strictAeTitles": "\\x"' },
    ['a.jsonc:5:19 a text has an unknown escape; a backslash is written \\\\'],
  ],
  [
    'nesting that would exhaust the stack',
    { 5: `"strictAeTitles": ${'['.repeat(100_000)}` },
    ['a.jsonc:5:82 is nested too deep; accepted are 64 levels'],
  ],
  [
    'a list instead of an object',
    { 1: '[', 2: '', 3: '', 4: '', 5: '', 6: ']' },
    [`a.jsonc:1:1 is a list; accepted is an object with the keys ${ROOT_KEYS}`],
  ],
];

const keys: Case[] = [
  [
    'an unknown key near a known one',
    ct1(`${VALID}, "moveDestination": "WS1"`),
    ['a.jsonc:4:92 modalities.ct1 unknown key "moveDestination"; did you mean "moveDestinations"?'],
  ],
  [
    'a required key that is misspelt: one problem, not two',
    ct1('"callingAET": "CT1", "from": "10.1.2.10", "allow": ["store"]'),
    ['a.jsonc:4:26 modalities.ct1 unknown key "callingAET"; did you mean "callingAeTitle"?'],
  ],
  [
    'an unknown key in the words of Orthanc',
    upstream('"servers": ["127.0.0.1:4242"], "Host": "x"'),
    [
      'a.jsonc:3:60 upstreams.ORTHANC unknown key "Host"; accepted are servers, balance, health, localAddress, calledAeTitle, maxAssociations, userIdentity, tls, allowRemotePlaintext, timeouts',
    ],
  ],
  [
    'an unknown key near none',
    { 5: '"frobnicate": 1' },
    [`a.jsonc:5:1 unknown key "frobnicate"; accepted are ${ROOT_KEYS}`],
  ],
  [
    'two unknown keys',
    { 5: '"modality": {}, "upstream": {}' },
    [
      'a.jsonc:5:1 unknown key "modality"; did you mean "modalities"?',
      'a.jsonc:5:17 unknown key "upstream"; did you mean "upstreams"?',
    ],
  ],
  [
    'an unknown key of a limit',
    { 5: '"limits": { "maxPduLength": 1 }' },
    ['a.jsonc:5:13 limits unknown key "maxPduLength"; did you mean "maxPduLengthBytes"?'],
  ],
  [
    'a duplicate key',
    ct1(`${VALID}, "from": "0.0.0.0/0"`),
    ['a.jsonc:4:92 modalities.ct1 duplicate key "from"; it is at 4:51 already, keep one of them'],
  ],
  [
    'a duplicate modality',
    { 4: `"modalities": { "ct1": { ${VALID} }, "ct1": { ${VALID} } },` },
    ['a.jsonc:4:94 modalities duplicate key "ct1"; it is at 4:17 already, keep one of them'],
  ],
  [
    'a duplicate key at the root',
    { 5: '"modalities": {}' },
    ['a.jsonc:5:1 duplicate key "modalities"; it is at 4:1 already, keep one of them'],
  ],
  [
    'a missing key at the root',
    { 3: '' },
    ['a.jsonc:1:1 upstreams is missing; accepted is an object with one entry for each name'],
  ],
  [
    'a missing key of a modality',
    ct1('"callingAeTitle": "CT1", "allow": ["store"]'),
    [
      'a.jsonc:4:24 modalities.ct1.from is missing; accepted is a string (IP address or CIDR block) or a list of them',
    ],
  ],
  [
    'a missing key of a listener',
    { 2: '"listeners": [{ "name": "plain" }],' },
    ['a.jsonc:2:15 listeners[0].port is missing; accepted is a whole number from 0 to 65535'],
  ],
  [
    'the key __proto__',
    ct1(`${VALID}, "__proto__": { "mode": "observe" }`),
    ['a.jsonc:4:92 modalities.ct1 the key "__proto__" is not accepted; use another name'],
  ],
  [
    'a modality called __proto__',
    { 4: `"modalities": { "ct1": { ${VALID} }, "__proto__": { ${VALID} } },` },
    ['a.jsonc:4:94 modalities the key "__proto__" is not accepted; use another name'],
  ],
  [
    'the key constructor',
    ct1(`${VALID}, "constructor": 1`),
    [`a.jsonc:4:92 modalities.ct1 unknown key "constructor"; accepted are ${MODALITY_KEYS}`],
  ],
  [
    'a modality without a name',
    { 4: `"modalities": { "": { ${VALID} } },` },
    ['a.jsonc:4:17 modalities "" is empty; at least one character is needed'],
  ],
  [
    'a key with a line break',
    { 5: '"a\\nb": 1' },
    [`a.jsonc:5:1 unknown key "a\\nb"; accepted are ${ROOT_KEYS}`],
  ],
];

describe('syntax', () => itReports(syntax));
describe('keys', () => itReports(keys));
