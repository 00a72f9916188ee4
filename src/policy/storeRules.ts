/**
 * Which images a modality may store: rules over elements of the data set, of which the first that matches decides. What
 * cannot be decided is refused. Says which rule and which element decided, and never a value.
 */
import type { ModalityConfiguration } from '../config/schema';
import { type DataSetReader, SPECIFIC_CHARACTER_SET, tagText } from '../dimse/dataSetStart';
import { canonicalText, elementTexts, isNumber } from '../dimse/elementTexts';
import { type FirstElement, firstElement, firstKeywords, MAX_GROUP, MIN_GROUP } from '../dimse/firstElements';
import { formatPath } from '../text/problems';
import { nearestOf, quoteValue } from '../text/quote';

type RuleConfiguration = NonNullable<ModalityConfiguration['storeRules']>[number];

interface Condition {
  readonly element: FirstElement;
  /** Whether the element must have a value; or texts, one of which it must have. */
  readonly wanted: boolean | readonly Glob[];
}

/** What stands between the asterisks; one part alone is the whole text. */
type Glob = readonly string[];

interface StoreRule {
  /** `storeRules[0] "no reports"`. */
  readonly label: string;
  readonly allows: boolean;
  /** All must hold. */
  readonly conditions: readonly Condition[];
  readonly status: number;
}

export interface RuleVerdict {
  readonly allows: boolean;
  /** Which rule decided, and by which element. */
  readonly words: string;
  /** Of the refusal. */
  readonly status: number;
}

export class StoreRules {
  readonly isObserved: boolean;
  readonly tags: ReadonlySet<number>;
  readonly #rules: readonly StoreRule[];

  /** At least one. */
  constructor(rules: readonly StoreRule[], isObserved: boolean) {
    this.#rules = rules;
    this.isObserved = isObserved;
    const tags = rules.flatMap(({ conditions }) => conditions.map(({ element }) => element.tag));
    this.tags = new Set([SPECIFIC_CHARACTER_SET, ...tags]);
  }

  /** `passed` gets the words of each rule that does not match. */
  judge(reader: DataSetReader, isBigEndian: boolean, passed?: (words: string) => void): RuleVerdict {
    let failing: FirstElement | undefined;
    for (const { label, allows, conditions, status } of this.#rules) {
      let unclear: string | undefined;
      failing = undefined;
      for (const condition of conditions) {
        const outcome = outcomeOf(condition, reader, isBigEndian);
        if (outcome === false) failing = condition.element;
        else if (outcome !== true) unclear ??= `${condition.element.name} ${outcome}`;
        if (failing !== undefined) break;
      }
      if (failing !== undefined) {
        passed?.(`${label} does not match: ${failing.name}`);
        continue;
      }
      if (unclear !== undefined) {
        return { allows: false, words: `${label} cannot be decided: ${unclear}`, status };
      }
      const names = conditions.map(({ element }) => element.name).join(', ');
      const verb = allows ? 'allows' : 'refuses';
      return { allows, words: `${label} ${verb} it${names === '' ? '' : `: ${names}`}`, status };
    }
    const { label, allows, status } = this.#rules.at(-1)!;
    const missed = `the last one, ${label}, ${allows ? 'allows' : 'refuses'} others: ${failing?.name}`;
    return { allows: !allows, words: `no rule matches; ${missed}`, status };
  }

  /** Of a data set that cannot be read. */
  undecidable(fault: string): RuleVerdict {
    const words = `storeRules cannot be decided: ${fault}`;
    return { allows: false, words, status: Number(DEFAULT_STATUS) };
  }
}

/** A text says why it is neither. */
function outcomeOf(
  { element, wanted }: Condition,
  reader: DataSetReader,
  isBigEndian: boolean,
): boolean | string {
  const value = reader.value(element.tag);
  if (value === undefined) {
    // Behind an element that came too late there may be more: archives sort them.
    return reader.isDisordered ? 'may be missing or out of order' : wanted === false;
  }
  const { representation } = element;
  // Of what is not text, only whether it is there can be said.
  const isAnything = representation === undefined && typeof wanted === 'boolean';
  const characterSet = reader.value(SPECIFIC_CHARACTER_SET);
  const texts = elementTexts(value, representation, characterSet, isBigEndian);
  if ('unclear' in texts) return isAnything ? (value.bytes !== '') === wanted : texts.unclear;
  const outcomes = texts.readings.map((values) =>
    typeof wanted === 'boolean'
      ? values.some((text) => text !== '') === wanted
      : matchOutcome(element, values, wanted),
  );
  const [first] = outcomes;
  return outcomes.every((outcome) => outcome === first) ? first! : 'can be read in two character sets';
}

/**
 * Any of several values may match. Where there should be one, archives differ on which of them counts, so all must agree:
 * with "SR\\CT", a report would pass for what a rule allows.
 */
function matchOutcome(
  { mayHaveMore }: FirstElement,
  values: readonly string[],
  wanted: readonly Glob[],
): boolean | string {
  const matching = values.filter((text) => wanted.some((glob) => matches(glob, text))).length;
  if (mayHaveMore || matching === 0 || matching === values.length) return matching > 0;
  return 'has more than one value';
}

/** Each part is looked for once, behind the one before it: no attempt is taken back. */
function matches(glob: Glob, text: string): boolean {
  const [first = '', ...others] = glob;
  const last = others.pop();
  if (last === undefined) return text === first;
  if (!text.startsWith(first)) return false;
  let at = first.length;
  for (const part of others) {
    const found = text.indexOf(part, at);
    if (found < 0) return false;
    at = found + part.length;
  }
  return text.length - last.length >= at && text.endsWith(last);
}

type Report = (severity: 'error' | 'warning', path: (string | number)[], message: string) => void;

const DEFAULT_STATUS = '0xA900';

/** Undefined without rules. Rules that are wrong are reported and left out. */
export function compileStoreRules(
  { storeRules, allow }: Pick<ModalityConfiguration, 'storeRules' | 'allow'>,
  isObserved: boolean,
  report: Report,
): StoreRules | undefined {
  if (storeRules === undefined) return undefined;
  if (!allow.includes('store')) {
    report('warning', ['storeRules'], 'has no effect, because "store" is not in allow');
  }
  const rules = storeRules.flatMap((rule, index) => {
    const path = ['storeRules', index];
    const isLast = index === storeRules.length - 1;
    if ((rule.allow === undefined) === (rule.refuse === undefined)) {
      report('error', path, 'a rule has either "allow" or "refuse"');
      return [];
    }
    const conditions = compileConditions(rule, path, report);
    if (rule.allow !== undefined && rule.status !== undefined && !isLast) {
      report('warning', [...path, 'status'], 'has no effect: only the last rule refuses without a match');
    }
    if (conditionsOf(rule).length === 0 && !isLast) {
      report('warning', path, 'has no conditions, so it matches every image; no rule behind it counts');
    }
    return [
      {
        label: labelOf(rule, index),
        allows: rule.allow !== undefined,
        conditions,
        status: Number(rule.status ?? DEFAULT_STATUS),
      },
    ];
  });
  return rules.length === 0 ? undefined : new StoreRules(rules, isObserved);
}

function conditionsOf({ allow, refuse }: RuleConfiguration) {
  return Object.entries(allow ?? refuse ?? {});
}

function labelOf({ name }: RuleConfiguration, index: number): string {
  const path = formatPath(['storeRules', index]);
  return name === undefined ? path : `${path} ${quoteValue(name)}`;
}

function compileConditions(
  rule: RuleConfiguration,
  path: readonly (string | number)[],
  report: Report,
): readonly Condition[] {
  const verb = rule.allow === undefined ? 'refuse' : 'allow';
  return conditionsOf(rule).flatMap(([key, wanted]): readonly Condition[] => {
    const at = [...path, verb, key];
    const element = firstElement(key);
    if (element === undefined) {
      report('error', at, describeUnknown(key));
      return [];
    }
    if (typeof wanted === 'boolean') return [{ element, wanted }];
    for (const text of wanted) {
      const fault = faultOf(text, element);
      if (fault !== undefined) report('error', at, `${quoteValue(text)} ${fault}`);
    }
    const globs = wanted.map((text) =>
      text.includes('*')
        ? canonicalText('LO', text).split('*')
        : [canonicalText(element.representation ?? 'LO', text)],
    );
    return [{ element, wanted: globs }];
  });
}

function faultOf(text: string, { representation }: FirstElement): string | undefined {
  if (text.trim() === '') return 'is empty; write false for an element without a value';
  if (text.includes('\\')) return 'has a backslash, which separates values: each value is compared alone';
  if (isNumber(representation) && !Number.isFinite(Number(text))) {
    return 'is not a number, and the values of the element are';
  }
  return undefined;
}

function describeUnknown(key: string): string {
  const range = `${hex4(MIN_GROUP)} to ${hex4(MAX_GROUP)}`;
  const nearest = nearestOf(key, firstKeywords);
  const help =
    nearest === undefined
      ? `accepted are keywords such as Modality, and tags such as 0008,0060, of the groups ${range}`
      : `did you mean ${quoteValue(nearest)}?`;
  return `${quoteValue(key)} is not an element that rules can look at; ${help}`;
}

function hex4(group: number): string {
  return tagText(group << 16).slice(1, 5);
}

/** One line each, for people: `refuse: Modality SR or OT`, and what happens without a match. */
export function describeStoreRules(rules: readonly RuleConfiguration[] = []): string[] {
  const lines = rules.map((rule) => {
    const verb = rule.allow === undefined ? 'refuse' : 'allow';
    const conditions = conditionsOf(rule).map(([key, wanted]) => {
      if (typeof wanted === 'boolean') return `${key} ${wanted ? 'present' : 'absent'}`;
      return `${key} ${wanted.join(' or ')}`;
    });
    return `${verb}: ${conditions.length === 0 ? 'everything' : conditions.join(' and ')}`;
  });
  const last = rules.at(-1);
  if (last === undefined || conditionsOf(last).length === 0) return lines;
  return [...lines, `${last.allow === undefined ? 'allow' : 'refuse'}: everything else`];
}
