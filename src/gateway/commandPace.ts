/**
 * How fast the commands of a modality are taken: its rate, and the answers of our own that it has not taken yet. With no
 * token left, or with too many answers, an association is not read. Refuses nothing, and does not know what a command is.
 */
import type { Leg } from '../association/leg';
import { type Budget, Budgets } from '../net/budget';

/**
 * Own answers that a modality has not taken, over all its associations. Each association may have one more, so that
 * those that are read go on beside those that are not.
 */
const MAX_WAITING_ANSWERS = 16;

interface ModalityPace {
  waitingAnswers: number;
  /** How many associations count here. */
  associations: number;
}

/** The paces of all modalities in this process. */
export class CommandPaces {
  readonly #budgets = new Budgets();
  readonly #byModality = new Map<string, ModalityPace>();

  /** For one association of the modality. A rate of 0 does not limit. */
  begin(modality: string, commandsPerSecond: number): CommandPace {
    const known = this.#byModality.get(modality);
    const ofModality = known ?? { waitingAnswers: 0, associations: 0 };
    if (known === undefined) this.#byModality.set(modality, ofModality);
    ofModality.associations += 1;
    return new CommandPace(ofModality, this.#budgets.of(modality, commandsPerSecond), () => {
      ofModality.associations -= 1;
      if (ofModality.associations === 0) this.#byModality.delete(modality);
    });
  }
}

/** The pace of one association. */
export class CommandPace {
  readonly #ofModality: ModalityPace;
  readonly #budget: Budget | undefined;
  readonly #ended: () => void;
  #leg: Leg | undefined;
  #waitingAnswers = 0;
  #isHeldForAnswers = false;
  #isHeldForToken = false;

  constructor(ofModality: ModalityPace, budget: Budget | undefined, ended: () => void) {
    this.#ofModality = ofModality;
    this.#budget = budget;
    this.#ended = ended;
  }

  /** From now on this leg is read at the pace of its modality. */
  attach(leg: Leg): void {
    this.#leg = leg;
  }

  /** A command came that is not an answer. It goes on; what is behind it may have to wait. */
  commandCame(): void {
    if (this.#budget === undefined || this.#isHeldForToken || this.#budget.take(this.#granted)) return;
    this.#isHeldForToken = true;
    this.#leg?.in.holdMessages();
  }

  readonly #granted = (): void => {
    this.#isHeldForToken = false;
    this.#leg?.in.goOn();
  };

  /** An answer of our own is on its way to the modality. */
  answerQueued(): void {
    this.#waitingAnswers += 1;
    this.#ofModality.waitingAnswers += 1;
    if (this.#isHeldForAnswers || this.#ofModality.waitingAnswers < MAX_WAITING_ANSWERS) return;
    this.#isHeldForAnswers = true;
    this.#leg?.in.holdMessages();
  }

  /** The kernel has taken all of them. */
  answersWritten(): void {
    this.#ofModality.waitingAnswers -= this.#waitingAnswers;
    this.#waitingAnswers = 0;
    if (!this.#isHeldForAnswers) return;
    this.#isHeldForAnswers = false;
    this.#leg?.in.goOn();
  }

  /** The association is over. Once. */
  end(): void {
    this.#ofModality.waitingAnswers -= this.#waitingAnswers;
    this.#waitingAnswers = 0;
    this.#budget?.leave(this.#granted);
    this.#leg = undefined;
    this.#ended();
  }
}
