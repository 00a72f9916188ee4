/**
 * The places of associations as a worker sees them: the primary keeps them, for all workers together. A request
 * and its answer take a tenth of a millisecond on the pipe.
 */
import type { AssociationPlace, AssociationPlaces, PlaceAnswer, PlaceRequest } from '../associationPlaces';
import type { FromWorker } from './workerMessages';

export class RemotePlaces implements AssociationPlaces {
  readonly #send: (message: FromWorker) => void;
  readonly #waiting = new Map<number, (answer: PlaceAnswer) => void>();
  #lastId = 0;

  constructor(send: (message: FromWorker) => void) {
    this.#send = send;
  }

  request(request: PlaceRequest, answered: (answer: PlaceAnswer) => void): AssociationPlace {
    this.#lastId += 1;
    const id = this.#lastId;
    this.#waiting.set(id, answered);
    this.#send({ kind: 'placeRequest', id, request });
    let isFree = false;
    return {
      arrived: (server) => {
        if (!isFree) this.#send({ kind: 'serverAnswered', id, server });
      },
      failed: (server, detail) => {
        if (!isFree) this.#send({ kind: 'serverFailed', id, server, detail });
      },
      free: () => {
        if (isFree) return;
        isFree = true;
        this.#waiting.delete(id);
        this.#send({ kind: 'placeFreed', id });
      },
    };
  }

  /** The primary's answer. One that nobody waits for any more was freed meanwhile. */
  answer(id: number, answer: PlaceAnswer): void {
    const answered = this.#waiting.get(id);
    this.#waiting.delete(id);
    answered?.(answer);
  }
}
