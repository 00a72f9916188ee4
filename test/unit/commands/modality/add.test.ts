import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Command } from 'commander';
import { addEntryOptions } from '../../../../src/commands/modality/modality';
import { parseConfiguration } from '../../../../src/config/load';
import { ExitCode } from '../../../../src/errors';
import { entryFields } from '../../../../src/onboarding/entryFields';
import { createFolder } from '../../../../src/pki/folder';
import { listCertificates } from '../../../../src/pki/folderListing';
import { testCertificates } from '../../../support/certificates';
import { type ModalityFile, modalityFile } from './modalityFile';

const certificates = testCertificates();
const ca = certificates.issue('Modality CA', { isCa: true });
const server = certificates.issue('pacs', {
  issuer: ca,
  names: ['localhost', 'pacs.example.org', '10.1.0.2'],
});

let site: ModalityFile;
const { isTTY } = process.stdin;

beforeEach(() => {
  site = modalityFile({ server, ca });
  // Nobody is there to be asked, even where the tests run on a terminal.
  process.stdin.isTTY = false;
  delete process.env.AEGIS_P12_PASSWORD;
});

afterEach(() => {
  process.stdin.isTTY = isTTY;
});

const ct2 = ['--calling', 'CT2', '--from', '10.1.2.11', '--allow', 'echo,store'];

function add(...options: string[]) {
  return site.run([
    'add',
    ...options,
    '--sheet-dir',
    join(site.folder, 'onboarding'),
    '--dir',
    join(site.folder, 'certs'),
  ]);
}

function written() {
  return readFileSync(site.file, 'utf8');
}

function entryIn(name: string) {
  return parseConfiguration(written(), site.file, {}).configuration?.modalities[name];
}

function sheet(name: string) {
  return readFileSync(join(site.folder, 'onboarding', name), 'utf8');
}

async function clientsIn(folder: string) {
  return (await listCertificates(folder)).filter(({ kind }) => kind === 'client');
}

describe('aegis modality add', () => {
  it.each([
    [['ct2'], /^"store" is not in the list of --allow, .*; write --allow echo,store$/],
    [[], /^"store" is not in the list of --allow, .*; write --allow echo,store$/],
  ])('says that a list has commas, after %j', async (names, message) => {
    const words = ['--calling', 'CT2', '--from', '10.1.2.11', '--allow', 'echo', 'store'];
    await expect(site.run(['add', ...names, ...words])).rejects.toMatchObject({
      message: expect.stringMatching(message),
      exitCode: ExitCode.Usage,
    });
    await expect(site.run(['set', 'ct1', '--from', '10.1.2.11', '10.1.2.12'])).rejects.toMatchObject({
      message:
        '"10.1.2.12" is one argument too many; write a list with commas and without spaces, such as --allow echo,store',
      exitCode: ExitCode.Usage,
    });
    expect(written()).toBe(site.text);
  });

  it('adds an entry behind the last one, shows the change and what comes next', async () => {
    const { exitCode, printed, printedErrors } = await add(...ct2);
    expect(exitCode).toBe(ExitCode.Done);
    expect(printedErrors).toBe('');
    expect(written()).toBe(
      site.text.replace(
        '    }\n    // room',
        `    },
    "ct2": {
      "callingAeTitle": "CT2",
      "from": "10.1.2.11",
      "allow": ["echo", "store"]
    }
    // room`,
      ),
    );
    expect(printed).toContain('+    "ct2": {\n+      "callingAeTitle": "CT2",\n');
    expect(printed).toContain(`added modalities.ct2 to ${site.file}\n`);
    expect(printed).toContain(
      '\n  systemctl reload aegis    (or "kill -HUP PID": SIGHUP reloads the gateway)\n',
    );
  });

  it('has an option for every key of an entry', async () => {
    const command = new Command('add');
    await addEntryOptions(command);
    const options = command.options.map(({ long }) => long);
    const keys = entryFields.map(({ path, option }) =>
      /^address\.(host|port)$/.test(path.join('.')) ? '--address' : `--${option}`,
    );
    expect(options).toEqual(expect.arrayContaining(keys));
  });

  it('takes every key of an entry, with paths as the configuration has them', async () => {
    await add(
      'ws1',
      ...[
        '--calling',
        'WS 1',
        '--calling',
        'WS1_QR',
        '--from',
        '10.1.3.0/24,2001:db8::/64',
        '--allow',
        'move,store',
      ],
      ...[
        '--called',
        'ORTHANC',
        '--listener',
        'tls',
        '--certificate',
        'cn:ws1',
        '--certificate',
        server.certificateFile,
      ],
      ...['--store-sop-class', 'CTImageStorage', '--move-destination', 'WS 1', '--max-associations', '4'],
      ...['--mode', 'observe', '--address', '[2001:db8::1]:104', '--address-called', 'WS1'],
      ...['--address-tls-trusted-certificates', ca.certificateFile, '--address-tls-profile', 'bcp195-nd'],
      ...['--address-tls-server-name', 'ws1.example.org'],
    );
    expect(entryIn('ws1')).toEqual({
      callingAeTitle: ['WS 1', 'WS1_QR'],
      from: ['10.1.3.0/24', '2001:db8::/64'],
      calledAeTitle: ['ORTHANC'],
      listeners: ['tls'],
      certificate: ['cn:ws1', expect.stringMatching(/^spki-sha256:([0-9A-F]{2}:){31}[0-9A-F]{2}$/)],
      allow: ['move', 'store'],
      storeSopClasses: ['CTImageStorage'],
      dataSets: 'verify',
      moveDestinations: ['WS 1'],
      maxAssociations: 4,
      presentationContexts: 'allowed',
      mode: 'observe',
      address: {
        host: '2001:db8::1',
        port: 104,
        calledAeTitle: 'WS1',
        tls: {
          profile: 'bcp195-nd',
          trustedCertificates: [ca.certificateFile],
          serverName: 'ws1.example.org',
        },
      },
    });
  });

  it('names every option that is missing where nobody can be asked', async () => {
    await expect(add('ct2', '--from', '10.1.2.11')).rejects.toMatchObject({
      message: expect.stringMatching(
        /^--calling is missing: calling AE title.*\n--allow is missing: echo, find/,
      ),
      exitCode: ExitCode.Usage,
    });
    expect(written()).toBe(site.text);
  });

  it.each([
    [['--listener', 'tsl'], /^--listener "tsl" is not a listener; did you mean "tls"\?/],
    [['--max-associations', 'four'], /^--max-associations "four" is a string; accepted is a whole number/],
    [['--address', '10.1.2.11'], /--address "10\.1\.2\.11" is not an address such as/],
    [['--certificate', 'ct2'], /--certificate "ct2" is not one of sha256:….*ct2 does not exist/],
    [['--mode', 'observe', '--mode', 'enforce'], /--mode is given more than once/],
    [['--certificate', 'cn:ct2', '--issue-certificate'], /exclude each other/],
  ])('refuses %j and leaves the file as it was', async (options, message) => {
    await expect(add(...ct2, ...options)).rejects.toThrow(message);
    expect(written()).toBe(site.text);
    expect(readdirSync(site.folder)).toEqual(['aegis.jsonc']);
  });

  it('reports everything that is wrong with the options at once', async () => {
    const wrong = ['--calling', 'ÄÖ', '--from', 'x', '--allow', 'ECHO', '--listener', 'nope'];
    await expect(add('ct1', ...wrong, '--certificate', 'zz', '--address', 'ct2')).rejects.toThrow(
      new RegExp(
        [
          '^--certificate "zz" is not one of .*',
          '--address "ct2" is not an address .*',
          '--calling "ÄÖ" has a character .*',
          '--from "x" is not an IP address .*',
          '--allow "ECHO" is not accepted; .*',
          '--listener "nope" is not a listener; .*',
          '"ct1" is taken$',
        ].join('\n'),
      ),
    );
    await expect(add('--allow', 'ECHO')).rejects.toThrow(
      /^--allow "ECHO" is not .*\n--calling is missing: .*\n--from is missing: .*$/,
    );
    expect(written()).toBe(site.text);
  });

  it('warns of a comma, which does not separate AE titles', async () => {
    const { printedErrors } = await add('--calling', 'CT11,CT 12', ...ct2.slice(2));
    expect(printedErrors).toBe(
      `warning: --calling "CT11,CT 12" is one AE title with a comma in it; several are given as --calling CT11 --calling 'CT 12'\n`,
    );
  });

  it.each([
    [`it's "q" ünï`, String.raw`'it'\''s "q" ünï'`],
    ['a b', "'a b'"],
    ['-x', '-- -x'],
    ['$(reboot)', "'$(reboot)'"],
  ])('writes the next command for the name %s so that a shell can take it', async (name, quoted) => {
    const { printed } = await site.run(['add', ...ct2, '--no-sheet', '--', name]);
    expect(printed.endsWith(`\n  aegis modality show ${quoted}\n`)).toBe(true);
  });

  it('warns of an AE title that products come with', async () => {
    const { printedErrors } = await add(
      'x',
      '--calling',
      'STORESCU',
      '--from',
      '10.1.2.11',
      '--allow',
      'store',
    );
    expect(printedErrors).toMatch(/^warning: "STORESCU" is a factory default/);
  });

  it('writes nothing with --dry-run', async () => {
    await createFolder(join(site.folder, 'certs'), {});
    const { printed } = await add(...ct2, '--issue-certificate', '--dry-run');
    expect(printed).toContain(
      '+      "certificate": "spki-sha256:(of the certificate that will be issued)",\n',
    );
    expect(printed).toMatch(/nothing was written \(--dry-run\)\n$/);
    expect(written()).toBe(site.text);
    expect(await clientsIn(join(site.folder, 'certs'))).toEqual([]);
    expect(existsSync(join(site.folder, 'onboarding'))).toBe(false);
  });

  it('says the same as JSON', async () => {
    const { printed } = await site.run(['add', ...ct2, '--no-sheet'], '--json');
    expect(JSON.parse(printed)).toMatchObject({
      ok: true,
      isWritten: true,
      name: 'ct2',
      entry: { callingAeTitle: ['CT2'], mode: 'enforce' },
      certificate: null,
      sheet: null,
      warnings: [],
    });
  });
});

describe('issuing the certificate', () => {
  it('accepts that certificate only, and keeps its password out of everything', async () => {
    const folder = join(site.folder, 'certs');
    await createFolder(folder, {});
    const { printed } = await add(...ct2, '--issue-certificate', '--address', '10.1.2.11:104');
    const [issued] = await clientsIn(folder);
    expect(issued).toMatchObject({ name: 'ct2', kind: 'client', names: ['ct2', '10.1.2.11'] });
    expect(entryIn('ct2')?.certificate).toEqual([expect.stringMatching(/^spki-sha256:(?!00:00)/)]);
    const password = readFileSync(join(folder, 'ct2.p12.password'), 'utf8').trim();
    const key = readFileSync(join(folder, 'ct2.key'), 'utf8').split('\n')[1]!;
    for (const text of [printed, written(), sheet('ct2.md'), sheet('ct2.html')]) {
      expect(text).not.toContain(password);
      expect(text).not.toContain(key);
    }
    expect(sheet('ct2.md')).toContain('| ct2.p12, or ct2.crt and ct2.key | the device');
  });

  it('issues none where the entry would be refused', async () => {
    const folder = join(site.folder, 'certs');
    await createFolder(folder, {});
    await expect(
      add('--calling', 'CT1', '--from', '10.1.2.10', '--allow', 'store', '--issue-certificate'),
    ).rejects.toThrow(/modalities\.ct1 is in .* already/);
    await expect(add(...ct2, '--mode', 'trial', '--issue-certificate')).rejects.toThrow(
      /"trial" is not accepted/,
    );
    expect(await clientsIn(folder)).toEqual([]);
  });

  it('issues none where there is one, and says how to accept that', async () => {
    const folder = join(site.folder, 'certs');
    await createFolder(folder, {});
    writeFileSync(join(folder, 'ct2.crt'), server.cert);
    await expect(add(...ct2, '--issue-certificate')).rejects.toThrow(
      /ct2\.crt exists: it was issued before; accept it with --certificate/,
    );
    expect(written()).toBe(site.text);
  });

  it('says how to make a CA where there is none', async () => {
    await expect(add(...ct2, '--issue-certificate')).rejects.toThrow(/make a CA with "aegis pki init/);
    expect(written()).toBe(site.text);
  });
});

describe('the onboarding sheet', () => {
  it('says where to connect, under which title, with which certificate', async () => {
    await add(...ct2);
    const markdown = sheet('ct2.md');
    for (const fact of [
      '| host | pacs.example.org; 10.1.0.2 |',
      '| port | 2762 (TLS) |',
      '| called AE title (archive) | ORTHANC |',
      '| calling AE title (device) | CT2 |',
      '| address of the device | 10.1.2.11 |',
      'TLS 1.2 or TLS 1.3',
      ca.x509.fingerprint256.slice(0, 40),
      'echoscu +tls DEVICE.key DEVICE.crt',
      'aegis explain --calling CT2 --called ORTHANC --from 10.1.2.11',
    ]) {
      expect(markdown).toContain(fact);
    }
    expect(statSync(join(site.folder, 'onboarding', 'ct2.html')).mode & 0o777).toBe(0o644);
  });

  it('takes the host that is given, and can be left out', async () => {
    await add(...ct2, '--host', 'gate.example.org');
    expect(sheet('ct2.md')).toContain('| host | gate.example.org |');
    await add('ct3', '--calling', 'CT3', '--from', '10.1.2.12', '--allow', 'store', '--no-sheet');
    expect(existsSync(join(site.folder, 'onboarding', 'ct3.md'))).toBe(false);
  });

  it('does not replace another one unasked, nor lead out of its folder', async () => {
    await add(...ct2);
    await site.run(['remove', 'ct2']);
    await expect(add(...ct2)).rejects.toThrow(/ct2\.html exist; .* --force/);
    expect(written()).toBe(site.text);
    await add(...ct2, '--force');
    await add('../x', '--calling', 'CT3', '--from', '10.1.2.12', '--allow', 'store');
    expect(readdirSync(join(site.folder, 'onboarding')).sort()).toEqual([
      expect.stringMatching(/^_\._x-[0-9a-f]{6}\.html$/),
      expect.stringMatching(/^_\._x-[0-9a-f]{6}\.md$/),
      'ct2.html',
      'ct2.md',
    ]);
  });

  it('does not send a device to itself where the certificates are for this machine alone', async () => {
    const local = certificates.issue('local', { issuer: ca, names: ['localhost', '127.0.0.1'] });
    site = modalityFile({ server: local, ca });
    const { printedErrors } = await add(...ct2);
    expect(printedErrors).toMatch(/^warning: the sheet does not say where the gateway is: .* --host\n$/);
    expect(sheet('ct2.md')).toContain('| host | \\_');
    await add('ct3', '--calling', 'CT3', '--from', '127.0.0.1', '--allow', 'store');
    expect(sheet('ct3.md')).toContain('| host | localhost; 127.0.0.1 |');
    const run = await site.run([
      ...['sheet', 'ct2', '--force', '--sheet-dir', join(site.folder, 'onboarding')],
      ...['--host', 'localhost'],
    ]);
    expect(run.printedErrors).toContain('warning: the sheet says localhost, which is the device itself');
  });

  it('warns of a host that a certificate of the gateway is not for', async () => {
    const server = certificates.issue('named', {
      issuer: ca,
      names: ['pacs.Example.org', '*.example.net', '10.1.0.2'],
    });
    site = modalityFile({ server, ca });
    const warningsFor = async (host: string) => {
      const sheetOptions = ['--force', '--sheet-dir', join(site.folder, 'onboarding'), '--host', host];
      return (await site.run(['sheet', 'ct1', ...sheetOptions])).printedErrors;
    };
    for (const host of ['pacs.example.org', 'PACS.example.org', 'a.example.net', '10.1.0.2']) {
      expect(await warningsFor(host)).toBe('');
    }
    for (const host of ['gate.example.org', 'a.b.example.net', '10.1.0.3']) {
      expect(await warningsFor(host)).toContain(
        `warning: a certificate of the gateway lacks ${host}, so a device `,
      );
    }
  });

  it('warns of a listener that the device cannot reach', async () => {
    const { printedErrors } = await add(...ct2, '--listener', 'plain', '--host', 'pacs.example.org');
    expect(printedErrors).toContain('warning: the device cannot reach "plain": bound to loopback; ');
  });

  it('has a file of its own for each name', async () => {
    await add('a b', ...ct2);
    await add('a_b', '--calling', 'CT3', '--from', '10.1.2.12', '--allow', 'store');
    expect(sheet('a_b.md')).toContain('| calling AE title (device) | CT3 |');
    expect(readdirSync(join(site.folder, 'onboarding'))).toHaveLength(4);
  });

  it('does not take the entry back where it cannot be written', async () => {
    writeFileSync(join(site.folder, 'onboarding'), 'a file, no folder');
    const { exitCode, printedErrors } = await add(...ct2);
    expect(exitCode).toBe(ExitCode.Done);
    expect(printedErrors).toMatch(
      /^warning: the sheet was not written: .*; write it again with "aegis modality sheet"/m,
    );
    expect(entryIn('ct2')?.callingAeTitle).toEqual(['CT2']);
  });

  it('is written again by a verb of its own', async () => {
    const options = ['--sheet-dir', join(site.folder, 'onboarding')];
    await site.run(['sheet', 'ct1', ...options]);
    expect(sheet('ct1.md')).toContain('| calling AE title (device) | CT1 |');
    await expect(site.run(['sheet', 'ct1', ...options])).rejects.toThrow(/exist/);
    await expect(site.run(['sheet', 'ct9', ...options])).rejects.toThrow(/did you mean "ct1"\?/);
  });
});
