/**
 * Memory of the gateway, as a process of its own, while an instance passes that is longer than 31 bits can count,
 * and while a refused one is drained. Sender and archive hash what passes and keep nothing.
 */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { testCertificates } from '../support/certificates';
import { CommandField, messagePdus, numberedRequest, PduType, proposedContext } from '../support/dicomBytes';
import type { ConfigurationInput } from '../support/gateway';
import { startProcess, type TestProcess, temporaryFolder } from '../support/processes';
import { RawScu } from '../support/rawScu';
import { SpyUpstream } from '../support/spyUpstream';
import { SopClass } from '../support/uids';

/** More than 2^31, and divided neither by fragments nor by TLS records. */
const BIG_BYTES = 2 ** 31 + 31_000_002;
const REFUSED_BYTES = 500_000_000;
const MAX_GROWTH_BYTES = 48_000_000;
/** What a collection of garbage, or none, makes of two samples of the same state. */
const FLAT_WITHIN_BYTES = 8_000_000;
const SAMPLE_MS = 20;
const MAX_PDU_LENGTH = 131_072;
const PDU_HEADER_BYTES = 6;
const PDV_HEADER_BYTES = 6;

const root = resolve(__dirname, '../..');
const commandLine = join(root, 'dist/cli.js');

const canMeasure = existsSync('/proc/self/status');
const measured = canMeasure ? 'within 48 MB' : 'but memory is not measured, for want of /proc';

const { ca, server, client } = testCertificates();

interface Gateway {
  readonly child: TestProcess;
  readonly port: number;
}

async function startGateway(archivePort: number): Promise<Gateway> {
  const tls = {
    certificate: server.certificateFile,
    privateKey: server.privateKeyFile,
    trustedCertificates: ca.certificateFile,
  };
  const configuration: ConfigurationInput = {
    listeners: [{ name: 'tls', host: '127.0.0.1', port: 0, tls }],
    upstreams: { ARCHIVE: { servers: [`127.0.0.1:${archivePort}`] } },
    modalities: {
      ct1: {
        callingAeTitle: 'CT1',
        from: '127.0.0.1',
        allow: 'store',
        storeSopClasses: 'CTImageStorage',
        dataSets: 'off',
      },
    },
  };
  const file = join(temporaryFolder(), 'aegis.jsonc');
  writeFileSync(file, JSON.stringify(configuration));
  const child = startProcess(process.execPath, [commandLine, '--config', file, 'start']);
  const [, port] = await child.waitForOutput(/listening on 127\.0\.0\.1:(\d+)/);
  return { child, port: Number(port) };
}

/** Resident memory of a process while something runs. */
class MemoryWatch {
  readonly #samples: number[] = [];
  readonly #timer = setInterval(() => this.#sample(), SAMPLE_MS).unref();

  readonly #pid: number;

  constructor(pid: number) {
    this.#pid = pid;
    this.#sample();
  }

  /** Says nothing where memory cannot be measured. */
  expectFlat(): void {
    clearInterval(this.#timer);
    if (!canMeasure) return;
    const highest = (samples: readonly number[]) => Math.max(...samples);
    expect(highest(this.#samples) - this.#samples[0]!).toBeLessThan(MAX_GROWTH_BYTES);
    const quarter = Math.floor(this.#samples.length / 4);
    const growthOverTime =
      highest(this.#samples.slice(-quarter)) - highest(this.#samples.slice(quarter, -quarter));
    expect(growthOverTime).toBeLessThan(FLAT_WITHIN_BYTES);
  }

  #sample(): void {
    if (!canMeasure) return;
    const status = readFileSync(`/proc/${this.#pid}/status`, 'latin1');
    this.#samples.push(Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)![1]) * 1024);
  }
}

const contexts = [proposedContext(1, SopClass.CTImageStorage), proposedContext(3, SopClass.MRImageStorage)];

/** A C-STORE whose data set is made on the way, as fast as it is taken; the response, and what was sent. */
async function store(gateway: Gateway, contextId: 1 | 3, dataSetBytes: number) {
  const tls = { ca: ca.cert, cert: client.cert, key: client.key };
  const scu = await RawScu.connect({ port: gateway.port, tls });
  expect((await scu.associate({ calling: 'CT1', called: 'ARCHIVE', contexts })).kind).toBe('accepted');
  const command = {
    CommandField: CommandField.CStoreRq,
    AffectedSOPClassUID: contexts.find(({ id }) => id === contextId)?.abstractSyntax,
    AffectedSOPInstanceUID: '1.2.3',
    Priority: 0,
  };
  await scu.send(...messagePdus(contextId, numberedRequest(1, command, true)));
  const sha256 = await sendDataSet(scu, contextId, dataSetBytes);
  const [response] = await scu.readResponses(1);
  await scu.release();
  return { status: response?.command.Status, sha256 };
}

async function sendDataSet({ socket }: RawScu, contextId: number, dataSetBytes: number): Promise<string> {
  const hash = createHash('sha256');
  const fragmentBytes = MAX_PDU_LENGTH - PDV_HEADER_BYTES;
  const pattern = Buffer.alloc(fragmentBytes, 'neither all the same nor worth compressing ');
  for (let offset = 0; offset < dataSetBytes; offset += fragmentBytes) {
    const length = Math.min(fragmentBytes, dataSetBytes - offset);
    const isLast = offset + length === dataSetBytes;
    const pdu = Buffer.allocUnsafe(PDU_HEADER_BYTES + PDV_HEADER_BYTES + length);
    pdu.set([PduType.PDataTf, 0], 0);
    pdu.writeUInt32BE(PDV_HEADER_BYTES + length, 2);
    pdu.writeUInt32BE(2 + length, 6);
    pdu.set([contextId, isLast ? 0b10 : 0b00], 10);
    const fragment = pdu.subarray(PDU_HEADER_BYTES + PDV_HEADER_BYTES);
    pattern.copy(fragment);
    // No fragment is like another: a lost, doubled or exchanged one changes the hash.
    fragment.writeDoubleLE(offset);
    hash.update(fragment);
    if (!socket.write(pdu)) await once(socket, 'drain');
  }
  return hash.digest('hex');
}

describe('an instance that no memory should hold', () => {
  let spy: SpyUpstream;
  let gateway: Gateway;
  beforeAll(() => {
    if (!existsSync(commandLine)) execFileSync('npm', ['run', 'build'], { cwd: root });
  }, 60_000);
  beforeEach(async () => {
    spy = await SpyUpstream.start({ keepsBytes: false, maxPduLength: MAX_PDU_LENGTH });
    gateway = await startGateway(spy.port);
  });

  it(`of 500 MB is drained when it is refused, ${measured}`, async () => {
    const memory = new MemoryWatch(gateway.child.pid!);
    expect(await store(gateway, 3, REFUSED_BYTES)).toMatchObject({ status: 0x0122 });
    memory.expectFlat();
    const types = spy.connections.flatMap(({ pduTypes }) => pduTypes);
    expect(types).toEqual([PduType.AssociateRq, PduType.ReleaseRq]);
  });

  it(`of 2 GB passes unchanged, ${measured}`, async () => {
    const memory = new MemoryWatch(gateway.child.pid!);
    const { status, sha256 } = await store(gateway, 1, BIG_BYTES);
    memory.expectFlat();
    expect(status).toBe(0x0000);
    expect(spy.requests).toMatchObject([{ sha256, dataSetBytes: BIG_BYTES }]);
  }, 60_000);
});
