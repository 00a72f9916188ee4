/**
 * All that the soak runs: two archives, a workstation, the gateway between them with its certificates and its disk, and the
 * configuration that joins them. Owns how they are started; breaks none of them.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Random } from '../fuzz/random';
import { type TestCertificates, testCertificates } from '../support/certificates';
import type { ConfigurationInput } from '../support/gateway';
import { Orthanc } from '../support/orthanc';
import { freePort, temporaryFolder } from '../support/processes';
import { storeInstance } from '../support/rawScu';
import { canMount, SmallDisk } from '../support/smallDisk';
import { SpyUpstream } from '../support/spyUpstream';
import { ctInstance, OrthancStorage, OwnArchive } from './archives';
import { Link } from './link';
import { SoakedGateway } from './soakedGateway';

export interface HospitalOptions {
  readonly seed: number;
  readonly workers: number;
  /** The program that runs the gateway. */
  readonly node: string;
}

const LIBFAKETIME = ['x86_64', 'aarch64'].map(
  (machine) => `/usr/lib/${machine}-linux-gnu/faketime/libfaketime.so.1`,
);
/** Of the disk for the audit log: what a round writes, many times over. */
const DISK_KILOBYTES = 64 * 1024;
/** Queries find them, and C-MOVE and C-GET bring them. */
const KEPT_INSTANCES = 3;
const KEPT_BYTES = 60_000;

export class Hospital {
  readonly certificates: TestCertificates;
  readonly ports: { readonly tls: number; readonly plain: number; readonly link: number };
  readonly orthanc: Orthanc;
  readonly storage: OrthancStorage;
  readonly archive: OwnArchive;
  readonly workstation: SpyUpstream;
  readonly gateway: SoakedGateway;
  /** undefined where nothing can be mounted. */
  readonly disk: SmallDisk | undefined;
  /** undefined where there are no network namespaces. */
  readonly link: Link | undefined;
  /** Says which time it is; undefined where libfaketime is not installed. */
  readonly clockFile: string | undefined;
  readonly auditFile: string;
  /** Of instances that stay in Orthanc, by UID. */
  readonly keptByUid = new Map<string, string>();
  /** Of what the sender behind the link sends. */
  readonly linkShaByUid = new Map<string, string>();
  readonly configuration: ConfigurationInput;

  private constructor(parts: {
    certificates: TestCertificates;
    ports: Hospital['ports'];
    adminPort: number;
    egressPort: number;
    orthanc: Orthanc;
    archive: OwnArchive;
    workstation: SpyUpstream;
    disk: SmallDisk | undefined;
    link: Link | undefined;
    options: HospitalOptions;
  }) {
    this.certificates = parts.certificates;
    this.ports = parts.ports;
    this.orthanc = parts.orthanc;
    this.storage = new OrthancStorage(parts.orthanc);
    this.archive = parts.archive;
    this.workstation = parts.workstation;
    this.disk = parts.disk;
    this.link = parts.link;
    const folder = temporaryFolder();
    this.auditFile = join(parts.disk?.folder ?? folder, 'audit.jsonl');
    this.configuration = configurationOf(this, parts.egressPort, parts.adminPort, parts.options.workers);
    const configurationFile = join(folder, 'aegis.jsonc');
    writeFileSync(configurationFile, JSON.stringify(this.configuration));
    const library = LIBFAKETIME.find((file) => existsSync(file));
    this.clockFile = library === undefined ? undefined : join(folder, 'clock');
    if (this.clockFile !== undefined) writeFileSync(this.clockFile, '+0\n');
    this.gateway = new SoakedGateway(configurationFile, {
      node: parts.options.node,
      workers: parts.options.workers,
      adminPort: parts.adminPort,
      environment:
        library === undefined
          ? {}
          : {
              LD_PRELOAD: library,
              FAKETIME_TIMESTAMP_FILE: this.clockFile!,
              FAKETIME_CACHE_DURATION: '1',
              FAKETIME_DONT_FAKE_MONOTONIC: '1',
            },
    });
  }

  static async open(options: HospitalOptions): Promise<Hospital> {
    const egressPort = await freePort();
    const workstation = await SpyUpstream.start({ keepsBytes: false });
    const orthanc = await Orthanc.start({
      isVerbose: false,
      modalities: { ws1: { AET: 'WS1', Host: '127.0.0.1', Port: egressPort } },
      settings: { DicomScuTimeout: 10, DicomThreadsCount: 16 },
    });
    const link = Link.open();
    const hospital = new Hospital({
      certificates: testCertificates(),
      ports: { tls: await freePort(), plain: await freePort(), link: await freePort() },
      adminPort: await freePort(),
      egressPort,
      orthanc,
      archive: await OwnArchive.start(new Random(options.seed + 1)),
      workstation,
      disk: canMount() ? new SmallDisk(DISK_KILOBYTES) : undefined,
      link,
      options,
    });
    for (let count = 0; count < KEPT_INSTANCES; count += 1) {
      const instance = ctInstance(KEPT_BYTES);
      await storeInstance({ port: orthanc.dicomPort, calling: 'SETUP', called: 'ORTHANC' }, instance);
      hospital.keptByUid.set(instance.sopInstanceUid, instance.sha256);
    }
    await hospital.storage.keep();
    await hospital.gateway.start();
    return hospital;
  }

  get auditFileText(): string {
    return readFileSync(this.auditFile, 'latin1');
  }
}

/** Short, so that a fault is over within a round; an honest peer on a busy machine is in time all the same. */
const timeouts: ConfigurationInput['timeouts'] = {
  tlsHandshakeSeconds: 10,
  artimSeconds: 10,
  closeSeconds: 1,
  upstreamConnectSeconds: 5,
  upstreamAssociationSeconds: 8,
  upstreamQueueSeconds: 8,
  pduSeconds: 5,
  stallSeconds: 5,
  idleSeconds: 5,
  responseSeconds: 10,
  retrieveResponseSeconds: 10,
  releaseSeconds: 5,
  drainSeconds: 5,
};

function configurationOf(
  { certificates, ports, orthanc, archive, workstation, auditFile, link, disk }: Hospital,
  egressPort: number,
  adminPort: number,
  workers: number,
): ConfigurationInput {
  const { ca, server } = certificates;
  const from = ['127.0.0.0/8', ...(link === undefined ? [] : [link.modalityAddress])];
  const listeners: string[] = ['plain', ...(link === undefined ? [] : ['link'])];
  return {
    listeners: [
      {
        name: 'tls',
        host: '127.0.0.1',
        port: ports.tls,
        tls: {
          certificate: server.certificateFile,
          privateKey: server.privateKeyFile,
          trustedCertificates: ca.certificateFile,
        },
      },
      { name: 'plain', host: '127.0.0.1', port: ports.plain },
      ...(link === undefined ? [] : [{ name: 'link', host: link.gatewayAddress, port: ports.link }]),
    ],
    upstreams: {
      ORTHANC: { servers: [`127.0.0.1:${orthanc.dicomPort}`] },
      ARCHIVE: { servers: [`127.0.0.1:${archive.port}`] },
    },
    modalities: {
      ct1: {
        callingAeTitle: 'CT1',
        from,
        listeners: 'tls',
        certificate: 'cn:ct1',
        allow: ['echo', 'store', 'storageCommitment'],
        storeSopClasses: 'CTImageStorage',
      },
      ws1: {
        callingAeTitle: 'WS1',
        from,
        listeners: 'tls',
        allow: ['echo', 'find', 'move', 'get'],
        moveDestinations: 'WS1',
        egressAllow: ['echo', 'store'],
        address: { host: '127.0.0.1', port: workstation.port },
      },
      us1: { callingAeTitle: 'US1', from, listeners, allow: 'echo', mode: 'observe' },
      old1: { callingAeTitle: 'OLD1', from, listeners, allow: 'echo' },
    },
    egress: { host: '127.0.0.1', port: egressPort },
    unknownAddresses: 'reject',
    admin: { host: '127.0.0.1', port: adminPort },
    // A line for each refusal and each command, so that all of them can be counted.
    audit: { file: auditFile, refusals: { whole: 1_000_000 }, allowed: false },
    ...(disk === undefined ? {} : { pending: { file: join(disk.folder, 'pending.json') } }),
    limits: { connectionsPerSecondPerAddress: 0 },
    timeouts,
    workers,
  };
}
