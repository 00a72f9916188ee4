import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { registerCheck } from '../../../../src/commands/check';
import { registerOrthanc } from '../../../../src/commands/orthanc/orthanc';
import { parseSourceText } from '../../../../src/config/sourceText';
import { ExitCode, OperatorError } from '../../../../src/errors';
import { runCommand } from '../../../support/commandLine';
import { temporaryFolder } from '../../../support/processes';

const folder = temporaryFolder();

function write(name: string, content: unknown): string {
  const file = join(folder, name);
  writeFileSync(file, typeof content === 'string' ? content : JSON.stringify(content, undefined, 1));
  return file;
}

const archive = write('orthanc.json', {
  DicomAlwaysAllowEcho: false,
  DicomAlwaysAllowStore: true,
  DicomModalities: {
    ct1: { AET: 'CT1', Host: '10.1.2.10', Port: 104, AllowStore: true, Timeout: 60 },
    us1: ['US1', 'localhost', 104],
  },
});

const gateway = write('aegis.jsonc', {
  listeners: [
    {
      name: 'tls',
      port: 2762,
      tls: { certificate: 's.crt', privateKey: 's.key', trustedCertificates: 'ca.crt' },
    },
  ],
  upstreams: { ORTHANC: { servers: ['127.0.0.1:4242'] } },
  modalities: {
    ct1: {
      callingAeTitle: 'CT1',
      from: '10.1.2.10',
      allow: 'store',
      address: { host: '10.1.2.10', port: 104 },
    },
  },
});

function run(...commandArguments: string[]) {
  return runCommand(registerOrthanc, commandArguments);
}

describe('aegis orthanc import', () => {
  it('prints modalities to stdout and what to look at to stderr', async () => {
    const { exitCode, printed, printedErrors } = await run('orthanc', 'import', archive);
    expect(exitCode).toBeUndefined();
    expect(parseSourceText(printed).value).toMatchObject({
      modalities: { ct1: { from: '10.1.2.10', allow: ['store'] }, us1: { from: [], allow: [] } },
    });
    expect(printedErrors.split('\n')).toEqual(
      expect.arrayContaining([
        expect.stringMatching(
          /^note: \S+orthanc\.json:3:2 DicomAlwaysAllowStore is true, so until now every modality/,
        ),
        expect.stringMatching(
          /^warning: \S+orthanc\.json:14:4 DicomModalities\.us1\[1\] "localhost" is a name/,
        ),
      ]),
    );
  });

  it('writes a configuration that lacks nothing but certificates, and replaces none', async () => {
    const output = join(folder, 'new.jsonc');
    const { printed } = await run('orthanc', 'import', archive, '--keep-defaults', '--output', output);
    expect(printed).toContain(`aegis --config ${output} check --offline`);
    const written = readFileSync(output, 'utf8');

    const checked = await runCommand(registerCheck, ['--config', output, '--json', 'check', '--offline']);
    const { problems } = JSON.parse(checked.printed) as {
      problems: { severity: string; kind: string; path: string }[];
    };
    expect(problems.filter(({ severity, kind }) => severity === 'error' && kind !== 'file')).toEqual([]);
    expect(problems.map(({ path }) => path)).toContain('listeners[0].tls.certificate');

    await expect(run('orthanc', 'import', archive, '--output', output)).rejects.toThrow(
      new OperatorError(`--output ${output} exists already; name a new file, or import without --output`),
    );
    expect(readFileSync(output, 'utf8')).toBe(written);
  });

  it('imports everybody in observe mode where asked to', async () => {
    const { printed } = await run('orthanc', 'import', archive, '--observe');
    expect(parseSourceText(printed).value).toMatchObject({
      modalities: { ct1: { allow: ['store'], mode: 'observe' }, us1: { mode: 'observe' } },
    });
    const output = join(folder, 'observed.jsonc');
    const written = await run('orthanc', 'import', archive, '--observe', '--output', output);
    expect(written.printed).toContain(`aegis --config ${output} observe report`);
  });

  it('writes nothing where an entry cannot be read', async () => {
    const broken = write('broken.json', { DicomModalities: { ct1: ['CT1'] } });
    const output = join(folder, 'broken.jsonc');
    await expect(run('orthanc', 'import', broken, '--output', output)).rejects.toMatchObject({
      exitCode: ExitCode.Usage,
      message: expect.stringContaining('DicomModalities.ct1 has 1 item;'),
    });
    expect(existsSync(output)).toBe(false);
  });

  it('looks up host names where asked to', async () => {
    const { printed, printedErrors } = await run('orthanc', 'import', archive, '--resolve');
    const { modalities } = parseSourceText(printed).value as {
      modalities: { us1: { from: string | string[] } };
    };
    expect([modalities.us1.from].flat()).toEqual(expect.arrayContaining(['127.0.0.1']));
    expect(printedErrors).toMatch(/"localhost" is a name, and stands for .*127\.0\.0\.1.* today/);
  });

  it('prints JSON for machines', async () => {
    const { printed, printedErrors } = await run('--json', 'orthanc', 'import', archive);
    const { configuration, notes } = JSON.parse(printed) as { configuration: object; notes: object[] };
    expect(Object.keys(configuration)).toEqual(['upstreams', 'modalities']);
    expect(notes).toContainEqual(
      expect.objectContaining({ severity: 'warning', line: 14, setting: 'DicomModalities.us1[1]' }),
    );
    expect(printedErrors).toBe('');
  });
});

describe('aegis orthanc export', () => {
  it('prints what Orthanc reads to stdout, and notes to stderr', async () => {
    const { exitCode, printed, printedErrors } = await run(
      ...['--config', gateway, 'orthanc', 'export', '--keep', archive],
    );
    expect(exitCode).toBeUndefined();
    expect(printed).toMatch(/^\/\/ What Orthanc needs behind the gateway: .*TCP_NODELAY=1/s);
    expect(parseSourceText(printed)).toMatchObject({
      faults: [],
      value: { DicomModalities: { ct1: { AET: 'CT1', AllowStore: true, AllowEcho: false, Timeout: 60 } } },
    });
    expect(printedErrors).toMatch(/^note: the gateway has no egress, .*\n$/);
  });

  it('prints JSON for machines', async () => {
    const { printed } = await run(
      '--config',
      gateway,
      '--json',
      'orthanc',
      'export',
      '--orthanc-version',
      '1.8.2',
    );
    const { settings, notes } = JSON.parse(printed) as { settings: object; notes: string[] };
    expect(Object.keys(settings)).not.toContain('DicomAlwaysAllowFind');
    expect(notes).toEqual([expect.stringContaining('no egress')]);
  });

  it.each(['1.8', '1.4.2', 'mainline'])('refuses the version %s', async (version) => {
    await expect(run('--config', gateway, 'orthanc', 'export', '--orthanc-version', version)).rejects.toThrow(
      'accepted is a version such as 1.8.2, from 1.5.0 on',
    );
  });
});

describe('aegis orthanc lint', () => {
  it('fails for holes, a line each, and compares with nothing where there is no configuration', async () => {
    const { exitCode, printed, printedErrors } = await run('orthanc', 'lint', archive);
    expect(exitCode).toBe(ExitCode.Failed);
    expect(printed).toMatch(/^hole: \S+orthanc\.json:3:2 DicomAlwaysAllowStore is true: C-STORE of any/m);
    expect(printed).toMatch(/\n2 holes, \d warnings\n$/);
    expect(printedErrors).toBe(
      'note: config/aegis.jsonc does not exist, so there is nothing to compare entries with; see --config\n',
    );
  });

  it('compares with a configuration that is named', async () => {
    const { printed, printedErrors } = await run('--config', gateway, 'orthanc', 'lint', archive);
    expect(printed).toMatch(
      /^hole: \S+ DicomModalities\.ct1 allows echo, find, .* which the gateway does not allow "CT1"/m,
    );
    expect(printed).toMatch(
      /^hole: \S+ DicomModalities\.us1 has the AE title "US1", which the gateway never lets/m,
    );
    expect(printedErrors).toBe('');
  });

  it('refuses a configuration that is named and not there', async () => {
    const refused = run('--config', join(folder, 'nowhere.jsonc'), 'orthanc', 'lint', archive);
    await expect(refused).rejects.toMatchObject({ exitCode: ExitCode.Usage });
  });

  it('finds no hole in what export printed, with a warning for the port alone', async () => {
    const { printed: exported } = await run('--config', gateway, 'orthanc', 'export');
    const file = write('gateway.json', exported);
    const linted = await run('--config', gateway, 'orthanc', 'lint', file);
    expect(linted.exitCode).toBe(ExitCode.Done);
    expect(linted.printed).toMatch(
      /^warning: \S+ DicomPort is 4242 on every interface.*\nok: 0 holes, 1 warning\n$/,
    );
    const behindFirewall = await run('--config', gateway, 'orthanc', 'lint', file, '--behind-firewall');
    expect(behindFirewall.printed).toBe('ok: 0 holes, 0 warnings\n');
  });

  it('prints JSON for machines', async () => {
    const { printed, exitCode } = await run('--json', 'orthanc', 'lint', archive);
    const { ok, comparedWith, findings } = JSON.parse(printed) as {
      ok: boolean;
      comparedWith: string | null;
      findings: object[];
    };
    expect([ok, comparedWith, exitCode]).toEqual([false, null, ExitCode.Failed]);
    expect(findings).toContainEqual(
      expect.objectContaining({
        severity: 'hole',
        code: 'always-allow',
        file: archive,
        line: 3,
        column: 2,
        setting: 'DicomAlwaysAllowStore',
      }),
    );
  });

  it('refuses files that Orthanc could not read', async () => {
    const broken = write('half.json', '{ "Name": ');
    await expect(run('orthanc', 'lint', archive, broken)).rejects.toMatchObject({
      exitCode: ExitCode.Usage,
      message: expect.stringMatching(/half\.json:1:\d+ a value is expected here/),
    });
  });
});
