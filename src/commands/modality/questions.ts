/**
 * The questions of `aegis modality add`: what the options left open, in the order in which people think of it. The checks
 * of the configuration judge each answer; a wrong one is asked for again.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { type ConfigurationSource, refuseErrors } from '../../config/editConfiguration';
import type { Configuration } from '../../config/schema';
import { freeName } from '../../config/schemaValues';
import {
  choicesOf,
  defaultEntryName,
  type EntryField,
  entryField,
  withFields,
} from '../../onboarding/entryFields';
import { parseFieldText } from '../../onboarding/fieldText';
import { faultOfField, overlapOf, rawConfiguration } from '../../onboarding/findings';
import { doubtAbout } from '../../onboarding/titleDoubts';
import { Questions } from '../../terminal/questions';
import { escapeUnsafe } from '../../text/quote';
import { addressValues, certificateMatch, type Draft } from './draft';

interface AskOptions {
  /** Folder of the CA. */
  readonly dir: string;
  readonly issueCertificate?: boolean;
}

export interface AskedDraft {
  readonly draft: Draft;
  readonly isIssuing: boolean;
}

/** Asks for everything that `given` leaves open. Throws OperatorError on Ctrl-C and Ctrl-D. */
export async function askForDraft(
  given: Draft,
  source: ConfigurationSource,
  options: AskOptions,
): Promise<AskedDraft> {
  refuseErrors(source);
  const { configuration } = source.reading;
  const current = rawConfiguration(source);
  const values = new Map(given.values);
  const questions = new Questions();

  const askField = async (column: string, question: string, byDefault = ''): Promise<void> => {
    const field = entryField(column);
    if (values.has(field)) return;
    let value: unknown;
    let doubt: string | undefined;
    do {
      const given = await questions.ask(question, byDefault, (answer) => {
        try {
          value = fieldValue(field, answer);
        } catch (error) {
          return (error as Error).message;
        }
        return faultOfField(current, withFields({}, [...values, [field, value]]), field);
      });
      doubt = doubtAbout(field, given, value);
    } while (doubt !== undefined && !(await questions.confirm(doubt)));
    if (value !== undefined) values.set(field, value);
  };

  try {
    await askField(
      'callingAeTitle',
      'calling AE title of the device (separate titles with spaces; put | after a title that contains one)',
    );
    const name = await askName(questions, given, values, current.modalities);
    await askField('from', 'IP addresses or CIDR blocks that it comes from (separate them with spaces)');
    const overlap = overlapOf(current, withFields({}, values));
    if (overlap !== undefined) process.stderr.write(`  so far, it ${escapeUnsafe(overlap)}\n`);
    await askField('allow', `what it may do (${choicesOf(entryField('allow')).join(' ')})`, 'echo store');
    const upstreams = Object.keys(configuration?.upstreams ?? {});
    if (upstreams.length > 1) {
      await askField('calledAeTitle', `archives that it may call (${upstreams.join(' ')}; empty: all)`);
    }
    await askListener(configuration, askField);
    if (allows(values, 'store')) {
      await askField(
        'storeSopClasses',
        'kinds of objects that it may store (such as CTImageStorage; empty: all)',
      );
    }
    if (allows(values, 'move')) {
      await askField('moveDestinations', 'AE titles that it may have images sent to (empty: its own)');
    }
    const isIssuing = await askIssuing(questions, name, values, configuration, options);
    if (!isIssuing && asksForCertificate(values, configuration)) {
      await askField(
        'certificate',
        'certificate that it must show (cn:…, dns:…, a PEM file; empty: any that the listener trusts)',
      );
    }
    await askAddress(questions, values);
    return { draft: { name, values }, isIssuing };
  } finally {
    questions.close();
  }
}

function fieldValue(field: EntryField, answer: string): unknown {
  const value = parseFieldText(field, answer);
  if (field.column !== 'certificate' || value === undefined) return value;
  const matches = [value].flat().map((match) => certificateMatch(String(match)));
  return matches.length === 1 ? matches[0] : matches;
}

async function askName(
  questions: Questions,
  given: Draft,
  values: ReadonlyMap<EntryField, unknown>,
  taken: Readonly<Record<string, object>>,
): Promise<string> {
  const byDefault = given.name || defaultEntryName(values.get(entryField('callingAeTitle')));
  const check = (answer: string) => {
    if (answer === '') return 'a name is needed';
    const { error } = freeName.safeParse(answer);
    if (error !== undefined) return error.issues[0]?.message;
    return taken[answer] === undefined ? undefined : 'this name is taken; choose another';
  };
  if (given.name !== '' && check(given.name) === undefined) return given.name;
  return questions.ask('name of the entry, for logs and commands', byDefault, check);
}

/** Asked only where there is a choice, or where the entry would have no listener. */
async function askListener(
  configuration: Configuration | undefined,
  askField: (column: string, question: string, byDefault?: string) => Promise<void>,
): Promise<void> {
  const listeners = configuration?.listeners ?? [];
  const withTls = listeners.filter(({ tls }) => tls !== undefined).map(({ name }) => name);
  if (listeners.length < 2 && withTls.length > 0) return;
  const all = listeners
    .map(({ name, tls }) => (tls === undefined ? `${name}, without TLS` : name))
    .join('; ');
  // A plain one has to be named: without TLS nothing proves who is calling.
  if (withTls.length > 0) {
    await askField('listeners', `listeners that it may use (${all}; empty: all with TLS)`);
  } else {
    await askField(
      'listeners',
      `listeners that it may use (${all})`,
      listeners.map(({ name }) => name).join(' '),
    );
  }
}

function allows(values: ReadonlyMap<EntryField, unknown>, permission: string): boolean {
  return [values.get(entryField('allow'))].flat().includes(permission);
}

function asksForCertificate(
  values: ReadonlyMap<EntryField, unknown>,
  configuration: Configuration | undefined,
): boolean {
  const named = values.get(entryField('listeners'));
  const usable = (configuration?.listeners ?? []).filter(({ name, tls }) =>
    named === undefined ? tls !== undefined : [named].flat().includes(name),
  );
  return usable.some(({ tls }) => tls?.clientCertificate === 'required');
}

async function askIssuing(
  questions: Questions,
  name: string,
  values: ReadonlyMap<EntryField, unknown>,
  configuration: Configuration | undefined,
  { dir, issueCertificate }: AskOptions,
): Promise<boolean> {
  if (issueCertificate !== undefined) return issueCertificate;
  if (values.has(entryField('certificate')) || !asksForCertificate(values, configuration)) return false;
  const canIssue = existsSync(join(dir, 'ca.key')) && !existsSync(join(dir, `${name}.crt`));
  return canIssue && (await questions.confirm(`issue a certificate for it with the CA in ${dir}`));
}

async function askAddress(questions: Questions, values: Map<EntryField, unknown>): Promise<void> {
  if (values.has(entryField('host'))) return;
  let address: [EntryField, unknown][] = [];
  await questions.ask('host:port where the device itself listens (empty: nowhere)', '', (answer) => {
    try {
      address = answer === '' ? [] : addressValues(answer);
      return undefined;
    } catch (error) {
      return (error as Error).message;
    }
  });
  for (const [field, value] of address) values.set(field, value);
}
