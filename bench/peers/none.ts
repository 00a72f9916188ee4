/**
 * Nothing in front: plain TCP straight to the archive, what sites without TLS have.
 */
import type { Peer } from './peer';

export const none: Peer = {
  name: 'none',
  title: 'nothing (plain TCP)',
  version: async () => '',
  start: async (_cleanUp, { archive }) => ({ port: archive.port, isTls: false, archive }),
};
