import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { Command } from 'commander';
import { registerExplain } from '../../../../src/commands/explain/explain';
import { testCertificates } from '../../../support/certificates';
import { type Instance, writePart10 } from '../../../support/dicomFiles';
import { PATIENT_CANARY, syntheticInstance } from '../../../support/syntheticInstances';
import { SopClass, TransferSyntax } from '../../../support/uids';

const certificates = testCertificates();
const file = join(certificates.folder, 'aegis.jsonc');

beforeAll(() => {
  const tls = {
    certificate: certificates.server.certificateFile,
    privateKey: certificates.server.privateKeyFile,
    trustedCertificates: certificates.ca.certificateFile,
  };
  writeFileSync(
    file,
    JSON.stringify({
      listeners: [
        { name: 'tls', port: 2762, tls: { ...tls, crl: certificates.crl.crlFile } },
        { name: 'tls2', port: 2763, tls },
        { name: 'plain', port: 11112 },
      ],
      upstreams: { ORTHANC: { servers: ['127.0.0.1:4242'] } },
      modalities: {
        ct1: {
          callingAeTitle: 'CT1',
          from: '10.1.2.10',
          certificate: 'cn:ct1',
          allow: ['echo', 'store', 'move'],
        },
        us1: { callingAeTitle: 'US1', from: '10.1.2.30', listeners: 'plain', allow: ['findWorklist'] },
        us2: { callingAeTitle: 'US1', from: '10.1.2.31', allow: ['echo'] },
        ws1: {
          callingAeTitle: 'WS1',
          from: '10.1.2.40',
          allow: ['move'],
          address: { host: '10.1.2.40', port: 104 },
        },
        ct2: {
          callingAeTitle: 'CT2',
          from: '10.1.2.11',
          allow: 'store',
          storeRules: [
            { name: 'no reports', refuse: { Modality: ['SR', 'PR'] } },
            { allow: { PatientID: 'CANARY*' }, status: '0x0124' },
          ],
        },
        mr1: { callingAeTitle: 'MR1', from: '10.1.2.50', allow: 'echo', mode: 'observe' },
        mr2: observed('MR2', '2999-12-31'),
        mr3: observed('MR3', '2020-06-30T12:00+02:00'),
      },
      egress: {},
    }),
  );
});

function observed(callingAeTitle: string, observeUntil: string) {
  return {
    callingAeTitle,
    from: '10.1.2.50',
    allow: 'echo',
    mode: 'observe',
    observeUntil,
  };
}

interface Run {
  readonly exitCode: number | undefined;
  readonly printed: string;
}

/** Runs `aegis explain …`; rejects as the command does. */
async function explain(...options: string[]): Promise<Run> {
  let printed = '';
  let exitCode: number | undefined;
  const program = new Command('aegis')
    .option('--config <file>', '', file)
    .option('--json')
    .configureOutput({ writeErr: () => undefined })
    .exitOverride();
  registerExplain(program, {
    print: (text) => {
      printed += text;
    },
    printError: () => undefined,
    exit: (code) => {
      exitCode = code;
    },
  });
  await program.parseAsync(['node', 'aegis', 'explain', ...options]);
  return { exitCode, printed };
}

const ct1 = ['--calling', 'CT1', '--called', 'ORTHANC', '--from', '10.1.2.10'];
const us1 = ['--calling', 'US1', '--called', 'ORTHANC', '--from', '10.1.2.30'];

const ct2 = ['--calling', 'CT2', '--called', 'ORTHANC', '--from', '10.1.2.11'];

function fileOf(change: Partial<Instance> = {}): string {
  const instance = syntheticInstance('image', SopClass.CTImageStorage, TransferSyntax.ExplicitVrLittleEndian);
  return writePart10(certificates.folder, { ...instance, ...change });
}

function notesOf({ printed }: Run) {
  return printed.match(/(?<=^note\s+)\S.*/gm);
}

describe('aegis explain', () => {
  it.each([
    ['MR1', 0, 'mode        observe, without an end'],
    ['MR2', 0, 'mode        observe until 2999-12-31, the end of that day in UTC'],
    ['MR3', 1, 'mode    enforce: observe mode ended with 2020-06-30T12:00+02:00'],
  ])('says whether the entry of %s is observed, and how long', async (calling, exitCode, mode) => {
    const peer = ['--calling', calling, '--called', 'ORTHANC', '--from', '10.1.2.50'];
    const run = await explain(...peer, '--command', 'c-store');
    expect(run.exitCode).toBe(exitCode);
    expect(run.printed).toContain(`\n${mode}\n`);
    const { printed } = await explain(...peer, '--json');
    expect(JSON.parse(printed)).toMatchObject({ mode: exitCode === 0 ? 'observe' : 'enforce' });
  });

  it('allowed: exit code 0, every gate, the entry, and what was assumed', async () => {
    const run = await explain(
      ...ct1,
      '--certificate',
      certificates.client.certificateFile,
      '--command',
      'c-store',
    );
    expect(run.exitCode).toBe(0);
    expect(run.printed).toMatch(/^"CT1" at 10\.1\.2\.10 calls "ORTHANC" on listener "tls": allowed\n/);
    expect(run.printed).toMatch(/^certificate +TLS +passed +CN=ct1, valid to \d{4}-\d\d-\d\d$/m);
    expect(run.printed).toMatch(/^command +C-STORE CTImageStorage +passed +modalities\.ct1 allows it$/m);
    expect(run.printed).toMatch(/^entry +"ct1" of .*aegis\.jsonc$/m);
    expect(run.printed).toMatch(/^answer +the response of upstream ORTHANC, byte for byte$/m);
    expect(notesOf(run)).toEqual([
      'listener "tls" is assumed; "tls2" would fit too; --listener names another',
      'SOP class CTImageStorage is assumed for C-STORE; --sop-class names another',
    ]);
  });

  it('denied: exit code 1, the reason and the exact answer', async () => {
    const run = await explain('--calling', 'CT9', '--called', 'ORTHANC', '--from', '10.1.2.10');
    expect(run.exitCode).toBe(1);
    expect(run.printed).toMatch(/: denied\n/);
    expect(run.printed).toMatch(
      /^reason +calling-ae-title-unknown: the calling AE title is in no modality entry$/m,
    );
    expect(run.printed).toMatch(/^answer +A-ASSOCIATE-RJ result 1, source 1, reason 3$/m);
    expect(run.printed).toMatch(/^entry +none$/m);
  });

  it('an archive that calls a modality comes to egress, said or not', async () => {
    const archive = ['--calling', 'ORTHANC', '--called', 'WS1', '--from', '127.0.0.1', '--command', 'c-echo'];
    const run = await explain(...archive);
    expect(run.exitCode).toBe(0);
    expect(run.printed).toMatch(/^"ORTHANC" at 127\.0\.0\.1 calls "WS1" on listener "egress": allowed\n/);
    expect(run.printed).toMatch(/^association +called AE title +passed +"WS1" is .*at 10\.1\.2\.40:104/m);
    expect(notesOf(run)?.[0]).toBe('an archive is calling, so egress is assumed; --listener names another');
    const said = await explain(...archive, '--listener', 'egress', '--json');
    expect(JSON.parse(said.printed)).toMatchObject({ allowed: true, modality: 'ws1', listener: 'egress' });
    expect((await explain(...archive, '--listener', 'tls')).exitCode).toBe(1);
  });

  it('asks for the certificate that the entry names', async () => {
    const run = await explain(...ct1, '--listener', 'tls');
    expect(run.exitCode).toBe(1);
    expect(run.printed).toMatch(/failed +a certificate is needed, one of those of modalities\.ct1: cn:ct1$/m);
    expect(notesOf(run)).toEqual(['--certificate gives the certificate that the peer shows']);
  });

  it('says that the certificate is revoked', async () => {
    const run = await explain(...ct1, '--certificate', certificates.revokedClient.certificateFile);
    expect(run.exitCode).toBe(1);
    expect(run.printed).toMatch(/^reason +certificate-revoked: /m);
  });

  it('says what TLS would refuse', async () => {
    const { clientOfOtherCa } = certificates;
    const run = await explain(...ct1, '--certificate', clientOfOtherCa.certificateFile);
    expect(run.printed).toMatch(/^reason +certificate-untrusted: /m);
    expect(run.printed).toMatch(/^answer +.*the connection is closed/m);
  });

  it('takes the listener that the entry at this address may use', async () => {
    expect((await explain(...us1)).printed).toMatch(
      /^"US1" at 10\.1\.2\.30 calls "ORTHANC" on listener "plain": allowed/,
    );
    const atOther = await explain('--calling', 'US1', '--called', 'ORTHANC', '--from', '10.1.2.31');
    expect(atOther.printed).toMatch(/on listener "tls": allowed/);
    const foreignListener = await explain(...us1, '--listener', 'tls');
    expect(foreignListener.printed).toMatch(/^reason +listener-not-allowed: /m);
  });

  it('says that a plain listener sees no certificate', async () => {
    const run = await explain(...us1, '--certificate', certificates.client.certificateFile);
    expect(run.exitCode).toBe(0);
    expect(notesOf(run)).toContain('the certificate is not looked at: listener "plain" asks for none');
  });

  it('distinguishes worklist and query by the SOP class', async () => {
    const find = await explain(...us1, '--command', 'C-FIND');
    expect(find.printed).toMatch(/^answer +C-FIND-RSP status 0x0124; the association stays$/m);
    const worklist = await explain(
      ...us1,
      '--command',
      'c-find',
      '--sop-class',
      'ModalityWorklistInformationModelFind',
    );
    expect(worklist.exitCode).toBe(0);
  });

  it('tries several commands and move destinations', async () => {
    const shown = ['--certificate', certificates.client.certificateFile];
    const run = await explain(...ct1, ...shown, '--command', 'c-echo', 'c-get', '--command', 'c-move');
    expect(run.exitCode).toBe(1);
    expect(
      run.printed.match(/^command .*?(passed|failed)/gm)?.map((line) => line.split(/\s{2,}/).slice(1, 3)),
    ).toEqual([
      ['C-ECHO Verification', 'passed'],
      ['C-GET StudyRootQueryRetrieveInformationModelGet', 'failed'],
      ['C-MOVE StudyRootQueryRetrieveInformationModelMove to "CT1"', 'passed'],
    ]);
    const elsewhere = await explain(...ct1, ...shown, '--command', 'c-move', '--move-destination', 'WS9');
    expect(elsewhere.printed).toMatch(/^answer +C-MOVE-RSP status 0xA801; the association stays$/m);
  });

  it('gives the same facts as JSON', async () => {
    const run = await explain(...us1, '--json', '--command', 'c-store');
    expect(run.exitCode).toBe(1);
    expect(JSON.parse(run.printed)).toMatchObject({
      allowed: false,
      reason: 'command-not-allowed',
      gate: 'command',
      modality: 'us1',
      upstream: 'ORTHANC',
      listener: 'plain',
      wireAnswer: 'C-STORE-RSP status 0x0124; the association stays',
      checks: expect.arrayContaining([
        { gate: 'association', check: 'protocol version', outcome: 'passed', detail: 'version 1' },
      ]),
    });
  });

  it('cannot be made to move the cursor by what it is asked about', async () => {
    const { printed } = await explain('--calling', '\x1b[2J', '--called', '\x07', '--from', '10.1.2.10');
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
    expect(printed).not.toMatch(/[\x00-\x09\x0b-\x1f]/);
  });

  it.each<[string, string[], RegExp]>([
    [
      'a host name',
      ['--calling', 'CT1', '--called', 'X', '--from', 'ct1.example'],
      /--from "ct1\.example" is not an IP address/,
    ],
    [
      'an unknown listener',
      [...ct1, '--listener', 'dmz'],
      /--listener "dmz" is not a listener; accepted is "tls"/,
    ],
    [
      'an unknown command',
      [...ct1, '--command', 'c-cancel'],
      /--command "c-cancel" is not a DIMSE request; accepted are/,
    ],
    [
      'a command without its "c-"',
      [...ct1, '--command', 'store'],
      /is not a DIMSE request; did you mean c-store\?$/,
    ],
    ['half a command', [...ct1, '--command', 'get'], /did you mean c-get\?$/],
    ['a misspelt command', [...ct1, '--command', 'n-acton'], /did you mean n-action\?$/],
    [
      'an unknown class',
      [...ct1, '--command', 'c-store', '--sop-class', 'CTImage'],
      /did you mean "CTImageStorage"\?/,
    ],
    ['a class without a command', [...ct1, '--sop-class', 'CTImageStorage'], /--sop-class needs a command/],
    [
      'a destination without a move',
      [...ct1, '--move-destination', 'WS1'],
      /--move-destination needs the command c-move/,
    ],
    ['a missing file', [...ct1, '--certificate', '/nowhere/ct1.crt'], /\/nowhere\/ct1\.crt does not exist/],
  ])('refuses %s with exit code 2', async (_what, options, message) => {
    await expect(explain(...options)).rejects.toMatchObject({
      name: 'OperatorError',
      exitCode: 2,
      message: expect.stringMatching(message),
    });
  });

  it('needs the caller, its address, and what it calls', async () => {
    await expect(explain('--calling', 'CT1', '--called', 'ORTHANC')).rejects.toThrow(/--from/);
  });
});

describe('aegis explain --file', () => {
  const rows = async (...options: string[]) => {
    const { exitCode, printed } = await explain('--json', ...options);
    const { checks, wireAnswer } = JSON.parse(printed);
    const ofData = checks.filter(({ check }: { check: string }) => check.startsWith('data set'));
    return { exitCode, wireAnswer, steps: ofData.map(({ outcome, detail }: never) => [outcome, detail]) };
  };

  it('says by which rule an image passes, and shows none of its values', async () => {
    const image = fileOf();
    expect(await rows(...ct2, '--file', image)).toEqual({
      exitCode: 0,
      wireAnswer: 'the response of upstream ORTHANC, byte for byte',
      steps: [
        ['passed', 'as the command says'],
        [
          'passed',
          'storeRules[0] "no reports" does not match: Modality (0008,0060); storeRules[1] allows it: PatientID (0010,0020)',
        ],
      ],
    });
    const { printed } = await explain(...ct2, '--file', image);
    expect(printed).not.toContain(PATIENT_CANARY);
    expect(notesOf({ exitCode: 0, printed })).toContain(
      'the file is taken as it is, in ExplicitVRLittleEndian; senders may convert it',
    );
  });

  it('says why one is refused, and how', async () => {
    const [one, other] = ['one', 'other'].map((name) =>
      syntheticInstance(name, SopClass.CTImageStorage, TransferSyntax.ExplicitVrLittleEndian),
    );
    expect(await rows(...ct2, '--file', fileOf({ ...one, dataSet: other!.dataSet }))).toMatchObject({
      exitCode: 1,
      wireAnswer: 'C-STORE-RSP status 0xA900; the association stays',
      steps: [
        ['failed', expect.stringMatching(/^SOP Instance UID \(0008,0018\)/)],
        ['not-reached', ''],
      ],
    });
    const text = one!.dataSet.toString('latin1').replace(`${PATIENT_CANARY}-1`, 'X'.repeat(15));
    const renamed = { ...one, dataSet: Buffer.from(text, 'latin1') };
    expect(await rows(...ct2, '--file', fileOf(renamed))).toMatchObject({
      exitCode: 1,
      wireAnswer: 'C-STORE-RSP status 0x0124; the association stays',
      steps: [
        ['passed', 'as the command says'],
        ['failed', expect.stringMatching(/the last one, storeRules\[1\], allows others: PatientID/)],
      ],
    });
  });

  it('does not reach the data set where the command is refused', async () => {
    expect(await rows(...us1, '--file', fileOf())).toMatchObject({
      exitCode: 1,
      steps: [['not-reached', '']],
    });
  });

  it('refuses what is not a DICOM file, and options that contradict it', async () => {
    await expect(explain(...ct2, '--file', file)).rejects.toThrow(
      /is not a DICOM file of PS3.10: it has no "DICM"/,
    );
    await expect(explain(...ct2, '--file', join(certificates.folder, 'none.dcm'))).rejects.toThrow(
      /none\.dcm/,
    );
    await expect(explain(...ct2, '--file', fileOf(), '--command', 'c-store')).rejects.toThrow(
      '--file is a C-STORE with the SOP class of the file',
    );
    for (const bytes of [
      Buffer.concat([Buffer.alloc(128), Buffer.from('DICM')]),
      Buffer.concat([Buffer.alloc(128), Buffer.from('DICM'), Buffer.alloc(40, 0xff)]),
    ]) {
      const broken = join(certificates.folder, 'broken.dcm');
      writeFileSync(broken, bytes);
      await expect(explain(...ct2, '--file', broken)).rejects.toThrow('is not a DICOM file');
    }
  });
});
