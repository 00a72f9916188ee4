import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from '@jest/globals';
import { registerInventory } from '../../../../src/commands/inventory/inventory';
import type { InventoryReport, SideReport } from '../../../../src/inventory/report';
import { showOn } from '../../../../src/text/display';
import { runCommand } from '../../../support/commandLine';
import { plainConfiguration } from '../../../support/gateway';
import { temporaryFolder } from '../../../support/processes';

const [firstSeen, lastSeen] = ['2026-11-01T10:00:00.000Z', '2026-11-30T17:20:30.000Z'];

function seen(value: string, count = 1) {
  return { value, firstSeen, lastSeen, count };
}

const side: SideReport = {
  firstSeen,
  lastSeen,
  associations: 12,
  commands: 1207,
  bytes: 4_200_000_000,
  implementations: [
    seen('SYNGO_CT_VB20A (1.3.12.2.1107.5.1.4.83551)', 12),
    seen('SYNGO_CT_VB10A (1.3.12.2.1107.5.1.4.83551)', 2),
  ],
  tls: [seen('TLSv1.3', 12)],
  ciphers: [seen('TLS_AES_256_GCM_SHA384', 12)],
  groups: [],
  certificates: [
    {
      ...seen(`spki-sha256:${'AB:'.repeat(31)}AB`, 12),
      certificate: {
        subject: 'CN=ct1.radiology.example',
        issuer: 'CN=CA',
        notAfter: '2027-11-30T10:00:00.000Z',
      },
    },
  ],
  addresses: [seen('10.1.2.10', 11), seen('10.1.2.11', 1)],
  listeners: [seen('tls', 12)],
  callingAeTitles: [seen('=CT1', 12)],
  calledAeTitles: [seen('ORTHANC', 12)],
  operations: [seen('C-STORE CTImageStorage', 1200), seen('C-STORE EnhancedSRStorage', 4), seen('C-ECHO', 3)],
  transferSyntaxes: [seen('JPEGLosslessSV1', 1204)],
};

const report: InventoryReport = {
  version: 1,
  time: '2026-11-30T17:30:00.000Z',
  modalities: [
    {
      modality: 'ct1',
      expectEvery: '1d',
      silentSince: '2026-11-30T17:25:00.000Z',
      lastDenied: {
        time: lastSeen,
        outcome: 'denied',
        event: 'command.refused',
        reason: 'command-not-allowed',
        command: 'C-FIND',
        sourceAddress: '10.1.2.10',
      },
      ingress: side,
      egress: { ...side, operations: [seen('C-ECHO Verification', 7)] },
    },
    { modality: 'ws1', egress: { ...side, tls: [seen('plain')] } },
    { modality: 'mr1' },
    { modality: 'gone', removedAt: lastSeen, ingress: { ...side, implementations: [seen('A\u001b[31mB')] } },
  ],
};

function configure(kept: InventoryReport | string | undefined = report) {
  const folder = temporaryFolder();
  const file = join(folder, 'aegis.jsonc');
  const stateDirectory = join(folder, 'state');
  writeFileSync(file, JSON.stringify(plainConfiguration(4242, {}, { stateDirectory })));
  if (kept !== undefined) {
    mkdirSync(stateDirectory);
    writeFileSync(
      join(stateDirectory, 'inventory.json'),
      typeof kept === 'string' ? kept : JSON.stringify(kept),
    );
  }
  return (...words: string[]) => runCommand(registerInventory, ['--config', file, ...words]);
}

describe('aegis inventory', () => {
  afterEach(() => showOn({ columns: Number.POSITIVE_INFINITY }, {}));

  it('is a table of 80 columns', async () => {
    showOn({ columns: 80 }, {});
    const { printed, printedErrors, exitCode } = await configure()('inventory');
    expect(printed.split('\n')).toEqual([
      'NAME            LAST SEEN    FROM          DEVICE          TLS    DOES',
      'ct1             11-30 17:20  10.1.2.10 +1  SYNGO_CT_VB20A  1.3    C-STORE,',
      '                                                                  C-ECHO; gets',
      '                                                                  C-ECHO',
      'ws1             11-30 17:20  10.1.2.10 +1  SYNGO_CT_VB20A  plain  gets C-STORE,',
      '                                                                  C-ECHO',
      'mr1             never        -             -               -      -',
      'gone (removed)  11-30 17:20  10.1.2.10 +1  A\\u{1b}[31mB    1.3    C-STORE,',
      '                                                                  C-ECHO',
      'SILENT: ct1, expected every 1d; last seen 2026-11-30 17:20:30',
      '',
    ]);
    expect(Math.max(...printed.split('\n').map(({ length }) => length))).toBeLessThanOrEqual(80);
    expect(printed).not.toContain('\u001b');
    expect(printedErrors).toBe('note: admin is not configured; this was kept at 2026-11-30 17:30:00\n');
    expect(exitCode).toBe(0);
  });

  it('shows one modality with everything that is known of it', async () => {
    showOn({ columns: 80 }, {});
    const { printed } = await configure()('inventory', 'ct1');
    expect(Math.max(...printed.split('\n').map(({ length }) => length))).toBeLessThanOrEqual(80);
    for (const words of [
      'expected every 1d',
      'SILENT: reported at 2026-11-30 17:25:00',
      'last refused 2026-11-30 17:20:30 from 10.1.2.10: C-FIND command-not-allowed',
      'WHAT IT ASKS',
      '12 associations, 1207 commands, 4.2 GB',
      'SYNGO_CT_VB10A',
      'CN=ct1.radiology.example',
      'JPEGLosslessSV1',
      'WHEN THE ARCHIVE REACHES IT',
    ]) {
      expect(printed).toContain(words);
    }
  });

  it('is JSON as the gateway keeps it, whole or of one', async () => {
    const run = configure();
    expect(JSON.parse((await run('--json', 'inventory')).printed)).toEqual(report);
    expect(JSON.parse((await run('--json', 'inventory', 'mr1')).printed)).toEqual({ modality: 'mr1' });
  });

  it('is a spreadsheet with a row for each modality, and runs no formula', async () => {
    const { printed } = await configure()('inventory', '--csv');
    const [header, ct1, ...others] = printed.trimEnd().split('\r\n');
    expect(header).toMatch(/^modality,removedAt,expectEvery,silentSince,firstSeen,lastSeen,/);
    expect(ct1).toContain('C-STORE CTImageStorage 1200; C-STORE EnhancedSRStorage 4; C-ECHO 3');
    expect(ct1).toContain(",'=CT1,");
    expect(others).toHaveLength(3);
  });

  it('names what was probably meant, and what does not fit together', async () => {
    const run = configure();
    await expect(run('inventory', 'ct2')).rejects.toMatchObject({
      message: '"ct2" is not in the inventory; did you mean "ct1"?',
      exitCode: 2,
    });
    await expect(run('inventory', 'ct1', '--csv')).rejects.toThrow('leave out the name and --json');
  });

  it('says that nothing is known yet, or that the file is damaged', async () => {
    await expect(configure('[]')('inventory')).rejects.toMatchObject({
      message: expect.stringMatching(/inventory\.json cannot be used: .* is not what the gateway writes$/),
      exitCode: 1,
    });
    const folder = temporaryFolder();
    const file = join(folder, 'aegis.jsonc');
    writeFileSync(file, JSON.stringify(plainConfiguration(4242)));
    await expect(runCommand(registerInventory, ['--config', file, 'inventory'])).rejects.toMatchObject({
      message: expect.stringMatching(/^admin is not configured, and there is no .*inventory\.json/),
      exitCode: 1,
    });
  });
});
