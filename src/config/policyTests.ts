/**
 * Runs the tests of a configuration: asks the code of `aegis explain`, and reports each answer that is not the expected
 * one. Looks at the policy alone. Files, TLS and the clock have no part in it, so a test holds until the configuration
 * is changed.
 */
import { certificateNamedBy } from '../policy/certificate';
import { compileEnforced } from '../policy/compile';
import { type ExplainQuery, type Explanation, explain } from '../policy/explain';
import { type PeerQuestion, prepareQuestion, QuestionError } from '../policy/peerQuestion';
import { EGRESS_LISTENER, type Policy } from '../policy/policy';
import { describeCommand } from '../policy/words';
import { EVERY_AE_TITLE } from '../text/aeTitle';
import { type Finding, formatPath } from '../text/problems';
import { nearestOf, quoteValue } from '../text/quote';
import type { Configuration, ModalityConfiguration } from './schema';
import { ALLOWED } from './schemaTests';

type PolicyTest = NonNullable<Configuration['tests']>[number];

/** None where every test holds. The policy has no errors. */
export function* runPolicyTests(configuration: Configuration): Generator<Finding> {
  const { tests = [], modalities } = configuration;
  if (tests.length === 0) return;
  const policy = compileEnforced(configuration);
  for (const [index, test] of tests.entries()) {
    const path = ['tests', index];
    const { modality: name } = test;
    if (name !== undefined && !Object.hasOwn(modalities, name)) {
      yield { path: [...path, 'modality'], message: unknownEntry(name, Object.keys(modalities)) };
      continue;
    }
    try {
      const entry = name === undefined ? undefined : modalities[name];
      const message = judge(policy, queryOf(policy, configuration, test, entry), test, entry);
      if (message !== undefined) yield { path, message };
    } catch (error) {
      if (!(error instanceof QuestionError)) throw error;
      const key = error.part;
      const message = `${test[key] === undefined ? `${key} ` : ''}${error.message}`;
      yield { path: test[key] === undefined ? path : [...path, key], message };
    }
  }
}

function unknownEntry(name: string, names: readonly string[]): string {
  const nearest = nearestOf(name, names);
  const hint = nearest === undefined ? 'name an entry of modalities' : `did you mean ${quoteValue(nearest)}?`;
  return `${quoteValue(name)} is not a modality; ${hint}`;
}

/** Throws QuestionError where something is neither named nor to be had from the entry. */
function queryOf(
  policy: Policy,
  configuration: Configuration,
  test: PolicyTest,
  entry: ModalityConfiguration | undefined,
): ExplainQuery {
  const byDefault =
    test.listener === EGRESS_LISTENER && configuration.egress !== undefined
      ? egressDefaults(policy, configuration.egress.from, test)
      : ingressDefaults(configuration, entry);
  const { listener = byDefault.listener, sopClass, moveDestination, command } = test;
  const { association, commands } = prepareQuestion(policy, {
    calling: needed('calling', test.calling ?? byDefault.calling),
    called: needed('called', test.called ?? byDefault.called),
    from: needed('from', test.from ?? byDefault.from),
    listener,
    sopClass,
    moveDestination,
    command: command === undefined ? undefined : [command],
  });
  const certificate = test.certificate ?? entry?.certificate?.[0];
  return {
    association:
      certificate === undefined
        ? association
        : { ...association, certificate: certificateNamedBy(certificate) },
    commands,
  };
}

type Defaults = Partial<Record<'calling' | 'called' | 'from' | 'listener', string | undefined>>;

function ingressDefaults(
  { upstreams, listeners }: Configuration,
  entry: ModalityConfiguration | undefined,
): Defaults {
  const usable = listeners.filter(({ name, tls }) => entry?.listeners?.includes(name) ?? tls !== undefined);
  const listener = usable.find(({ tls }) => tls !== undefined) ?? usable[0];
  return {
    calling: entry?.callingAeTitle[0],
    called: entry?.calledAeTitle?.[0] ?? Object.keys(upstreams).find((title) => title !== EVERY_AE_TITLE),
    from: entry?.from[0]?.split('/')[0],
    listener: entry === undefined ? undefined : listener?.name,
  };
}

/** The archive calls the entry. */
function egressDefaults({ egress }: Policy, from: readonly string[], { modality }: PolicyTest): Defaults {
  const known = [...(egress?.modalityByCalledAeTitle ?? [])].find(([, { name }]) => name === modality);
  return {
    calling: egress?.callingAeTitles.titles[0],
    called: known?.[0],
    from: from[0]?.split('/')[0],
    listener: EGRESS_LISTENER,
  };
}

function needed(part: keyof PeerQuestion, value: string | undefined): string {
  if (value !== undefined) return value;
  throw new QuestionError(part, 'is missing; the test has to name it, or a modality that has it');
}

/** What was expected, what came and why; undefined where that is the same. */
function judge(
  policy: Policy,
  query: ExplainQuery,
  { expect, modality: wanted }: PolicyTest,
  entry: ModalityConfiguration | undefined,
): string | undefined {
  const explanation = explain(policy, query);
  const { allowed, failed, modality } = explanation;
  const isOther = allowed && wanted !== undefined && modality?.name !== wanted;
  if ((failed?.reason ?? ALLOWED) === expect && !isOther) return undefined;
  const came = isOther
    ? `it is allowed as ${formatPath(['modalities', modality?.name ?? ''])}`
    : `came ${quoteValue(failed?.reason ?? ALLOWED)}`;
  const observed =
    !allowed && failed?.gate === 'command' && entry?.mode === 'observe'
      ? '; tests judge an entry in observe mode as if it enforced'
      : '';
  return `expected ${quoteValue(expect)}, ${came}: ${describe(query)}: ${whyOf(explanation)}${observed}`;
}

function describe({ association, commands }: ExplainQuery): string {
  const { callingAeTitle, sourceAddress, calledAeTitle, listener } = association;
  const what = commands.map((command) => `${describeCommand(command)} of `).join('');
  return `${what}${quoteValue(callingAeTitle)} at ${sourceAddress} to ${quoteValue(calledAeTitle)} on listener ${quoteValue(listener)}`;
}

/** Where all was allowed, the last check says by what. */
function whyOf({ failed, checks }: Explanation): string {
  return (failed ?? checks.at(-1))?.detail ?? '';
}
