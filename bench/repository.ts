/**
 * Where the repository is, seen from the compiled benchmark in dist-bench/bench.
 */
import { resolve } from 'node:path';

export const REPOSITORY = resolve(__dirname, '../..');
