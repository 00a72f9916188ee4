import { expect, it } from '@jest/globals';
import { changeLockFile } from '../../../src/config/lockFile';
import type { Configuration } from '../../../src/config/schema';
import type { ModalityLock } from '../../../src/policy/locks';
import { ModalityLocks } from '../../../src/service/modalityLocks';
import { temporaryFolder } from '../../support/processes';

it('takes locks of other gateways only as far as the file can hold them, and says so once', async () => {
  const stateDirectory = temporaryFolder();
  const lockOf = (modality: string): ModalityLock => ({
    modality,
    reason: 'lost',
    since: '2026-01-01T00:00:00.000Z',
  });
  const own = Array.from({ length: 999 }, (_value, index) => lockOf(`ct${index}`));
  await changeLockFile(stateDirectory, () => own);
  const said: string[] = [];
  const locks = new ModalityLocks({ stateDirectory, modalities: {} } as Configuration, (text) =>
    said.push(text),
  );
  said.splice(0);
  for (const modality of ['mr', 'us', 'xa', 'ct1']) {
    await locks.takeOver(modality, { ...lockOf(modality), reason: 'stolen' });
  }
  locks.close();
  expect(locks.list).toHaveLength(1000);
  expect(locks.list.filter(({ reason }) => reason === 'stolen').map(({ modality }) => modality)).toEqual([
    'mr',
    'ct1',
  ]);
  expect(said.filter((text) => text.includes('and not here'))).toEqual([
    'warning: modality "us" and others are locked at another gateway and not here: 1000 are locked',
  ]);
});
