/**
 * The arguments of `npm run bench -- …`.
 */
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { floods } from './floods/kinds';
import { peerNames } from './peers/peer';
import { REPOSITORY } from './repository';
import { works } from './workloads/pairs';

export interface Options {
  /** undefined: all. */
  readonly only: readonly string[] | undefined;
  readonly peers: readonly string[] | undefined;
  readonly attacks: readonly string[] | undefined;
  readonly against: string | undefined;
  readonly works: readonly string[] | undefined;
  readonly rounds: number;
  readonly isQuick: boolean;
  /** Where results.md and its charts go. */
  readonly output: string;
}

const DEFAULT_ROUNDS = 3;

export function usage(workloads: readonly string[]): string {
  return `usage: npm run bench -- [--only NAME,…] [--peers NAME,…] [--attacks NAME,…] [--rounds N] [--quick] [--output DIR]
       npm run bench -- --only pairs,features,build [--works NAME,…] [--against CLI]

  --only     ${workloads.join(', ')}
  --peers    ${peerNames.join(', ')}
  --attacks  of --only floods: ${floods.map(({ name }) => name).join(', ')}
  --against  of --only build: dist/cli.js of another build, which is compared with this one by pairs
  --works    of --only pairs, features and build: ${Object.keys(works).join(', ')}
  --rounds   turns of each peer in each workload; default ${DEFAULT_ROUNDS}. Series of CT slices take 2 at most, pairs 6 at least
  --quick    small counts, one round: shows that everything runs, the numbers mean nothing
  --output   folder for results.md and its charts; default bench, or dist-bench/results for a part of the whole

Everything, as published in bench/results.md, takes less than 25 minutes. Nothing else should run meanwhile.
`;
}

/** Throws an Error in words where an argument is not accepted. */
export function parseOptions(programArguments: readonly string[], workloads: readonly string[]): Options {
  const { values } = parseArgs({
    args: [...programArguments],
    options: {
      only: { type: 'string' },
      peers: { type: 'string' },
      attacks: { type: 'string' },
      against: { type: 'string' },
      works: { type: 'string' },
      rounds: { type: 'string' },
      quick: { type: 'boolean', default: false },
      output: { type: 'string' },
    },
  });
  const only = namesIn('--only', values.only, workloads);
  const peers = namesIn('--peers', values.peers, peerNames);
  const attacks = namesIn(
    '--attacks',
    values.attacks,
    floods.map(({ name }) => name),
  );
  const named = namesIn('--works', values.works, Object.keys(works));
  const rounds = Number(values.rounds ?? (values.quick ? 1 : DEFAULT_ROUNDS));
  if (!Number.isInteger(rounds) || rounds < 1) {
    throw new Error(`--rounds ${values.rounds} is not a number of rounds; accepted is 1 or more`);
  }
  const isWhole = only === undefined && peers === undefined && !values.quick;
  const output = values.output ?? join(REPOSITORY, isWhole ? 'bench' : 'dist-bench/results');
  const { against, quick: isQuick } = values;
  return { only, peers, attacks, against, works: named, rounds, isQuick, output };
}

function namesIn(
  option: string,
  value: string | undefined,
  accepted: readonly string[],
): readonly string[] | undefined {
  const names = value?.split(',');
  const unknown = names?.find((name) => !accepted.includes(name));
  if (unknown === undefined) return names;
  throw new Error(`${option} knows no "${unknown}"; accepted are ${accepted.join(', ')}`);
}
