import { chownSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import type { PendingCaller } from '../../../../src/admin/pendingCaller';
import { writePendingFile } from '../../../../src/admin/pendingFile';
import { openPendingSource, pendingCaller, shortIds } from '../../../../src/commands/modality/pendingSource';
import { temporaryFolder } from '../../../support/processes';

const caller: PendingCaller = {
  id: '0123456789ab',
  callingAeTitle: 'CT9',
  calledAeTitle: 'ORTHANC',
  sourceAddress: '10.1.2.9',
  listener: 'plain',
  isTls: false,
  proposedSopClasses: [],
  commands: [],
  reason: 'calling-ae-title-unknown',
  firstSeen: '2026-01-01T00:00:00.000Z',
  lastSeen: '2026-01-01T00:00:00.000Z',
  count: 1,
};
const later: PendingCaller = { ...caller, id: 'ba9876543210', lastSeen: '2026-01-02T00:00:00.000Z' };

describe('a pending caller by its ID', () => {
  it('is the one that has it', () => {
    expect(pendingCaller([later, caller], caller.id)).toBe(caller);
  });

  it('is not found if two look alike', () => {
    expect(() => pendingCaller([caller, { ...later, id: caller.id }], caller.id)).toThrow(
      '0123456789ab stands for several pending callers; add the entry by hand',
    );
  });

  it('is found by the beginning of its ID, in any case, if it is the only one', () => {
    expect(pendingCaller([later, caller], '0123')).toBe(caller);
    expect(pendingCaller([later, caller], 'BA98')).toBe(later);
  });

  it('is not found by the beginning that several share: they are named', () => {
    const near = { ...later, id: '0123ffffffff', callingAeTitle: 'A\nB' };
    expect(() => pendingCaller([caller, near], '0123')).toThrow(
      [
        '"0123" is the beginning of 2 IDs; give more digits:',
        '  0123456789ab  CT9@10.1.2.9 to ORTHANC',
        '  0123ffffffff  A\\u{a}B@10.1.2.9 to ORTHANC',
      ].join('\n'),
    );
  });

  it('is not found by what is too short, or no ID of the list', () => {
    expect(() => pendingCaller([caller], '012')).toThrow(
      '"012" needs 4 digits or more; did you mean 0123456789ab?',
    );
    expect(() => pendingCaller([caller], '0123456789ac')).toThrow(
      '"0123456789ac" is not a pending caller; did you mean 0123456789ab?',
    );
    expect(() => pendingCaller([], '0123')).toThrow('"aegis modality pending" lists them');
  });

  it('has a short ID: as many digits as tell it from the others, and 4 at least', () => {
    const near = { ...later, id: '012345ffffff' };
    expect([...shortIds([later, caller, near])]).toEqual([
      ['0123456789ab', '0123456'],
      ['012345ffffff', '012345f'],
      ['ba9876543210', 'ba98'],
    ]);
  });
});

describe('the file of a gateway that does not run', () => {
  function configurationIn(folder: string): string {
    const file = join(folder, 'aegis.jsonc');
    const configuration = {
      listeners: [{ name: 'plain', port: 11_112 }],
      upstreams: { ORTHANC: { servers: ['127.0.0.1:4242'] } },
      modalities: {},
      unknownAddresses: 'reject',
      pending: { file: 'pending.json' },
    };
    writeFileSync(file, JSON.stringify(configuration));
    return file;
  }

  it('lists who was seen last first, and forgets who is taken off', async () => {
    const folder = temporaryFolder();
    const file = join(folder, 'pending.json');
    await writePendingFile(file, [caller, later]);
    const source = await openPendingSource(configurationIn(folder));
    expect(source.callers).toEqual([later, caller]);
    expect(source.gateway).toBeUndefined();
    await source.remove(later.id);
    expect(JSON.parse(readFileSync(file, 'utf8'))).toEqual({ version: 1, callers: [caller] });
    expect(statSync(file).mode & 0o777).toBe(0o600);
  });

  it('is empty where there is none yet', async () => {
    expect((await openPendingSource(configurationIn(temporaryFolder()))).callers).toEqual([]);
  });

  it('is left alone where it is damaged', async () => {
    const folder = temporaryFolder();
    writeFileSync(join(folder, 'pending.json'), 'no JSON');
    await expect(openPendingSource(configurationIn(folder))).rejects.toMatchObject({
      exitCode: 1,
      message: `pending.file ${join(folder, 'pending.json')} cannot be used: it is not JSON`,
    });
    expect(readFileSync(join(folder, 'pending.json'), 'utf8')).toBe('no JSON');
  });

  if (process.getuid?.() === 0) {
    it('stays the gateway’s when root takes somebody off', async () => {
      const folder = temporaryFolder();
      const file = join(folder, 'pending.json');
      await writePendingFile(file, [caller]);
      chownSync(file, 4711, 4712);
      await (await openPendingSource(configurationIn(folder))).remove(caller.id);
      expect(statSync(file)).toMatchObject({ uid: 4711, gid: 4712 });
    });
  }
});
