/**
 * Many associations at once, plain and TLS, each with bytes of its own, cut at random places, between peers that read
 * slowly or go away in the middle: what arrives is what was sent, and the end of every association that was accepted
 * is reported.
 */
import { expect, it } from '@jest/globals';
import { Random } from '../fuzz/random';
import { testCertificates } from '../support/certificates';
import {
  CommandField,
  type CommandSet,
  commandSet,
  numberedRequest,
  PduType,
  pdu,
  pdv,
  proposedContext,
} from '../support/dicomBytes';
import { sha256 } from '../support/dicomReading';
import { TestGateway } from '../support/gateway';
import { RawScu } from '../support/rawScu';
import { type SpyConnection, SpyUpstream } from '../support/spyUpstream';
import { SopClass } from '../support/uids';

const PEERS = 20;
const ASSOCIATIONS_EACH = 12;
/** Around the boundaries of PDUs, TLS records and the gateway's own buffers. */
const SIZES = [2, 100, 4090, 16_372, 16_384, 65_536, 131_066, 131_072, 262_144, 700_000];
const CONTEXT = { echo: 1, store: 3, find: 5, get: 7, move: 9 } as const;
const contexts = [
  proposedContext(CONTEXT.echo, SopClass.Verification),
  proposedContext(CONTEXT.store, SopClass.CTImageStorage),
  proposedContext(CONTEXT.find, SopClass.StudyRootFind),
  proposedContext(CONTEXT.get, SopClass.StudyRootGet),
  proposedContext(CONTEXT.move, SopClass.StudyRootMove),
];

class Crowd {
  readonly #random: Random;
  readonly #noise: Buffer;
  /** Of each instance that was sent, either way. */
  readonly #sha256ByUid = new Map<string, string>();
  readonly faults: string[] = [];
  /** Whole messages that came through, by what they were. */
  readonly counts = { stored: 0, retrieved: 0, refused: 0, left: 0 };

  constructor(seed: number) {
    this.#random = new Random(seed);
    this.#noise = this.#random.bytes(1 << 20);
  }

  // The archive.

  connected(connection: SpyConnection): void {
    if (this.#random.below(3) > 0) return;
    const timer = setInterval(() => {
      connection.stopReading();
      setTimeout(() => connection.resumeReading(), this.#random.below(20));
    }, 30);
    connection.socket.once('close', () => clearInterval(timer));
  }

  async requested(connection: SpyConnection, request: SpyConnection['requests'][number]): Promise<void> {
    if (request.command.CommandField === CommandField.CStoreRq) {
      this.#arrived(request.command, request.sha256);
    } else if (request.command.CommandField === CommandField.CFindRq) {
      for (let count = this.#random.below(100); count > 0; count -= 1) {
        connection.respond(request, { Status: 0xff00 }, this.#bytes(200));
      }
    } else if (request.command.CommandField === CommandField.CGetRq) {
      for (let count = 1 + this.#random.below(4); count > 0; count -= 1) {
        const { command, dataSet } = this.#instance();
        await connection.request(CONTEXT.store, command, dataSet);
      }
    }
    connection.respond(request);
  }

  // The modalities.

  async visit(connect: () => Promise<RawScu>): Promise<void> {
    const scu = await connect();
    const answer = await scu.associate({
      calling: 'CT1',
      called: 'ARCHIVE',
      contexts,
      maxPduLength: this.#random.pick([0, 1024, 16_384, 16_385, 131_072]),
    });
    if (answer.kind !== 'accepted') {
      this.faults.push(`an association was ${answer.kind}`);
      return;
    }
    for (let count = 1 + this.#random.below(5); count > 0; count -= 1) {
      if (!(await this.#converse(scu, answer.ac.maxPduLength ?? 0))) {
        this.counts.left += 1;
        return;
      }
    }
    await scu.release();
  }

  /** One operation; false where the modality has left in the middle of it. */
  async #converse(scu: RawScu, maxPduLength: number): Promise<boolean> {
    const what = this.#random.below(10);
    if (what < 5) return await this.#store(scu, maxPduLength);
    if (what === 5) await scu.find(CONTEXT.find, SopClass.StudyRootFind, this.#bytes(60));
    else if (what === 6) await this.#get(scu);
    else if (what === 7) await this.#move(scu);
    else await scu.echo(CONTEXT.echo);
    return true;
  }

  async #store(scu: RawScu, maxPduLength: number): Promise<boolean> {
    const { command, dataSet } = this.#instance();
    const messageId = 1 + this.#random.below(0xffff);
    const bytes = this.#scattered(numberedRequest(messageId, command, true), dataSet, maxPduLength);
    if (this.#random.below(16) === 0) {
      await scu.send(bytes.subarray(0, this.#random.below(bytes.length)));
      scu.socket.destroy();
      return false;
    }
    for (let at = 0; at < bytes.length; ) {
      const end = at + 1 + this.#random.below(this.#random.pick([50, 20_000, 400_000]));
      await scu.send(bytes.subarray(at, end));
      at = end;
    }
    this.#succeeds(await scu.readResponses(messageId), 0);
    this.counts.stored += 1;
    return true;
  }

  async #get(scu: RawScu): Promise<void> {
    const before = scu.peerRequests.length;
    const command = { CommandField: CommandField.CGetRq, AffectedSOPClassUID: SopClass.StudyRootGet };
    this.#succeeds(await scu.request(CONTEXT.get, command, this.#bytes(60)), 0);
    for (const request of scu.peerRequests.slice(before)) {
      this.#arrived(request.command, request.sha256);
      this.counts.retrieved += 1;
    }
  }

  async #move(scu: RawScu): Promise<void> {
    const command = {
      CommandField: CommandField.CMoveRq,
      AffectedSOPClassUID: SopClass.StudyRootMove,
      MoveDestination: 'ELSEWHERE',
    };
    this.#succeeds(await scu.request(CONTEXT.move, command, this.#bytes(100_000)), 0x0124);
    this.counts.refused += 1;
  }

  // Bytes.

  #bytes(length: number): Buffer {
    const at = this.#random.below(this.#noise.length - length);
    return this.#noise.subarray(at, at + length);
  }

  #instance(): { readonly command: CommandSet; readonly dataSet: Buffer } {
    const dataSet = this.#bytes(this.#random.pick(SIZES) + 2 * this.#random.below(4));
    const uid = `1.2.3.${this.#sha256ByUid.size}`;
    this.#sha256ByUid.set(uid, sha256(dataSet));
    const command = {
      CommandField: CommandField.CStoreRq,
      AffectedSOPClassUID: SopClass.CTImageStorage,
      AffectedSOPInstanceUID: uid,
      Priority: 0,
    };
    return { command, dataSet };
  }

  /** Fragments of any even length, one or several to a PDU. */
  #scattered(command: CommandSet, dataSet: Buffer, maxPduLength: number): Buffer {
    const longest = maxPduLength - 6;
    const pdus: Buffer[] = [];
    let pdvs: Buffer[] = [];
    let length = 0;
    const endPdu = () => {
      if (pdvs.length > 0) pdus.push(pdu(PduType.PDataTf, ...pdvs));
      pdvs = [];
      length = 0;
    };
    for (const [isCommand, bytes] of [
      [true, commandSet(command)],
      [false, dataSet],
    ] as const) {
      for (let at = 0; at < bytes.length; ) {
        const wanted = 2 * (1 + this.#random.below(this.#random.pick([100, 8000, longest >> 1])));
        const end = Math.min(bytes.length, at + Math.min(wanted, longest - (longest % 2)));
        const item = pdv({
          contextId: CONTEXT.store,
          isCommand,
          isLast: end === bytes.length,
          fragment: bytes.subarray(at, end),
        });
        if (length + item.length > maxPduLength || this.#random.below(3) === 0) endPdu();
        pdvs.push(item);
        length += item.length;
        at = end;
      }
    }
    endPdu();
    return Buffer.concat(pdus);
  }

  #arrived({ AffectedSOPInstanceUID = '' }: CommandSet, hash: string | undefined): void {
    if (this.#sha256ByUid.get(AffectedSOPInstanceUID) !== hash) {
      this.faults.push(`${AffectedSOPInstanceUID} is not what was sent`);
    }
  }

  #succeeds(responses: readonly { readonly command: CommandSet }[], status: number): void {
    const found = responses.at(-1)?.command.Status;
    if (found !== status) this.faults.push(`status ${found} instead of ${status}`);
  }
}

const seed = Number(process.env.FUZZ_SEED ?? Date.now() % 0x7fffffff);

it(`relays what each of many peers sends, whatever the others do (FUZZ_SEED=${seed})`, async () => {
  const crowd = new Crowd(seed);
  const spy = await SpyUpstream.start({
    keepsBytes: false,
    maxPduLength: 16_384,
    script: {
      onConnect: (connection) => crowd.connected(connection),
      onRequest: (connection, request) => void crowd.requested(connection, request),
    },
  });
  const { server, client, ca } = testCertificates();
  const gateway = await TestGateway.start({
    listeners: [
      { name: 'plain', host: '127.0.0.1', port: 0 },
      {
        name: 'tls',
        host: '127.0.0.1',
        port: 0,
        tls: {
          certificate: server.certificateFile,
          privateKey: server.privateKeyFile,
          trustedCertificates: ca.certificateFile,
        },
      },
    ],
    upstreams: { ARCHIVE: { servers: [`127.0.0.1:${spy.port}`] } },
    modalities: {
      ct1: {
        callingAeTitle: 'CT1',
        from: '127.0.0.1',
        listeners: ['plain', 'tls'],
        allow: ['echo', 'find', 'get', 'store'],
        dataSets: 'off',
      },
    },
  });
  const tls = { ca: ca.cert, cert: client.cert, key: client.key };
  const peer = async (listener: 'plain' | 'tls') => {
    const port = gateway.port(listener);
    const connect = () => RawScu.connect(listener === 'tls' ? { port, tls } : { port });
    for (let count = 0; count < ASSOCIATIONS_EACH; count += 1) await crowd.visit(connect);
  };
  await Promise.all(Array.from({ length: PEERS }, (_, index) => peer(index % 2 === 0 ? 'plain' : 'tls')));
  await gateway.untilIdle();

  expect(crowd.faults).toEqual([]);
  const countOf = (wanted: RegExp) => gateway.events.filter(({ event }) => wanted.test(event)).length;
  expect(countOf(/^association\.accepted$/)).toBe(PEERS * ASSOCIATIONS_EACH);
  expect(countOf(/^association\.(released|aborted)$/)).toBe(PEERS * ASSOCIATIONS_EACH);
  expect(gateway.places.taken).toBe(0);
  expect(Object.entries(crowd.counts).filter(([, count]) => count === 0)).toEqual([]);
});
