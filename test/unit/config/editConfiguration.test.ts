import {
  chmodSync,
  chownSync,
  copyFileSync,
  lstatSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from '@jest/globals';
import {
  addModalities,
  changeModalities,
  openConfiguration,
  removeModality,
  saveEdit,
} from '../../../src/config/editConfiguration';
import { processorMs } from '../../support/heldBytes';
import { temporaryFolder } from '../../support/processes';

const text = `// the gateway of radiology
{
  "listeners": [{ "name": "plain", "port": 11112 }], // no TLS here
  "upstreams": { "ORTHANC": { "servers": ["127.0.0.1:4242"] } },
  "modalities": {
    // the first scanner
    "ct1": {
      "callingAeTitle": "CT1", // as on its label
      "from": "10.1.2.10",
      "listeners": "plain",
      "allow": "store"
    }
  }
}
`;
const ct2 = {
  callingAeTitle: 'CT2',
  from: ['10.1.2.11'],
  listeners: 'plain',
  allow: ['echo', 'store'],
} as const;

let folder: string;
let file: string;

beforeEach(() => {
  folder = temporaryFolder();
  file = join(folder, 'aegis.jsonc');
  writeFileSync(file, text);
});

function open(env: NodeJS.ProcessEnv = {}) {
  return openConfiguration(file, env);
}

function add(entries: Parameters<typeof addModalities>[1], env: NodeJS.ProcessEnv = {}) {
  return addModalities(open(env), entries);
}

describe('adding entries', () => {
  it('keeps every other byte of the file and shows what it adds', async () => {
    const edit = add({ ct2: { ...ct2, allow: [...ct2.allow], from: [...ct2.from] } });
    await saveEdit(edit);
    const added = `    },
    "ct2": {
      "callingAeTitle": "CT2",
      "from": ["10.1.2.11"],
      "listeners": "plain",
      "allow": ["echo", "store"]
    }
  }
}
`;
    expect(readFileSync(file, 'utf8')).toBe(text.replace('    }\n  }\n}\n', added));
    expect(edit.diff).toContain('+    "ct2": {\n+      "callingAeTitle": "CT2",\n');
    expect(edit.diff).not.toMatch(/^-[^-]/m);
    expect(edit.result.configuration.modalities.ct2?.callingAeTitle).toEqual(['CT2']);
  });

  it('refuses a name that is taken, in the text or by the environment', () => {
    expect(() => add({ ct1: { ...ct2, allow: 'echo', from: '10.1.2.11' } })).toThrow(
      /modalities\.ct1 is in .*aegis\.jsonc already; choose another name/,
    );
    const env = {
      AEGIS__MODALITIES__CT9:
        '{ "callingAeTitle": "CT9", "from": "10.1.2.9", "listeners": "plain", "allow": "echo" }',
    };
    expect(() => add({ CT9: { callingAeTitle: 'CT8', from: '10.1.2.8' } }, env)).toThrow(/already/);
  });

  it('refuses a result with errors, tells them with their places and leaves the file as it was', () => {
    expect(() => add({ ct2: { callingAeTitle: 'CT1', from: '10.1.2.300', listeners: 'plain' } })).toThrow(
      /was left as it was.*\n.*aegis\.jsonc:15:15 modalities\.ct2\.from "10\.1\.2\.300" is not an IP address/,
    );
    expect(() => add({ ct2: { callingAeTitle: 'CT1', from: '10.1.2.0/24', listeners: 'plain' } })).toThrow(
      /modalities\.ct2 overlaps modalities\.ct1/,
    );
    expect(readFileSync(file, 'utf8')).toBe(text);
  });

  it('tells errors that were there before with their places in the file', () => {
    writeFileSync(file, text.replace('"port": 11112', '"port": 99999'));
    expect(() => add({ ct2: { callingAeTitle: 'CT2', from: '10.1.2.11', listeners: 'plain' } })).toThrow(
      /^.*aegis\.jsonc:3:44 listeners\[0\]\.port 99999 is out of range/,
    );
  });

  it('repairs a configuration whose only error is that it has no modality', () => {
    writeFileSync(file, text.replace(/"modalities": \{[\s\S]*/, '"modalities": {}\n}\n'));
    const { configuration } = add({ ct2: { callingAeTitle: 'CT2', from: '::1', listeners: 'plain' } }).result;
    expect(Object.keys(configuration.modalities)).toEqual(['ct2']);
  });

  it('refuses a text that it cannot read', () => {
    writeFileSync(file, text.replace('"upstreams": {', '"upstreams": '));
    expect(open).toThrow(/aegis\.jsonc:4:/);
  });

  it('adds 10,000 in one change', () => {
    const entries = Object.fromEntries(
      Array.from({ length: 10_000 }, (_, index) => [
        `ct-${index}`,
        {
          callingAeTitle: `CT_${index}`,
          from: `10.2.${index >> 8}.${index & 255}`,
          listeners: 'plain',
          allow: 'store',
        },
      ]),
    ) as Parameters<typeof addModalities>[1];
    const took = processorMs(() => {
      expect(Object.keys(add(entries).result.configuration.modalities)).toHaveLength(10_001);
    });
    // One change for each would be a thousand times slower.
    expect(took).toBeLessThan(15_000);
  });
});

describe('changing entries', () => {
  it('sets and takes out values, and leaves the comments of the rest', () => {
    const changed = new Map([
      [
        'ct1',
        [
          [['from'], ['10.1.2.20', '10.1.2.21']],
          [['address'], { host: 'ct1', port: 104 }],
          [['allow'], undefined],
        ],
      ],
    ] as const);
    const { text: result } = changeModalities(open(), { added: [], changed });
    expect(result).toContain(`      "callingAeTitle": "CT1", // as on its label
      "from": ["10.1.2.20", "10.1.2.21"],
      "listeners": "plain",
      "address": {
        "host": "ct1",
        "port": 104
      }
`);
  });
});

describe('removing an entry', () => {
  beforeEach(async () =>
    saveEdit(add({ ct2: { callingAeTitle: 'CT2', from: '10.1.2.11', listeners: 'plain' } })),
  );

  it('gives back the text without it', async () => {
    const edit = removeModality(open(), 'ct2');
    await saveEdit(edit);
    expect(readFileSync(file, 'utf8')).toBe(text);
    expect(edit.diff).toContain('-    "ct2": {');
  });

  it('takes the comment that explains it along where there is no other entry below', async () => {
    writeFileSync(file, readFileSync(file, 'utf8').replace('"ct2"', '\n    // the second\n    "ct2"'));
    await saveEdit(removeModality(open(), 'ct2'));
    expect(readFileSync(file, 'utf8')).toBe(text);
  });

  it('refuses one that is not there, and says what was probably meant', () => {
    expect(() => removeModality(open(), 'ct22')).toThrow(
      /"ct22" is not a modality of .*; did you mean "ct2"\?/,
    );
    const env = {
      AEGIS__MODALITIES__MR1:
        '{ "callingAeTitle": "MR1", "from": "10.1.2.9", "listeners": "plain", "allow": "echo" }',
    };
    expect(() => removeModality(open(env), 'MR1')).toThrow(/comes from environment variables/);
  });

  it('refuses to leave nobody', async () => {
    await saveEdit(removeModality(open(), 'ct2'));
    expect(() => removeModality(open(), 'ct1')).toThrow(/modalities is empty: no one could connect/);
    expect(readFileSync(file, 'utf8')).toBe(text);
  });
});

describe('saving', () => {
  const someEdit = () => add({ ct2: { callingAeTitle: 'CT2', from: '10.1.2.11', listeners: 'plain' } });

  it('keeps the mode, and writes through a symbolic link', async () => {
    const target = join(folder, 'target.jsonc');
    copyFileSync(file, target);
    chmodSync(target, 0o640);
    file = join(folder, 'link.jsonc');
    symlinkSync('target.jsonc', file);
    await saveEdit(someEdit());
    expect(lstatSync(file).isSymbolicLink()).toBe(true);
    expect(statSync(target).mode & 0o777).toBe(0o640);
    expect(readFileSync(target, 'utf8')).toContain('CT2');
  });

  it('keeps a byte order mark', async () => {
    writeFileSync(file, `\ufeff${text}`);
    await saveEdit(someEdit());
    expect(readFileSync(file, 'utf8')).toMatch(/^\ufeff\/\/ the gateway[\s\S]*CT2/);
  });

  it('refuses to write over what somebody else wrote meanwhile, and leaves no other file', async () => {
    const edit = someEdit();
    writeFileSync(file, `${text}// mine\n`);
    await expect(saveEdit(edit)).rejects.toThrow(/was changed by somebody else meanwhile/);
    expect(readFileSync(file, 'utf8')).toBe(`${text}// mine\n`);
    expect(readdirSync(folder)).toEqual(['aegis.jsonc']);
  });

  it('lets one of several win that come at once, and the others know', async () => {
    const edits = Array.from({ length: 8 }, (_, index) =>
      add({
        [`ct${index + 2}`]: { callingAeTitle: `CT${index + 2}`, from: '10.1.2.11', listeners: 'plain' },
      }),
    );
    const outcomes = await Promise.allSettled(edits.map(saveEdit));
    const won = outcomes.findIndex(({ status }) => status === 'fulfilled');
    expect(readFileSync(file, 'utf8')).toBe(edits[won]!.text);
    for (const [index, outcome] of outcomes.entries()) {
      if (index === won) continue;
      expect(outcome).toMatchObject({
        reason: { message: expect.stringMatching(/was changed by somebody else meanwhile/) },
      });
    }
    expect(readdirSync(folder)).toEqual(['aegis.jsonc']);
  });

  const asRoot = process.getuid?.() === 0 ? it : it.skip;
  asRoot('keeps the owner', async () => {
    chownSync(file, 12_345, 23_456);
    await saveEdit(someEdit());
    expect(statSync(file)).toMatchObject({ uid: 12_345, gid: 23_456 });
  });
});
