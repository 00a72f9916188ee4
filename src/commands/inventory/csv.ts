/** The inventory as a spreadsheet: a row for each modality. What is a list has its items behind each other. */
import type { ModalityReport, SeenReport } from '../../inventory/report';
import { formatCsv } from '../../onboarding/csvCells';

type Column = readonly [name: string, cellOf: (report: ModalityReport) => string | number | undefined];

const columns: readonly Column[] = [
  ['modality', ({ modality }) => modality],
  ['removedAt', ({ removedAt }) => removedAt],
  ['expectEvery', ({ expectEvery }) => expectEvery],
  ['silentSince', ({ silentSince }) => silentSince],
  ['firstSeen', ({ ingress }) => ingress?.firstSeen],
  ['lastSeen', ({ ingress }) => ingress?.lastSeen],
  ['lastReached', ({ egress }) => egress?.lastSeen],
  ['lastDenied', ({ lastDenied }) => lastDenied?.time],
  ['lastDeniedReason', ({ lastDenied }) => lastDenied?.reason],
  ['associations', ({ ingress }) => ingress?.associations],
  ['commands', ({ ingress }) => ingress?.commands],
  ['bytes', ({ ingress }) => ingress?.bytes],
  ['implementations', ({ ingress }) => values(ingress?.implementations)],
  ['tls', ({ ingress }) => values(ingress?.tls)],
  ['ciphers', ({ ingress }) => values(ingress?.ciphers)],
  ['certificateSubject', ({ ingress }) => ingress?.certificates[0]?.certificate?.subject],
  ['certificateKey', ({ ingress }) => ingress?.certificates[0]?.value],
  ['certificateNotAfter', ({ ingress }) => ingress?.certificates[0]?.certificate?.notAfter],
  ['addresses', ({ ingress }) => values(ingress?.addresses)],
  ['listeners', ({ ingress }) => values(ingress?.listeners)],
  ['callingAeTitles', ({ ingress }) => values(ingress?.callingAeTitles)],
  ['calledAeTitles', ({ ingress }) => values(ingress?.calledAeTitles)],
  ['operations', ({ ingress }) => counted(ingress?.operations)],
  ['transferSyntaxes', ({ ingress }) => counted(ingress?.transferSyntaxes)],
  ['reachedAt', ({ egress }) => values(egress?.addresses)],
  ['reachedImplementations', ({ egress }) => values(egress?.implementations)],
  ['reachedTls', ({ egress }) => values(egress?.tls)],
  ['reachedOperations', ({ egress }) => counted(egress?.operations)],
];

export function inventoryCsv(modalities: readonly ModalityReport[]): string {
  const rows = modalities.map((report) => columns.map(([, cellOf]) => String(cellOf(report) ?? '')));
  return formatCsv([columns.map(([name]) => name), ...rows]);
}

/** AE titles may have spaces. */
function values(seen: readonly SeenReport[] = []): string {
  return seen.map(({ value }) => value).join('; ');
}

function counted(seen: readonly SeenReport[] = []): string {
  return seen.map(({ value, count }) => `${value} ${count}`).join('; ');
}
