/**
 * The hospital of the demo in one temporary folder: certificates, configuration, archive and gateway, started and
 * stopped together. Everything listens on loopback, on free ports.
 */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadConfiguration } from '../config/load';
import { Gateway } from '../gateway/gateway';
import { DemoArchive } from './archive';
import { AuditTrail } from './auditTrail';
import { type DemoCertificates, makeCertificates } from './certificates';

/** The called AE title of the archive. */
export const ARCHIVE = 'ARCHIVE';

/**
 * `modalities` of the configuration. CT1 may only store, WS1 may do everything but store, and MR1 is somewhere else.
 */
export const demoModalities = {
  ct1: { callingAeTitle: 'CT1', from: ['127.0.0.1'], certificate: 'cn:ct1', allow: ['store'] },
  ws1: { callingAeTitle: 'WS1', from: ['127.0.0.1'], certificate: 'cn:ws1', allow: ['echo', 'find', 'move'] },
  mr1: { callingAeTitle: 'MR1', from: ['127.0.0.9'], allow: ['store'] },
};
export type DemoModalities = typeof demoModalities;

export class DemoSite {
  readonly folder: string;
  readonly certificates: DemoCertificates;
  readonly archive: DemoArchive;
  readonly gateway: Gateway;
  readonly trail: AuditTrail;

  private constructor(
    folder: string,
    certificates: DemoCertificates,
    archive: DemoArchive,
    gateway: Gateway,
    trail: AuditTrail,
  ) {
    this.folder = folder;
    this.certificates = certificates;
    this.archive = archive;
    this.gateway = gateway;
    this.trail = trail;
  }

  /** What was made so far is removed again where something fails. */
  static async start(modalities: DemoModalities, tell: (progress: string) => void): Promise<DemoSite> {
    const folder = await mkdtemp(join(tmpdir(), 'aegis-demo-'));
    let archive: DemoArchive | undefined;
    try {
      tell('making a throw-away CA and certificates');
      const certificates = await makeCertificates(folder);
      tell('starting the archive');
      const storage = join(folder, 'received');
      await mkdir(storage, { mode: 0o700 });
      archive = await DemoArchive.start(storage);
      const trail = new AuditTrail();
      const gateway = await startGateway(folder, certificates, archive.port, modalities, trail);
      const site = new DemoSite(folder, certificates, archive, gateway, trail);
      tell(
        `the gateway listens on 127.0.0.1:${site.port} with TLS, the archive behind it on ${archive.port}`,
      );
      return site;
    } catch (error) {
      await archive?.stop();
      await rm(folder, { recursive: true, force: true });
      throw error;
    }
  }

  /** Of the gateway's only listener. */
  get port(): number {
    return this.gateway.addresses[0]!.port;
  }

  get configurationFile(): string {
    return configurationFileIn(this.folder);
  }

  async stop(): Promise<void> {
    await this.gateway.stop();
    await this.archive.stop();
  }

  async removeFiles(): Promise<void> {
    await rm(this.folder, { recursive: true, force: true });
  }
}

function configurationFileIn(folder: string): string {
  return join(folder, 'aegis.jsonc');
}

async function startGateway(
  folder: string,
  certificates: DemoCertificates,
  archivePort: number,
  modalities: DemoModalities,
  trail: AuditTrail,
): Promise<Gateway> {
  const file = configurationFileIn(folder);
  const write = (port: number) =>
    writeFile(file, configurationText({ port, archivePort, certificates, modalities }), { mode: 0o600 });
  await write(0);
  // Variables that are meant for the gateway of the house must not change this one.
  const gateway = await Gateway.start(loadConfiguration(file, {}).configuration, trail);
  // For `aegis echo` and the like: with the port that the system chose.
  await write(gateway.addresses[0]!.port);
  return gateway;
}

interface ConfigurationFacts {
  readonly port: number;
  readonly archivePort: number;
  readonly certificates: DemoCertificates;
  readonly modalities: DemoModalities;
}

function configurationText({ port, archivePort, certificates, modalities }: ConfigurationFacts): string {
  const { server, caFile } = certificates;
  const tls = {
    certificate: server.certificateFile,
    privateKey: server.privateKeyFile,
    trustedCertificates: caFile,
  };
  const configuration = {
    listeners: [{ name: 'tls', host: '127.0.0.1', port, tls }],
    upstreams: { [ARCHIVE]: { servers: [`127.0.0.1:${archivePort}`] } },
    modalities,
    timeouts: { drainSeconds: 2 },
  };
  return `// Written by "aegis demo".\n${JSON.stringify(configuration, undefined, 2)}\n`;
}
