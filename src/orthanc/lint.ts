/**
 * Everything in Orthanc's files that lets traffic bypass the gateway or keeps it from arriving, in the order of the
 * text. The rules are in files of their own.
 */
import { formatPath } from '../text/problems';
import { inOrderOfText, type OrthancConfiguration, type TextPlace } from './configuration';
import type { OrthancExport } from './export';
import { lintDicom } from './lintDicom';
import type { LintDraft, LintRule, LintSubject } from './lintFinding';
import { lintHttp } from './lintHttp';
import { lintModalities } from './lintModalities';
import { lintNames } from './lintNames';
import { parseModalities } from './modality';
import type { OrthancVersion } from './version';

export interface LintOptions {
  readonly version?: OrthancVersion | undefined;
  readonly isBehindFirewall?: boolean;
  readonly expected?: OrthancExport | undefined;
}

export interface LintFinding extends TextPlace, Pick<LintDraft, 'code' | 'severity' | 'message'> {
  /** For example `DicomModalities.ct1.Host`. */
  readonly setting: string;
}

const rules: readonly LintRule[] = [lintDicom, lintHttp, lintModalities, lintNames];

export function lint(configuration: OrthancConfiguration, options: LintOptions = {}): LintFinding[] {
  const { version, isBehindFirewall = false, expected } = options;
  const { modalities, findings } = parseModalities(configuration.settings.DicomModalities);
  const subject: LintSubject = { configuration, modalities, version, isBehindFirewall, expected };
  const drafts: LintDraft[] = [
    ...findings.map((finding) => ({ ...finding, code: 'not-accepted', severity: 'hole' }) as const),
    ...rules.flatMap((rule) => [...rule(subject)]),
  ];
  const doubts = configuration.doubts.map(
    ({ path, kind, ...doubt }): LintFinding => ({
      ...doubt,
      code: 'doubtful-text',
      severity: kind === 'duplicate' ? 'hole' : 'warning',
      setting: formatPath(path),
    }),
  );
  return [...doubts, ...drafts.map((draft) => place(configuration, draft))].sort(
    inOrderOfText(configuration),
  );
}

function place(configuration: OrthancConfiguration, { path, key, ...rest }: LintDraft): LintFinding {
  return {
    ...rest,
    ...configuration.placeOf(path, key),
    setting: formatPath(key === undefined ? path : [...path, key]),
  };
}
