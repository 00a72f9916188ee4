/**
 * Aegis as an operator runs it: the built command line, with policy, audit log and everything else on that the
 * configuration has by default. Nothing is switched off that a peer lacks.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { configurationSchema } from '../../src/config/schema';
import { freePort, startServer, temporaryFolder } from '../processes';
import { REPOSITORY } from '../repository';
import type { AegisConfiguration, FrontOptions, Peer, PeerName } from './peer';

/**
 * Above the 1,000 idle associations of one workload, and as many in a second as one modality can begin: here it stands for
 * all of a hospital. Everything else is the default.
 */
const LIMITS = { maxAssociations: 4096, associationsPerSecond: 0 };

/** Keys that the configuration of this version may not have yet. */
function has(key: string): boolean {
  return key in configurationSchema.shape;
}

export const hasWorkers = has('workers');
export const hasQuickAck = has('tcp');

export const aegis = peer('aegis', 'Aegis', {});
/** What the acknowledgement at once is worth, and what is left without it. */
export const aegisWithoutQuickAck = peer('aegis-no-quick-ack', 'Aegis, quickAck off', {
  tcp: { quickAck: 'off' },
});

/** With other settings, or of another build. */
export function aegisOf(settings: Readonly<Record<string, unknown>>, cli?: string): Peer {
  return peer('aegis', 'Aegis', settings, cli);
}

function peer(
  name: PeerName,
  title: string,
  settings: Readonly<Record<string, unknown>>,
  cli = join(REPOSITORY, 'dist/cli.js'),
): Peer {
  return {
    name,
    title,
    version: async () => {
      if (Object.keys(settings).some((key) => !has(key))) return undefined;
      const manifest = readFileSync(join(REPOSITORY, 'package.json'), 'utf8');
      return (JSON.parse(manifest) as { version: string }).version;
    },
    async start(cleanUp, options) {
      const folder = temporaryFolder(cleanUp);
      const port = await freePort();
      const configurationFile = join(folder, 'aegis.jsonc');
      const own = configurationOf(port, options);
      const configuration = {
        ...own,
        ...(has('admin') ? { admin: { host: '127.0.0.1', port: await freePort() } } : {}),
        ...settings,
        ...options.settings?.(own),
      };
      writeFileSync(configurationFile, JSON.stringify(configuration));
      const programArguments = [cli, '--config', configurationFile, 'start'];
      const { program, startMs } = await startServer(cleanUp, port, process.execPath, programArguments, {
        outputFile: options.outputFile ?? join(folder, 'audit.jsonl'),
      });
      return { port, isTls: true, pid: program.pid, startMs, archive: options.archive };
    },
  };
}

function configurationOf(
  port: number,
  { archive, certificates, keyType = 'rsa', workers = 1, modalities = 1, dataSets }: FrontOptions,
): AegisConfiguration {
  const server = certificates.server[keyType];
  const tls = {
    certificate: server.certificateFile,
    privateKey: server.privateKeyFile,
    trustedCertificates: certificates.caFile,
  };
  return {
    listeners: [{ name: 'tls', host: '127.0.0.1', port, tls }],
    upstreams: { ORTHANC: { servers: [`127.0.0.1:${archive.port}`] } },
    modalities: { ...strangers(modalities - 1), ct1: { ...theModality, dataSets } },
    limits: LIMITS,
    ...(has('workers') ? { workers } : {}),
  };
}

const theModality = {
  callingAeTitle: 'CT1',
  from: '127.0.0.1',
  certificate: 'cn:ct1',
  allow: ['echo', 'find', 'get', 'store'],
  storeSopClasses: ['CTImageStorage'],
};

/** Other entries of the allowlist: each with a title, an address and a certificate of its own. */
function strangers(count: number): Readonly<Record<string, unknown>> {
  return Object.fromEntries(
    Array.from({ length: count }, (_, index) => [
      `other${index}`,
      {
        callingAeTitle: `OTHER${index}`,
        from: `10.${index >> 16}.${(index >> 8) & 255}.${index & 255}`,
        certificate: `cn:other${index}`,
        allow: ['echo', 'store'],
      },
    ]),
  );
}
