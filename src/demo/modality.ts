/**
 * The modality of the demo: sends requests to the gateway with the client of dcmjs-dimse, over TLS or plain, and says
 * what came back. Each call is one association.
 */
import { association, Client, Dataset, requests, type responses } from 'dcmjs-dimse';
import { formatStatus } from '../dimse/commands';
import type { DemoInstance } from './instances';

/** Longer than anything here takes on a slow machine. */
const DEADLINE_MS = 20_000;

export interface Caller {
  readonly port: number;
  readonly callingAeTitle: string;
  readonly calledAeTitle: string;
  /** PEM; left out: plain DICOM. */
  readonly tls?: { readonly ca: string; readonly certificate?: string; readonly privateKey?: string };
}

/** What the wire answered. */
export interface SeenAnswer {
  /** For comparison, e.g. `C-STORE-RSP 0x0000`, `A-ASSOCIATE-RJ 1/1/3`, `closed`. */
  readonly text: string;
  /** What may differ from system to system, e.g. which TLS alert came. */
  readonly detail?: string;
}

/**
 * A data set that goes out exactly as it is. dcmjs-dimse asks for the bytes only when it sends, and would otherwise
 * write the elements that it knows, that is without the private ones.
 */
class EncodedDataset extends Dataset {
  readonly #bytes: Buffer;

  constructor({ sopClassUid, sopInstanceUid, transferSyntaxUid, dataSet }: DemoInstance) {
    super({ SOPClassUID: sopClassUid, SOPInstanceUID: sopInstanceUid }, transferSyntaxUid);
    this.#bytes = dataSet;
  }

  override getDenaturalizedDataset(): Buffer {
    return this.#bytes;
  }
}

export function sendEcho(caller: Caller): Promise<SeenAnswer> {
  return send(caller, 'C-ECHO', new requests.CEchoRequest());
}

export function sendInstance(caller: Caller, instance: DemoInstance): Promise<SeenAnswer> {
  // The client proposes its uncompressed defaults in one context; this one cannot be answered with another syntax.
  const context = new association.PresentationContext(0, instance.sopClassUid, instance.transferSyntaxUid);
  return send(caller, 'C-STORE', new requests.CStoreRequest(new EncodedDataset(instance)), context);
}

export function sendFind(caller: Caller): Promise<SeenAnswer> {
  return send(caller, 'C-FIND', requests.CFindRequest.createStudyFindRequest({ PatientID: '*' }));
}

export function sendMove(caller: Caller, moveDestination: string): Promise<SeenAnswer> {
  return send(caller, 'C-MOVE', requests.CMoveRequest.createStudyMoveRequest(moveDestination, '1.2.3'));
}

/** One promise with a deadline of its own: the client has no event for an A-ABORT, nor for a peer that just closes. */
function send(
  { port, callingAeTitle, calledAeTitle, tls }: Caller,
  command: string,
  request: requests.CEchoRequest | requests.CFindRequest | requests.CMoveRequest | requests.CStoreRequest,
  context?: association.PresentationContext,
): Promise<SeenAnswer> {
  const client = new Client();
  client.addRequest(request);
  if (context !== undefined) client.addAdditionalPresentationContext(context, true);
  return new Promise((resolve) => {
    let answer: SeenAnswer | undefined;
    const deadline = setTimeout(() => resolve({ text: 'no answer in time' }), DEADLINE_MS);
    const finish = () => {
      clearTimeout(deadline);
      resolve(answer ?? { text: 'closed' });
    };
    request.on('response', (response: responses.Response) => {
      answer = { text: `${command}-RSP ${formatStatus(response.getStatus())}` };
    });
    client.on('associationRejected', ({ result, source, reason }: Record<string, number>) => {
      answer = { text: `A-ASSOCIATE-RJ ${result}/${source}/${reason}` };
    });
    client.on('networkError', (error: Error) => {
      answer ??= closedBy(error);
      // `closed` does not follow every error.
      finish();
    });
    client.on('closed', finish);
    client.send('127.0.0.1', port, callingAeTitle, calledAeTitle, {
      connectTimeout: DEADLINE_MS,
      ...(tls === undefined ? {} : { securityOptions: securityOptions(tls) }),
    });
  });
}

function securityOptions({ ca, certificate, privateKey }: NonNullable<Caller['tls']>) {
  const identity =
    certificate === undefined || privateKey === undefined ? {} : { cert: certificate, key: privateKey };
  return { ca, ...identity, rejectUnauthorized: true, minVersion: 'TLSv1.2' };
}

/** OpenSSL's message holds the alert: `…:tlsv13 alert certificate required:…`. */
function closedBy({ message }: Error): SeenAnswer {
  const [, alert] = /alert ([a-z ]+)/.exec(message) ?? [];
  return { text: 'closed', ...(alert === undefined ? {} : { detail: `TLS alert: ${alert}` }) };
}
