/**
 * The work of `aegis explain`: asks the policy, then prints a table of the checks and the result. Plain aligned text; the
 * same facts as JSON for machines.
 */

import { loadConfiguration } from '../../config/load';
import { knownLocks } from '../../config/lockFile';
import { ExitCode } from '../../errors';
import { compilePolicy } from '../../policy/compile';
import { type ExplainedCheck, type ExplainQuery, type Explanation, explain } from '../../policy/explain';
import { contextNotes, explanationReport } from '../../policy/explanationReport';
import { withLocks } from '../../policy/locks';
import { EGRESS_LISTENER } from '../../policy/policy';
import { type ReasonCode, reasons } from '../../policy/reasons';
import { describeMode } from '../../policy/words';
import type { CommandContext } from '../../terminal/command';
import type { Tone } from '../../text/display';
import { quoteValue } from '../../text/quote';
import { hangingLines, textTable } from '../../text/table';
import { type ExplainOptions, prepareQuery } from './query';

export function explainPeer(context: CommandContext, options: ExplainOptions): void {
  const { config, json } = options;
  const { configuration, file } = loadConfiguration(config);
  const now = Date.now();
  const { locks, problem } = knownLocks(configuration, now);
  const policy = withLocks(compilePolicy(configuration, now).policy, [...locks.values()], now);
  const { query, notes } = prepareQuery(options, policy, configuration);
  if (problem !== undefined) notes.push(problem);
  const explanation = explain(policy, query);
  if (explanation.failed?.reason === 'certificate-mismatch' && options.certificate === undefined) {
    notes.push('--certificate gives the certificate that the peer shows');
  }
  notes.push(...contextNotes(explanation));
  context.exit(explanation.allowed ? ExitCode.Done : ExitCode.Failed);
  context.print(
    json === true
      ? `${JSON.stringify(explanationReport(query, explanation, notes), undefined, 2)}\n`
      : reportExplanation(file, query, explanation, notes),
  );
}

function reportExplanation(
  file: string,
  { association }: ExplainQuery,
  explanation: Explanation,
  notes: readonly string[],
): string {
  const { callingAeTitle, calledAeTitle, sourceAddress, listener } = association;
  const { modality, checks } = explanation;
  const entry = modality === undefined ? 'none' : `${quoteValue(modality.name)} of ${file}`;
  // Observe mode is about what a modality asks for, not about what the archive sends to it.
  const mode = modality === undefined || listener === EGRESS_LISTENER ? undefined : describeMode(modality);
  return [
    ...hangingLines(
      `${quoteValue(callingAeTitle)} at ${sourceAddress} calls ${quoteValue(calledAeTitle)} ` +
        `on listener ${quoteValue(listener)}: ${verdict(explanation)}`,
      2,
    ),
    '',
    ...textTable(
      [
        ['gate', 'check', 'outcome', 'detail'],
        ...checks.map(({ gate, check, outcome, detail }) => [gate, check, outcome.replace('-', ' '), detail]),
      ],
      { hasHeadings: true, fits: ['whole'], tone },
    ),
    '',
    ...textTable([
      ['entry', entry],
      ...(mode === undefined ? [] : [['mode', mode]]),
      ...checks.flatMap(findings),
      ...(explanation.allowed ? [['answer', explanation.wireAnswer]] : []),
      ...notes.map((note) => ['note', note]),
    ]),
    '',
  ].join('\n');
}

function tone(cell: string, column: number): Tone | undefined {
  return column === OUTCOME_COLUMN ? TONES[cell] : undefined;
}

const OUTCOME_COLUMN = 2;
const TONES: Readonly<Record<string, Tone>> = { passed: 'ok', failed: 'refused', 'would deny': 'warning' };

function verdict({ allowed, checks }: Explanation): string {
  if (!allowed) return 'denied';
  return checks.some(({ outcome }) => outcome === 'would-deny')
    ? 'allowed, only because the entry is in observe mode'
    : 'allowed';
}

function findings({ outcome, reason, wireAnswer }: ExplainedCheck): string[][] {
  if (reason === undefined) return [];
  const words = [outcome === 'failed' ? 'reason' : 'would deny', describeReason(reason)];
  return wireAnswer === undefined ? [words] : [words, ['answer', wireAnswer]];
}

function describeReason(reason: ReasonCode): string {
  return `${reason}: ${reasons[reason].text}`;
}
