/**
 * DCMTK's command-line tools as modalities: echoscu, storescu, findscu, movescu and getscu run to their end,
 * storescp receives. Their exit codes say little (echoscu, findscu and getscu exit 0 on any status), so what they
 * print is parsed.
 */
import { mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { TestCertificate } from './certificates';
import { type Instance, readPart10 } from './dicomFiles';
import { freePort, runProcess, startProcess, type TestProcess, temporaryFolder } from './processes';

/** The files are all that the tools need. */
type CertificateFiles = Pick<TestCertificate, 'certificateFile' | 'privateKeyFile'>;

/** movescu and getscu know no TLS: put stunnel.ts in front of them. */
export interface DcmtkTls {
  /** What the tool shows. Without it an SCU shows none (anonymous TLS). */
  readonly certificate?: CertificateFiles;
  /** The CA of the peer. */
  readonly ca: Pick<CertificateFiles, 'certificateFile'>;
}

export interface DcmtkTarget {
  readonly port: number;
  readonly host?: string;
  readonly callingAeTitle?: string;
  readonly calledAeTitle?: string;
  readonly tls?: DcmtkTls;
  /** Further options of the tool, e.g. `['+px']` for another TLS profile. */
  readonly toolArguments?: readonly string[];
}

export interface DcmtkResult {
  readonly exitCode: number | null;
  readonly output: string;
  /** DIMSE status of each response in order, pending ones too; empty when no response came. */
  readonly statuses: readonly number[];
  /** Texts of (0000,0902) Error Comment. */
  readonly errorComments: readonly string[];
  readonly isAssociationAccepted: boolean;
  /** DCMTK's words for an A-ASSOCIATE-RJ, e.g. `Rejected Permanent, Service User, Calling AE Title Not Recognized`. */
  readonly rejection: string | undefined;
  /** The peer aborted. */
  readonly isAborted: boolean;
  /** What the tool logged as error or fatal. */
  readonly errors: readonly string[];
}

export function echoscu(target: DcmtkTarget): Promise<DcmtkResult> {
  return runTool('echoscu', target, []);
}

/** Sends files; proposes what they need only, and goes on after a failure. */
export function storescu(target: DcmtkTarget, files: readonly string[]): Promise<DcmtkResult> {
  const toolArguments = ['--required', '--no-halt', ...(target.toolArguments ?? [])];
  return runTool('storescu', { ...target, toolArguments }, files);
}

/** Keys as DCMTK writes them: `StudyInstanceUID=1.2.3`, or `PatientID` for a key to return. */
export function findscu(target: DcmtkTarget, keys: readonly string[]): Promise<DcmtkResult> {
  return runTool('findscu', withQuery(target, keys), []);
}

export function movescu(
  target: DcmtkTarget,
  moveDestination: string,
  keys: readonly string[],
): Promise<DcmtkResult> {
  const query = withQuery(target, keys);
  const toolArguments = ['--move', moveDestination, ...query.toolArguments];
  return runTool('movescu', { ...query, toolArguments }, []);
}

/** What is retrieved is in `instances`. */
export async function getscu(
  target: DcmtkTarget,
  keys: readonly string[],
): Promise<DcmtkResult & { readonly instances: readonly Instance[] }> {
  const folder = temporaryFolder();
  const query = withQuery(target, keys);
  const toolArguments = ['--output-directory', folder, '--bit-preserving', ...query.toolArguments];
  const result = await runTool('getscu', { ...query, toolArguments }, []);
  return { ...result, instances: instancesIn(folder) };
}

function withQuery(target: DcmtkTarget, keys: readonly string[]) {
  // A model of the test's own choice (worklist: --worklist) stands in front of the default.
  const model = target.toolArguments?.includes('--worklist') ? [] : ['--study'];
  const keyArguments = keys.flatMap((key) => ['--key', key]);
  return { ...target, toolArguments: [...model, ...keyArguments, ...(target.toolArguments ?? [])] };
}

async function runTool(tool: string, target: DcmtkTarget, files: readonly string[]): Promise<DcmtkResult> {
  const { exitCode, output } = await runProcess(
    tool,
    [
      '--debug',
      '--aetitle',
      target.callingAeTitle ?? 'TESTSCU',
      '--call',
      target.calledAeTitle ?? 'ORTHANC',
      ...tlsArguments(target.tls),
      ...(target.toolArguments ?? []),
      target.host ?? '127.0.0.1',
      String(target.port),
      ...files,
    ],
    { environment: NO_DELAY, deadlineMs: 60_000 },
  );
  return { exitCode, output, ...parseOutput(output) };
}

/** DCMTK leaves Nagle's algorithm on, which costs 40 ms a message on loopback; this switches it off. */
const NO_DELAY = { TCP_NODELAY: '1' };

function tlsArguments(tls: DcmtkTls | undefined): string[] {
  if (tls === undefined) return [];
  const shown =
    tls.certificate === undefined
      ? ['--anonymous-tls']
      : ['--enable-tls', tls.certificate.privateKeyFile, tls.certificate.certificateFile];
  return [...shown, '--add-cert-file', tls.ca.certificateFile];
}

/** What a tool printed with `--debug`. */
function parseOutput(output: string): Omit<DcmtkResult, 'exitCode' | 'output'> {
  const rejection =
    /Association Rejected:\n.: Result: (?<result>[^,\n]+), Source: (?<source>.+)\n.: Reason: (?<reason>.+)/.exec(
      output,
    )?.groups;
  return {
    statuses: [...parseEchoStatuses(output), ...parseStatuses(output)],
    errorComments: [...output.matchAll(/\(0000,0902\) LO \[(.*?) *\]/g)].map(([, comment]) => comment!),
    isAssociationAccepted: output.includes('Association Accepted'),
    rejection: rejection && `${rejection.result}, ${rejection.source}, ${rejection.reason}`,
    isAborted: /Peer aborted Association|Association Aborted|DUL Peer Aborted/i.test(output),
    errors: output.split('\n').filter((line) => /^[EF]: /.test(line)),
  };
}

/** Responses that came; the requests and responses that the tool itself sent are in other blocks. */
function parseStatuses(output: string): number[] {
  const incoming = output.matchAll(/= INCOMING DIMSE MESSAGE =[\s\S]*?= END DIMSE MESSAGE =/g);
  return [...incoming].flatMap(([block]) => {
    const status = /^.: DIMSE Status +: 0x([0-9a-f]{4})/m.exec(block);
    return status === null ? [] : [Number.parseInt(status[1]!, 16)];
  });
}

/** echoscu prints one line where the others print the message. */
function parseEchoStatuses(output: string): number[] {
  const lines = output.matchAll(/Received Echo Response \((?:Success|Unknown Status: 0x([0-9a-f]+))\)/g);
  return [...lines].map(([, status]) => Number.parseInt(status ?? '0', 16));
}

interface StorescpOptions {
  readonly aeTitle?: string;
  readonly tls?: DcmtkTls;
  readonly toolArguments?: readonly string[];
}

/** A real storescp: takes every SOP class and transfer syntax that it knows, and keeps the bytes as they came. */
export class Storescp {
  readonly port: number;
  readonly process: TestProcess;
  readonly #folder: string;

  private constructor(port: number, process: TestProcess, folder: string) {
    this.port = port;
    this.process = process;
    this.#folder = folder;
  }

  static async start({
    aeTitle = 'STORESCP',
    tls,
    toolArguments = [],
  }: StorescpOptions = {}): Promise<Storescp> {
    const folder = join(temporaryFolder(), 'received');
    mkdirSync(folder);
    const port = await freePort();
    const fixed = ['--verbose', '--promiscuous', '--accept-all', '--bit-preserving', '--disable-host-lookup'];
    const process = startProcess(
      'storescp',
      [
        ...fixed,
        '--aetitle',
        aeTitle,
        '--output-directory',
        folder,
        ...tlsArguments(tls),
        ...toolArguments,
        String(port),
      ],
      { environment: NO_DELAY },
    );
    await process.waitForPort(port);
    return new Storescp(port, process, folder);
  }

  /** Files that are there, also those of instances that are still being received, or came in part and are removed. */
  get fileCount(): number {
    return readdirSync(this.#folder).length;
  }

  /** What has been received completely. */
  get instances(): Instance[] {
    return instancesIn(this.#folder);
  }

  /** The same, which is then removed. */
  takeInstances(): Instance[] {
    const taken = this.instances;
    for (const { name } of taken) rmSync(join(this.#folder, name), { force: true });
    return taken;
  }
}

function instancesIn(folder: string): Instance[] {
  return readdirSync(folder).map((name) => readPart10(name, readFileSync(join(folder, name))));
}
