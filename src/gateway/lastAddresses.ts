/**
 * Where modalities with `address.host: "last-seen"` came from last, with the certificate of their entry: what egress dials.
 * One process keeps this for all workers, in a file of `stateDirectory` too. Whether an address may be dialled is not known
 * here.
 */
import * as z from 'zod';
import { recoverKept } from '../files/keptJson';
import { stateFile, writeStateFile } from '../files/stateDirectory';
import type { CompiledModality } from '../policy/policy';

/** A modality, with what its entry says of its certificate: where that changes, it is another device. */
export interface SeenModality {
  readonly modality: string;
  readonly certificate: string;
}

/** The configuration allows `last-seen` only with a certificate, so there is one. */
export function seenModalityOf({ name, certificates }: CompiledModality): SeenModality {
  return { modality: name, certificate: certificates?.texts.join() ?? '' };
}

const FILE = 'last-addresses.json';
/** 100 bytes for each of 10,000 modalities. */
const MAX_FILE_BYTES = 1024 * 1024;
/** Names of other gateways may be any. Those that were not seen for longest go first. */
const MAX_SEEN = 10_000;

export const lastAddress = z.object({ certificate: z.string(), address: z.string() });
const kept = z.record(z.string(), lastAddress);

type LastAddress = z.output<typeof lastAddress>;

export class LastAddresses {
  readonly #directory: string | undefined;
  readonly #warn: (text: string) => void;
  /** By the name of the modality. Read when it is first needed: most sites have none. */
  #seen: Map<string, LastAddress> | undefined;
  #isWriting = false;
  #isStale = false;
  #changed: (modality: string, last: LastAddress) => void = () => {};

  /** Without a directory, nothing survives a restart. */
  constructor(directory?: string, warn: (text: string) => void = () => {}) {
    this.#directory = directory;
    this.#warn = warn;
  }

  saw({ modality, certificate }: SeenModality, address: string): void {
    if (this.learn(modality, { certificate, address })) this.#changed(modality, { certificate, address });
  }

  /** By word of another gateway. Whether it is something else than before. */
  learn(modality: string, { certificate, address }: LastAddress): boolean {
    const seen = this.#known();
    const before = seen.get(modality);
    if (before?.address === address && before.certificate === certificate) return false;
    seen.delete(modality);
    seen.set(modality, { certificate, address });
    if (seen.size > MAX_SEEN) seen.delete(seen.keys().next().value!);
    this.#isStale = true;
    if (!this.#isWriting) void this.#write();
    return true;
  }

  /** `changed` is called with what this gateway saw. */
  follow(changed: (modality: string, last: LastAddress) => void): void {
    this.#changed = changed;
  }

  get all(): Iterable<readonly [string, LastAddress]> {
    return this.#known();
  }

  /** Undefined where it was never seen with this certificate. */
  of({ modality, certificate }: SeenModality): string | undefined {
    const last = this.#known().get(modality);
    return last?.certificate === certificate ? last.address : undefined;
  }

  #known(): Map<string, LastAddress> {
    this.#seen ??= new Map(this.#directory === undefined ? [] : Object.entries(this.#read(this.#directory)));
    return this.#seen;
  }

  /** What cannot be read counts as never seen: the next association of each modality says it again. */
  #read(directory: string): z.output<typeof kept> {
    const known = recoverKept(stateFile(directory, FILE), kept, MAX_FILE_BYTES, (what) =>
      this.#warn(`${what}; the last addresses of modalities are not known`),
    );
    return known ?? {};
  }

  /** One after the other; what changes meanwhile goes into the next. */
  async #write(): Promise<void> {
    if (this.#directory === undefined) return;
    this.#isWriting = true;
    while (this.#isStale) {
      this.#isStale = false;
      const text = JSON.stringify(Object.fromEntries(this.#known()), undefined, 2);
      await writeStateFile(this.#directory, FILE, `${text}\n`).catch((error: Error) =>
        this.#warn(`the last addresses of modalities are not kept: ${error.message}`),
      );
    }
    this.#isWriting = false;
  }
}
