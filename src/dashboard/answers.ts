/**
 * What the page makes of answers before it draws them: the chart goes on with each frame, denials that repeat are one, and
 * modalities are found and sorted. Pure.
 */
import type {
  HistoryBucket,
  HistoryReport,
  ModalityHealth,
  ModalitySummary,
  PageDenial,
} from '../admin/pageReport';
import type { ModalityReport, SeenReport } from '../inventory/report';
import { healths } from './health';

/** The history with the present bucket of the stream put in its place. */
export function withNow(history: HistoryReport, now: HistoryBucket): HistoryReport {
  const length = history.associations.length;
  const index = Math.round((Date.parse(now.from) - Date.parse(history.from)) / 1000 / history.bucketSeconds);
  if (index < 0 || index >= 2 * length) return history;
  const shift = Math.max(0, index - length + 1);
  const column = (key: 'associations' | 'bytes' | 'refusals') => {
    const values = [...history[key].slice(shift), ...Array.from({ length: shift }, () => 0)].slice(-length);
    values[index - shift] = now[key];
    return values;
  };
  return {
    bucketSeconds: history.bucketSeconds,
    from: new Date(Date.parse(history.from) + shift * history.bucketSeconds * 1000).toISOString(),
    associations: column('associations'),
    bytes: column('bytes'),
    refusals: column('refusals'),
  };
}

/** What a modality is and does: by label, what was seen last first. Nothing where it was never there. */
export function inventoryRows({ ingress, egress }: ModalityReport): (readonly [string, SeenReport[]])[] {
  const side = ingress ?? egress;
  if (side === undefined) return [];
  return [
    ['device', side.implementations],
    ['TLS', side.tls],
    ['cipher', side.ciphers],
    ['certificate', side.certificates],
    ['came from', ingress?.addresses ?? []],
    ['asked for', ingress?.operations ?? []],
    ['stored as', ingress?.transferSyntaxes ?? []],
    ['reached at', egress?.addresses ?? []],
    ['was sent', egress?.operations ?? []],
  ];
}

export interface Repeated {
  readonly denial: PageDenial;
  readonly count: number;
}

/** The newest of each kind, with how many of these there are: a device that tries every second must not hide others. */
export function withoutRepeats(denials: readonly PageDenial[]): Repeated[] {
  const byKind = new Map<string, Repeated>();
  for (const denial of denials) {
    const { reason, modality, sourceAddress, callingAeTitle, calledAeTitle, command, sopClass, outcome } =
      denial;
    const kind = JSON.stringify([
      ...[reason, outcome, modality, sourceAddress],
      ...[callingAeTitle, calledAeTitle, command, sopClass],
    ]);
    const before = byKind.get(kind);
    byKind.set(kind, { denial: before?.denial ?? denial, count: (before?.count ?? 0) + 1 });
  }
  return [...byKind.values()];
}

/** Of this health, with this text in a name, an AE title or an address; the worst first. */
export function matching(
  modalities: readonly ModalitySummary[],
  search: string,
  health: ModalityHealth | undefined,
): ModalitySummary[] {
  const wanted = search.trim().toLowerCase();
  return modalities
    .filter((one) => health === undefined || one.health === health)
    .filter(({ name, callingAeTitle, from, lastAddress = '' }) =>
      [name, ...callingAeTitle, ...from, lastAddress].some((text) => text.toLowerCase().includes(wanted)),
    )
    .sort((one, other) => healths.indexOf(one.health) - healths.indexOf(other.health));
}
