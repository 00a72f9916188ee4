/**
 * A real Orthanc with a storage of its own, its REST interface, and its sudden death. Listens for DICOM on all
 * interfaces, because Orthanc cannot do otherwise; unknown callers are let in only as the options say.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { isArchiveOverTls, orthancTlsSettings, plainWayTo } from './archiveOverTls';
import { onCleanUp } from './cleanUp';
import { type Instance, readPart10 } from './dicomFiles';
import { freePort, startProcess, type TestProcess, temporaryFolder } from './processes';

const alwaysAllowable = ['Echo', 'Find', 'FindWorklist', 'Get', 'Move', 'Store'] as const;

/** An entry of DicomModalities, in Orthanc's words. */
export interface OrthancModality {
  readonly AET: string;
  readonly Host: string;
  readonly Port: number;
  readonly UseDicomTls?: boolean;
  readonly [allowance: `Allow${string}`]: boolean;
}

interface OrthancOptions {
  readonly aeTitle?: string;
  /** What callers that are in no DicomModalities entry may do; default everything. */
  readonly alwaysAllow?: readonly (typeof alwaysAllowable)[number][];
  readonly modalities?: Readonly<Record<string, OrthancModality>>;
  /**
   * false: as it is delivered, with Nagle's algorithm, which costs 40 ms a message on loopback. Default true:
   * DCMTK inside Orthanc reads the environment variable TCP_NODELAY.
   */
  readonly noDelay?: boolean;
  /** false: its log has warnings and errors only, for a run of hours. */
  readonly isVerbose?: boolean;
  /** A second file beside its own, which then leaves out `settings`: Orthanc takes none twice. */
  readonly secondFile?: { readonly text: string; readonly settings: readonly string[] };
  /** Any other setting of orthanc.json; these win. */
  readonly settings?: Readonly<Record<string, unknown>>;
}

const PORT_ATTEMPTS = 3;

export class Orthanc {
  readonly storageFolder = temporaryFolder();
  /** Where it takes plain DICOM; in front of one that speaks TLS only, that of a stunnel. */
  dicomPort = 0;
  #ownPort = 0;
  #httpPort = 0;
  #process: TestProcess | undefined;

  readonly #options: OrthancOptions;

  private constructor(options: OrthancOptions) {
    this.#options = options;
  }

  /** Resolves once both servers listen. */
  static async start(options: OrthancOptions = {}): Promise<Orthanc> {
    const orthanc = new Orthanc(options);
    for (let attempt = 1; ; attempt += 1) {
      orthanc.#ownPort = await freePort();
      orthanc.#httpPort = await freePort();
      orthanc.#writeConfiguration();
      try {
        await orthanc.restart();
        orthanc.dicomPort = orthanc.#isOverTls ? await plainWayTo(orthanc.#ownPort) : orthanc.#ownPort;
        return orthanc;
      } catch (error) {
        // Somebody else may have taken a port between the probe and Orthanc's own bind.
        if (attempt === PORT_ATTEMPTS) throw error;
      }
    }
  }

  /** Not where the test itself says how it does TLS. */
  get #isOverTls(): boolean {
    return isArchiveOverTls() && this.#options.settings?.DicomTlsEnabled === undefined;
  }

  /** `host:port` without the stunnel. */
  get tlsServer(): string {
    return `127.0.0.1:${this.#ownPort}`;
  }

  /** Its own settings. Written before the first start; what becomes of them counts from the next one on. */
  get configurationFile(): string {
    return join(this.storageFolder, 'configuration', 'orthanc.json');
  }

  #writeConfiguration(): void {
    const folder = dirname(this.configurationFile);
    mkdirSync(folder, { recursive: true });
    const { secondFile } = this.#options;
    const settings = Object.entries(this.#configuration()).filter(
      ([setting]) => secondFile?.settings.includes(setting) !== true,
    );
    writeFileSync(this.configurationFile, JSON.stringify(Object.fromEntries(settings), undefined, 2));
    if (secondFile !== undefined) writeFileSync(join(folder, 'second.json'), secondFile.text);
  }

  /** Starts it again after `kill` or `stop`, on the same ports and the same storage. */
  async restart(): Promise<void> {
    const environment = (this.#options.noDelay ?? true) ? { TCP_NODELAY: '1' } : {};
    const verbose = (this.#options.isVerbose ?? true) ? ['--verbose'] : [];
    const programArguments = [...verbose, dirname(this.configurationFile)];
    this.#process = startProcess('Orthanc', programArguments, { environment });
    // Its orderly end takes seconds, and is for nothing: the storage goes too.
    onCleanUp(() => this.kill());
    await this.#process.waitForOutput(/Orthanc has started/);
  }

  /** SIGKILL: no release, no abort, no flush. Resolves once it is gone. */
  async kill(): Promise<void> {
    await this.#process?.stop('SIGKILL');
  }

  async stop(): Promise<void> {
    await this.#process?.stop();
  }

  /** SIGSTOP holds it, SIGCONT lets it go on. */
  signal(signal: NodeJS.Signals): void {
    this.#process?.kill(signal);
  }

  /** Its log since the last start. */
  get log(): string {
    return this.#process?.output ?? '';
  }

  /** Resolves once the log holds the pattern. */
  async waitForLog(pattern: RegExp): Promise<void> {
    await this.#process?.waitForOutput(pattern);
  }

  async instanceCount(): Promise<number> {
    const statistics = (await this.get('/statistics')) as { CountInstances: number };
    return statistics.CountInstances;
  }

  /** The instance as it is stored, with the SHA-256 of its data set; undefined where it is not. */
  async storedInstance(sopInstanceUid: string): Promise<Instance | undefined> {
    const found = (await this.post('/tools/lookup', sopInstanceUid)) as { ID: string; Type: string }[];
    const entry = found.find(({ Type }) => Type === 'Instance');
    if (entry === undefined) return undefined;
    return readPart10(sopInstanceUid, await this.file(entry.ID));
  }

  /** Deletes all of these instances, by Orthanc's own identifiers. */
  async forget(ids: readonly string[]): Promise<void> {
    const response = await this.#request('POST', '/tools/bulk-delete', JSON.stringify({ Resources: ids }));
    await response.arrayBuffer();
  }

  /** The Part 10 file of an instance, by Orthanc's own identifier. */
  async file(id: string): Promise<Buffer> {
    const response = await this.#request('GET', `/instances/${id}/file`);
    return Buffer.from(await response.arrayBuffer());
  }

  /** Everything that it has, which it then forgets. */
  async takeInstances(): Promise<Instance[]> {
    const ids = (await this.get('/instances')) as string[];
    const taken: Instance[] = [];
    for (const id of ids) {
      taken.push(readPart10(id, await this.file(id)));
      await (await this.#request('DELETE', `/instances/${id}`)).arrayBuffer();
    }
    return taken;
  }

  /** Adds or replaces an entry of DicomModalities while it runs. */
  async setModality(name: string, modality: OrthancModality): Promise<void> {
    await this.#request('PUT', `/modalities/${name}`, JSON.stringify(modality));
  }

  /** C-ECHO of Orthanc as SCU. */
  async echoes(modality: string): Promise<boolean> {
    const response = await this.#fetch('POST', `/modalities/${modality}/echo`, '{}');
    await response.arrayBuffer();
    return response.ok;
  }

  /** C-STORE of Orthanc as SCU; rejects when the modality refuses. */
  async sendTo(modality: string, sopInstanceUid: string): Promise<void> {
    const found = (await this.post('/tools/lookup', sopInstanceUid)) as { ID: string }[];
    await this.post(`/modalities/${modality}/store`, JSON.stringify(found.map(({ ID }) => ID)));
  }

  /** GET of any REST path, as JSON. */
  async get(path: string): Promise<unknown> {
    return (await this.#request('GET', path)).json();
  }

  /** POST to any REST path, the answer as JSON. */
  async post(path: string, body: string): Promise<unknown> {
    return (await this.#request('POST', path, body)).json();
  }

  async #request(method: string, path: string, body?: string): Promise<Response> {
    const response = await this.#fetch(method, path, body);
    if (!response.ok)
      throw new Error(`Orthanc: ${method} ${path}: ${response.status} ${await response.text()}`);
    return response;
  }

  #fetch(method: string, path: string, body?: string): Promise<Response> {
    return fetch(`http://127.0.0.1:${this.#httpPort}${path}`, { method, body: body ?? null });
  }

  #configuration(): Readonly<Record<string, unknown>> {
    const allowed = this.#options.alwaysAllow ?? alwaysAllowable;
    return {
      Name: 'test',
      StorageDirectory: this.storageFolder,
      IndexDirectory: this.storageFolder,
      HttpPort: this.#httpPort,
      DicomPort: this.#ownPort,
      DicomAet: this.#options.aeTitle ?? 'ORTHANC',
      // No HTTP connection outlives its answer: none keeps a test file from ending.
      KeepAlive: false,
      RemoteAccessAllowed: false,
      AuthenticationEnabled: false,
      Plugins: [],
      ...Object.fromEntries(
        alwaysAllowable.map((command) => [`DicomAlwaysAllow${command}`, allowed.includes(command)]),
      ),
      DicomModalities: this.#options.modalities ?? {},
      ...(this.#isOverTls ? orthancTlsSettings() : {}),
      ...this.#options.settings,
    };
  }
}
