/**
 * Owns the end of everything that the benchmark starts: processes, sockets, folders. Runs at the end of a workload,
 * at the end of the benchmark, and on Ctrl-C, whichever comes first.
 */

type End = () => void | Promise<void>;

export class CleanUp {
  readonly #pending: End[] = [];
  #isOver = false;

  /** Registers what ends a resource; last started, first ended. What comes too late is ended at once. */
  add(end: End): void {
    if (this.#isOver) void end();
    else this.#pending.push(end);
  }

  /** One that may be run earlier, and is run at the latest with this one. */
  nested(): CleanUp {
    const nested = new CleanUp();
    this.add(() => nested.run());
    return nested;
  }

  /** Ends everything, also where one end fails; then rejects with the first failure. Safe to call twice. */
  async run(): Promise<void> {
    this.#isOver = true;
    const failures: unknown[] = [];
    for (let end = this.#pending.pop(); end !== undefined; end = this.#pending.pop()) {
      try {
        await end();
      } catch (error) {
        failures.push(error);
      }
    }
    if (failures.length > 0) throw failures[0];
  }
}
