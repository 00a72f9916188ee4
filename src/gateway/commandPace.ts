/**
 * How fast the commands of a modality are taken: its rate, its part of a turn of the event loop, and the answers of our own
 * that it has not taken yet. With no token left, or with too many answers, an association is not read. Refuses nothing, and
 * does not know what a command is.
 */
import type { Leg } from '../association/leg';
import { type Budget, Budgets } from '../net/budget';

/**
 * Own answers that a modality has not taken, over all its associations. Each association may have one more, so that
 * those that are read go on beside those that are not.
 */
const MAX_WAITING_ANSWERS = 16;

/**
 * Commands of one modality in one turn of the event loop, over all its associations. Hundreds of associations that
 * pipeline leave the others their part of each turn, also while the modality still has tokens.
 */
const MAX_IN_TURN = 8;
/** A refusal costs more than what it answers: a line of the log or part of a sum, and an answer. */
const TOKENS_OF_REFUSAL = 10;

interface ModalityPace {
  waitingAnswers: number;
  readonly turn: TurnShare;
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
    const ofModality = known ?? { waitingAnswers: 0, turn: new TurnShare(), associations: 0 };
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
  /** For a token, or for the next turn. */
  #isHeld = false;

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
    if (this.#budget === undefined || this.#isHeld) return;
    if (this.#budget.take(this.#granted) && this.#ofModality.turn.take(this.#granted)) return;
    this.#isHeld = true;
    this.#leg?.in.holdMessages();
  }

  readonly #granted = (): void => {
    this.#isHeld = false;
    this.#leg?.in.goOn();
  };

  /** A command was refused: an answer of our own is on its way to the modality. */
  answerQueued(): void {
    this.#budget?.charge(TOKENS_OF_REFUSAL - 1);
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
    this.#ofModality.turn.leave(this.#granted);
    this.#leg = undefined;
    this.#ended();
  }
}

/** What of a turn of the event loop is left to a modality, and the line for the next one. */
class TurnShare {
  #taken = 0;
  #isScheduled = false;
  readonly #line = new Set<() => void>();

  /** Takes part of this turn and returns true; or `granted` is called in a later one. */
  take(granted: () => void): boolean {
    // One that waits for each answer has a command a turn: for it, turns are not worth counting one by one.
    if (this.#taken >= MAX_IN_TURN / 2) this.#schedule();
    if (this.#taken >= MAX_IN_TURN) {
      this.#line.add(granted);
      return false;
    }
    this.#taken += 1;
    return true;
  }

  leave(granted: () => void): void {
    this.#line.delete(granted);
  }

  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    setImmediate(this.#next);
  }

  readonly #next = (): void => {
    this.#isScheduled = false;
    this.#taken = 0;
    for (const granted of this.#line) {
      if (this.#taken >= MAX_IN_TURN) break;
      this.#taken += 1;
      this.#line.delete(granted);
      granted();
    }
    if (this.#taken > 0) this.#schedule();
  };
}
