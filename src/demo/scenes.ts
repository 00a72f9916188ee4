/**
 * What the demo shows, one scene a row of its table: who sends what, and what has to come of it on the wire, in the
 * audit log and at the archive.
 */
import { createServer, connect as tcpConnect } from 'node:net';
import type { DemoIdentity } from './certificates';
import type { DemoInstance } from './instances';
import { type Caller, type SeenAnswer, sendEcho, sendFind, sendInstance, sendMove } from './modality';
import { ARCHIVE, type DemoSite } from './site';

/** How much of a scene got through to the archive. */
export type Reach = 'nothing' | 'association only' | 'message' | 'stored' | 'stored, but changed';

export interface SceneOutcome {
  readonly wire: string;
  readonly audit: string;
  readonly archive: Reach;
}

export interface Scene {
  readonly sent: string;
  act(): Promise<SeenAnswer>;
  readonly expected: SceneOutcome;
  /** What has to be stored. */
  readonly instance?: DemoInstance;
}

/** Where a platform has it, an address of loopback that is in no entry of the configuration. */
const FOREIGN_ADDRESS = '127.0.0.2';

export async function makeScenes(site: DemoSite, instances: readonly DemoInstance[]): Promise<Scene[]> {
  const { ca, ct1, ws1 } = site.certificates;
  const caller = (callingAeTitle: string, identity: Partial<DemoIdentity>): Caller => {
    return { port: site.port, callingAeTitle, calledAeTitle: ARCHIVE, tls: { ca, ...identity } };
  };
  const modality = caller('CT1', ct1);
  const workstation = caller('WS1', ws1);
  return [
    {
      sent: 'C-ECHO by WS1',
      act: () => sendEcho(workstation),
      expected: allowed('C-ECHO', 'message'),
    },
    ...instances.map((instance) => ({
      sent: `C-STORE by CT1: ${instance.title}, ${formatBytes(instance.dataSet.length)}`,
      act: () => sendInstance(modality, instance),
      expected: allowed('C-STORE', 'stored'),
      instance,
    })),
    {
      sent: 'C-ECHO by INTRUDER, in no entry',
      act: () => sendEcho(caller('INTRUDER', ct1)),
      expected: rejected('calling-ae-title-unknown'),
    },
    {
      sent: 'C-ECHO by MR1, listed for 127.0.0.9 only',
      act: () => sendEcho(caller('MR1', ct1)),
      expected: rejected('source-address-mismatch'),
    },
    {
      sent: 'C-ECHO by WS1 with the certificate of CT1',
      act: () => sendEcho(caller('WS1', ct1)),
      expected: rejected('certificate-mismatch'),
    },
    {
      sent: 'C-FIND by CT1, which may only store',
      act: () => sendFind(modality),
      expected: refused('C-FIND', '0x0124', 'command-not-allowed'),
    },
    {
      sent: 'C-MOVE by WS1 to a foreign destination',
      act: () => sendMove(workstation, 'ELSEWHERE'),
      expected: refused('C-MOVE', '0xA801', 'move-destination-not-allowed'),
    },
    {
      sent: 'TLS by CT1 without a certificate',
      act: () => sendEcho(caller('CT1', {})),
      expected: closed('certificate-missing'),
    },
    {
      sent: 'plain DICOM by CT1 to the TLS port',
      act: () => sendEcho({ port: site.port, callingAeTitle: 'CT1', calledAeTitle: ARCHIVE }),
      expected: closed('plain-on-tls-port'),
    },
    ...((await isOwnAddress(FOREIGN_ADDRESS)) ? [foreignAddressScene(site.port)] : []),
  ];
}

function allowed(command: string, archive: Reach): SceneOutcome {
  return { wire: `${command}-RSP 0x0000`, audit: 'command.completed allowed 0x0000', archive };
}

/** The same three bytes for every cause: the wire does not tell what the allowlist holds. */
function rejected(reason: string): SceneOutcome {
  return { wire: 'A-ASSOCIATE-RJ 1/1/3', audit: `association.rejected ${reason}`, archive: 'nothing' };
}

function refused(command: string, status: string, reason: string): SceneOutcome {
  return {
    wire: `${command}-RSP ${status}`,
    audit: `command.refused ${reason} ${status}`,
    archive: 'association only',
  };
}

function closed(reason: string): SceneOutcome {
  return { wire: 'closed', audit: `connection.refused ${reason}`, archive: 'nothing' };
}

function foreignAddressScene(port: number): Scene {
  return {
    sent: `connection from ${FOREIGN_ADDRESS}, in no entry`,
    act: () => connectFrom(FOREIGN_ADDRESS, port),
    expected: { ...closed('source-address-unknown'), wire: 'closed without a byte' },
  };
}

/** Linux and Windows have all of 127.0.0.0/8, macOS has 127.0.0.1 only. */
function isOwnAddress(address: string): Promise<boolean> {
  const server = createServer();
  return new Promise((resolve) => {
    server.once('error', () => resolve(false));
    server.listen(0, address, () => server.close(() => resolve(true)));
  });
}

function connectFrom(localAddress: string, port: number): Promise<SeenAnswer> {
  const socket = tcpConnect({ host: '127.0.0.1', port, localAddress });
  return new Promise((resolve) => {
    socket.on('error', () => {});
    socket.on('close', () => {
      resolve({ text: socket.bytesRead === 0 ? 'closed without a byte' : 'bytes came' });
    });
    socket.resume();
  });
}

function formatBytes(bytes: number): string {
  if (bytes < 1024) return `${bytes} B`;
  const units = ['KiB', 'MiB'];
  const power = bytes < 1024 ** 2 ? 1 : 2;
  return `${(bytes / 1024 ** power).toFixed(1)} ${units[power - 1]}`;
}
