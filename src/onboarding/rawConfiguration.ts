/**
 * A configuration as its text and the environment have it: paths relative, nothing filled in. For what is compared
 * with and written into spreadsheets; the gateway itself runs on what config/load.ts makes of it.
 */
import type { ConfigurationSource } from '../config/editConfiguration';
import { applyEnvironment } from '../config/environment';
import { configurationSchema } from '../config/schema';
import { parseSourceText } from '../config/sourceText';

export interface RawConfiguration {
  readonly [key: string]: unknown;
  /** Without a prototype: names are anything. */
  readonly modalities: Readonly<Record<string, object>>;
}

/** The source has been opened, so its root and `modalities` are objects. */
export function rawConfiguration({ text, env }: ConfigurationSource): RawConfiguration {
  const value = applyEnvironment(parseSourceText(text).value, configurationSchema, env)
    .value as RawConfiguration;
  const modalities = Object.assign(Object.create(null), value.modalities);
  return { ...value, modalities };
}
