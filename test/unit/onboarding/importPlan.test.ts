import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from '@jest/globals';
import { changeModalities, openConfiguration } from '../../../src/config/editConfiguration';
import { exportCsv, readCsvTable } from '../../../src/onboarding/csvTable';
import { planImport } from '../../../src/onboarding/importPlan';
import { processorMs } from '../../support/heldBytes';
import { temporaryFolder } from '../../support/processes';

const text = `{
  "listeners": [{ "name": "plain", "port": 11112 }],
  "upstreams": { "ORTHANC": { "servers": ["127.0.0.1:4242"] } },
  "modalities": {
    // the first scanner
    "ct1": {
      "callingAeTitle": "CT1", // as on its label
      "from": "10.1.2.10",
      "listeners": "plain",
      "allow": "store",
      "address": { "host": "ct1", "port": 104 }
    }
  }
}
`;

let file: string;

beforeEach(() => {
  file = join(temporaryFolder(), 'aegis.jsonc');
  writeFileSync(file, text);
});

function open() {
  return openConfiguration(file, {});
}

function plan(csv: string, mayChange = false) {
  return planImport(open(), readCsvTable(csv), mayChange);
}

function textAfter(csv: string) {
  return changeModalities(open(), plan(csv, true).edits).text;
}

/** `line column message` of every error. */
function errorsOf(csv: string, mayChange = false) {
  return plan(csv, mayChange).rows.flatMap(({ errors }) =>
    errors.map(({ line, column = '-', message }) => `${line} ${column} ${message}`),
  );
}

const HEADER = 'name,callingAeTitle,from,listeners,allow,host,port';

describe('importing a spreadsheet', () => {
  it('makes entries of rows', () => {
    const { rows, edits } = plan(`${HEADER}\nct2,CT2,10.1.2.11 10.1.2.12,plain,echo store,10.1.2.11,104\n`);
    expect(rows).toMatchObject([{ line: 2, name: 'ct2', action: 'add', errors: [] }]);
    expect(edits.added).toEqual([
      [
        'ct2',
        {
          callingAeTitle: 'CT2',
          from: ['10.1.2.11', '10.1.2.12'],
          listeners: 'plain',
          allow: ['echo', 'store'],
          address: { host: '10.1.2.11', port: 104 },
        },
      ],
    ]);
  });

  it('reads what Excel writes: semicolons, a byte order mark, CRLF, missing cells at the end', () => {
    const csv =
      '\ufeffCalling AE title;From;Listeners;Allow;Host;Port\r\n"CT 2|";"10.1.2.11";plain;echo, store\r\n';
    expect(plan(csv).edits.added).toEqual([
      ['ct-2', { callingAeTitle: 'CT 2', from: '10.1.2.11', listeners: 'plain', allow: ['echo', 'store'] }],
    ]);
  });

  it('refuses a name that would disturb a terminal, or fill it, in its row', () => {
    const rest = '10.1.2.11,plain,echo,,';
    const long = 'n'.repeat(3_000_000);
    const rows = ['"a\0b\x1b[31mred",CT2', '"x\ny",CT3', `${long},CT4`, "Röntgen 1 (it's),CT5"];
    expect(errorsOf(`${HEADER}\n${rows.map((row) => `${row},${rest}\n`).join('')}`)).toEqual([
      expect.stringMatching(/^2 name "a\\u0000b\\u001b\[31mred" has a control character; /),
      expect.stringMatching(/^3 name "x\\ny" has a control character; /),
      expect.stringMatching(/^5 name "n{64}…" is 3000000 characters; names have 1 to 64$/),
    ]);
  });

  it.each(['sep=;', 'SEP=;;;;', '"sep=;"', '\ufeffsep=;'])(
    'takes the first line %j for what it says',
    (first) => {
      const csv = `${first}\r\nname;callingAeTitle;from;listeners;allow\r\n`;
      expect(plan(`${csv}ct2;CT2;10.1.2.11;plain;echo, store, find\r\n`).rows).toMatchObject([
        { line: 3, name: 'ct2', action: 'add', errors: [] },
      ]);
    },
  );

  it('says from where to where a port of a device goes', () => {
    for (const port of ['0', '99999']) {
      expect(errorsOf(`${HEADER}\nct2,CT2,10.1.2.11,plain,echo,ct2,${port}\n`)).toEqual([
        `2 port ${port} is out of range; accepted is a whole number from 1 to 65535`,
      ]);
    }
  });

  it('warns of a comma, which does not separate AE titles', () => {
    const { rows } = plan(`${HEADER}\nct2,"CT2,CT3",10.1.2.11,plain,"echo,store",,\n`);
    expect(rows).toMatchObject([
      {
        action: 'add',
        warnings: [
          {
            line: 2,
            column: 'callingAeTitle',
            message: '"CT2,CT3" is one AE title with a comma in it; separate several with spaces',
          },
        ],
      },
    ]);
  });

  it('leaves alone what says the same in other words', () => {
    const { rows, edits } = plan(`${HEADER},mode\nct1,CT1|,10.1.2.10,plain,store,ct1,104,\n`);
    expect(rows).toMatchObject([{ action: 'keep', errors: [] }]);
    expect([edits.added, [...edits.changed]]).toEqual([[], []]);
  });

  it('changes an entry only when asked to, and only what differs', () => {
    const csv = `${HEADER}\nct1,CT1,10.1.2.20,plain,store,,\n`;
    expect(errorsOf(csv)).toEqual([
      '2 name "ct1" exists already and differs in from, host, port; --update changes it',
    ]);
    expect(plan(csv, true).rows[0]).toMatchObject({
      action: 'change',
      changes: [
        { column: 'from', from: '10.1.2.10', to: '10.1.2.20' },
        { column: 'host', from: 'ct1', to: '' },
        { column: 'port', from: '104', to: '' },
      ],
    });
    expect(textAfter(csv)).toContain(`    // the first scanner
    "ct1": {
      "callingAeTitle": "CT1", // as on its label
      "from": "10.1.2.20",
      "listeners": "plain",
      "allow": "store"
    }
`);
  });

  it('leaves keys alone that no column is about', () => {
    expect(textAfter('name,from\nct1,10.1.2.20\n')).toBe(text.replace('10.1.2.10', '10.1.2.20'));
  });

  it.each([
    [
      'ct2,CT2,10.1.2.300,plain,store,,',
      '2 from "10.1.2.300" is not an IP address or a CIDR block such as 10.1.3.0/24; host names are not accepted',
    ],
    [
      'ct2,CT2_WITH_A_LONG_NAME,10.1.2.2,plain,store,,',
      '2 callingAeTitle "CT2_WITH_A_LONG_NAME" is 20 characters; AE titles have 1 to 16',
    ],
    [
      'ct2,,10.1.2.2,plain,store,,',
      '2 callingAeTitle is missing; accepted is a string (AE title) or a list of them',
    ],
    ['ct2,CT2,10.1.2.2,plain,stor,,', '2 allow "stor" is not accepted; did you mean "store"?'],
    ['ct2,CT2,10.1.2.2,plian,store,,', '2 listeners "plian" is not a listener; did you mean "plain"?'],
    ['ct2,CT2,10.1.2.2,plain,store,,104', '2 host is missing; accepted is a string'],
    [
      'ct2,CT2,10.1.2.2,plain,store,h,1o4',
      '2 port "1o4" is a string; accepted is a whole number from 1 to 65535',
    ],
    ['ct2,CT1,10.1.2.0/24,plain,store,,', '2 - overlaps modalities.ct1: '],
    [
      'ct2,$\u007bHOME},10.1.2.2,plain,store,,',
      '2 callingAeTitle "$\u007bHOME}" would be replaced by an environment variable',
    ],
    ['__proto__,CT2,10.1.2.2,plain,store,,', '2 name "__proto__" is not a name'],
    ['ct2,CT2,10.1.2.2,plain,store,,,,x', '2 - has 9 cells where the header has 7'],
  ])('reports line, column and what is accepted: %s', (row, expected) => {
    const errors = errorsOf(`${HEADER}\n${row}\n`);
    expect(errors).toHaveLength(1);
    expect(errors[0]).toContain(expected);
  });

  it('reports rows that are there twice, and of rows that overlap', () => {
    const rows = [
      'ct2,CT2,10.1.2.2,plain,store,,',
      'ct2,CT3,10.1.2.3,plain,store,,',
      'ct4,ct2,10.1.2.2,plain,store,,',
    ];
    expect(errorsOf([HEADER, ...rows].join('\n'))).toEqual([
      '3 name "ct2" is already the name in line 2; names must be unique',
      expect.stringMatching(
        /^4 - overlaps modalities\.ct2: a peer with the calling AE title "CT2" could be both/,
      ),
    ]);
  });

  it.each([
    ['name,callingAET\nct2,CT2', 'unknown column "callingAET"; did you mean "callingAeTitle"?'],
    ['Gerät,AE,IP\nx,CT2,1', 'unknown column "Gerät", "AE", "IP"; accepted are name, callingAeTitle'],
    ['name,name\nct2,CT2', 'the column "name" is there twice'],
    ['from\n10.1.2.2', 'neither "name" nor "callingAeTitle" is a column'],
    ['name,\nct2,x', 'column 2 has no name'],
    ['', 'is empty; the first line names the columns'],
    [
      Array(201).fill('nmae').join(','),
      'has 201 columns; at most 200 are read, so this is probably not the header',
    ],
  ])('refuses a header that says too little: %j', (csv, expected) => {
    expect(readCsvTable(csv).problems[0]).toMatchObject({
      line: 1,
      message: expect.stringContaining(expected),
    });
  });

  it('refuses quotes that do not fit, with their line', () => {
    expect(() => readCsvTable('name,from\nct2,"10.1.2.2\n')).toThrow(
      expect.objectContaining({ line: 2, message: expect.stringContaining('quotes that do not fit') }),
    );
  });

  it('warns of AE titles that products come with', () => {
    const [row] = plan(`${HEADER}\nx,StoreSCU,10.1.2.2,plain,store,,\n`).rows;
    expect(row).toMatchObject({ action: 'add', warnings: [{ column: 'callingAeTitle' }] });
  });

  it('takes 10,000 rows in seconds and reports what is wrong with each of 17', () => {
    const rows = Array.from({ length: 10_000 }, (_, index) => {
      const address = index % 600 === 0 ? 'nowhere' : `10.2.${index >> 8}.${index & 255}`;
      return `m${index},M${index},${address},plain,store,,`;
    });
    let planned: ReturnType<typeof plan>['rows'] = [];
    const took = processorMs(() => {
      planned = plan([HEADER, ...rows].join('\n')).rows;
    });
    expect(took).toBeLessThan(15_000);
    const refused = planned.filter(({ action }) => action === 'refuse');
    expect(refused.map(({ line }) => line)).toEqual(
      Array.from({ length: 17 }, (_, index) => index * 600 + 2),
    );
    expect(planned.filter(({ action }) => action === 'add')).toHaveLength(9_983);
  });
});

describe('exporting a spreadsheet', () => {
  it('writes what importing leaves alone, whatever the values are', () => {
    const odd = {
      callingAeTitle: ['=CT 1', "'-A|B", '@X'],
      from: ['10.1.2.11', '2001:db8::/64'],
      listeners: 'plain',
      certificate: ['cn:a;b, "c"', 'dns:ct2.example'],
      allow: [],
      moveDestinations: ['*'],
      maxAssociations: 4,
      mode: 'observe',
      address: { host: 'ct2', port: 104, tls: { trustedCertificates: ['ca.crt'], serverName: 'x' } },
    } as const;
    const names = ['ct2', '=1+1', "'=x", 'ü "quoted"'];
    const entries = names.map((name, index) => [name, { ...odd, from: [`10.1.3.${index}`] }] as const);
    writeFileSync(file, changeModalities(open(), { added: entries as never, changed: new Map() }).text);
    const csv = exportCsv(open());
    const { rows } = plan(csv);
    expect(rows.map(({ name, action, errors }) => ({ name, action, errors }))).toEqual(
      ['ct1', ...names].map((name) => ({ name, action: 'keep', errors: [] })),
    );
    // Nothing that a spreadsheet would run.
    for (const cell of csv.split(/[,;\r\n]/)) expect(cell.replace(/^"/, '')).not.toMatch(/^[=+\-@\t]/);
  });

  it('gives a new file the same entries', () => {
    const exported = exportCsv(open());
    writeFileSync(file, text.replace(/"ct1": \{[\s\S]*/, '}\n}\n'));
    const { configuration } = changeModalities(open(), plan(exported).edits).result;
    writeFileSync(file, text);
    expect(configuration.modalities).toEqual(open().reading.configuration?.modalities);
  });
});
