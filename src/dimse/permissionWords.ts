/** What each permission lets a device do, in words for those who set it up. */
import type { CommandPermission } from '../config/schema';

export const permissionWords: Readonly<Record<CommandPermission, string>> = {
  echo: 'test the connection (C-ECHO)',
  find: 'query patients, studies, series and images (C-FIND)',
  findWorklist: 'query the modality worklist (C-FIND)',
  move: 'have images sent (C-MOVE)',
  get: 'fetch images (C-GET)',
  store: 'store images and other objects (C-STORE)',
  storageCommitment: 'ask whether images are safely stored (storage commitment)',
  mpps: 'report procedure steps (MPPS)',
  ups: 'work with unified procedure steps (UPS)',
};
