/** A sink that records each call, in a form that does not depend on where the bytes were cut. */

import type { PduSink } from '../../../src/pdu/pduSink';
import type { Abort, AssociateRj } from '../../../src/pdu/types';

export class RecordingSink implements PduSink {
  readonly calls: string[] = [];
  /** The buffers given to `fragment`, as they were given. */
  readonly fragments: Buffer[] = [];
  /** Runs after every call, with its name. */
  after: (call: string) => void = () => {};
  #fragmentHex = '';

  associate(type: number, body: Buffer): void {
    this.#add('associate', `${type} ${body.toString('hex')}`);
  }
  associateRj(rj: AssociateRj): void {
    this.#add('associateRj', `${rj.result}/${rj.source}/${rj.reason}`);
  }
  pData(length: number): void {
    this.#add('pData', `${length}`);
  }
  pdvStart(contextId: number, messageControlHeader: number, fragmentBytes: number): void {
    this.#fragmentHex = '';
    this.#add('pdvStart', `context ${contextId} control ${messageControlHeader} bytes ${fragmentBytes}`);
  }
  fragment(bytes: Buffer): void {
    if (bytes.length === 0) {
      throw new Error('an empty fragment');
    }
    this.fragments.push(bytes);
    this.#fragmentHex += bytes.toString('hex');
    this.after('fragment');
  }
  pdvEnd(): void {
    this.#add('pdvEnd', this.#fragmentHex);
  }
  releaseRq(): void {
    this.#add('releaseRq', '');
  }
  releaseRp(): void {
    this.#add('releaseRp', '');
  }
  abort(abort: Abort): void {
    this.#add('abort', `${abort.source}/${abort.reason}`);
  }

  #add(name: string, detail: string): void {
    this.calls.push(`${name} ${detail}`.trimEnd());
    this.after(name);
  }
}
