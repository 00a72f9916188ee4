/** The inventory as text for people: a table of all modalities, or one in full. Everything in it is escaped. */
import type { ModalityReport, SeenReport, SideReport } from '../../inventory/report';
import { reasons } from '../../policy/reasons';
import { paint } from '../../text/display';
import { dayOf, formatMinute } from '../../text/moments';
import { countOf, escapeUnsafe } from '../../text/quote';
import { hangingLines, textTable } from '../../text/table';
import { formatBytes, formatTime } from '../status/text';

const HEADER = ['NAME', 'LAST SEEN', 'FROM', 'DEVICE', 'TLS', 'DOES'];

export function inventoryTable(modalities: readonly ModalityReport[]): string {
  const rows = modalities.map(cellsOf);
  const lines = [
    ...textTable([HEADER, ...rows], {
      hasHeadings: true,
      fits: ['anywhere', 'whole', 'anywhere', 'anywhere', 'whole', 'words'],
    }),
    ...modalities.flatMap(silenceLines),
  ];
  return `${lines.join('\n')}\n`;
}

function cellsOf({ modality, removedAt, ingress, egress }: ModalityReport): string[] {
  const side = ingress ?? egress;
  const name = removedAt === undefined ? modality : `${modality} (removed)`;
  if (side === undefined) return [name, 'never', '-', '-', '-', '-'];
  return [
    name,
    formatMinute(side.lastSeen),
    andMore(side.addresses),
    deviceOf(side),
    shortTls(side.tls[0]),
    [commandsOf(ingress), commandsOf(egress, 'gets ')].filter(Boolean).join('; ') || '-',
  ];
}

function andMore([first, ...others]: readonly SeenReport[]): string {
  return `${first?.value ?? '-'}${others.length === 0 ? '' : ` +${others.length}`}`;
}

/** The name of its version; the UID where it has none. */
function deviceOf({ implementations: [implementation] }: SideReport): string {
  return implementation?.value.replace(/ \([\d.]+\)$/, '') ?? '-';
}

function shortTls(tls: SeenReport | undefined): string {
  return tls?.value.replace(/^TLSv/, '') ?? '-';
}

/** `C-STORE, C-ECHO`: what it did most comes first. */
function commandsOf(side: SideReport | undefined, prefix = ''): string {
  const counts = new Map<string, number>();
  for (const { value, count } of side?.operations ?? []) {
    const [command = ''] = value.split(' ', 1);
    counts.set(command, (counts.get(command) ?? 0) + count);
  }
  const most = [...counts].sort(([, one], [, other]) => other - one);
  return most.length === 0 ? '' : prefix + most.map(([command]) => command).join(', ');
}

function silenceLines({ modality, silentSince, expectEvery, ingress }: ModalityReport): string[] {
  if (silentSince === undefined) return [];
  const before = ingress === undefined ? 'it never came' : `last seen ${formatTime(ingress.lastSeen)}`;
  const [first = '', ...rest] = hangingLines(
    escapeUnsafe(`SILENT: ${modality}, expected every ${expectEvery}; ${before}`),
    2,
  );
  return [`${paint('refused', 'SILENT')}${first.slice('SILENT'.length)}`, ...rest];
}

/** Everything that is known of one. */
export function modalityText(report: ModalityReport): string {
  const { modality, removedAt, expectEvery, silentSince, lastDenied, ingress, egress } = report;
  const facts = [
    ...(removedAt === undefined ? [] : [`removed from the configuration at ${formatTime(removedAt)}`]),
    ...(expectEvery === undefined ? [] : [`expected every ${expectEvery}`]),
    ...(silentSince === undefined ? [] : [`SILENT: reported at ${formatTime(silentSince)}`]),
    ...(ingress === undefined ? ['it never came'] : []),
    ...(lastDenied === undefined ? [] : [describeDenied(lastDenied)]),
  ];
  const lines = [
    escapeUnsafe(modality),
    ...facts.flatMap((fact) => hangingLines(`  ${escapeUnsafe(fact)}`, 4)),
    ...(ingress === undefined ? [] : sideLines('WHAT IT ASKS', ingress)),
    ...(egress === undefined ? [] : sideLines('WHEN THE ARCHIVE REACHES IT', egress)),
  ];
  return `${lines.join('\n')}\n`;
}

function describeDenied({
  time,
  reason,
  command,
  sourceAddress,
  outcome,
}: NonNullable<ModalityReport['lastDenied']>): string {
  const what = command === undefined ? '' : `${command} `;
  const from = sourceAddress === undefined ? '' : ` from ${sourceAddress}`;
  const words = Object.hasOwn(reasons, reason) ? `: ${reasons[reason as keyof typeof reasons].text}` : '';
  const how = outcome === 'denied' ? 'refused' : 'would have been refused';
  return `last ${how} ${formatTime(time)}${from}: ${what}${reason}${words}`;
}

const LABELS = [
  ['implementations', 'device'],
  ['tls', 'TLS'],
  ['ciphers', 'cipher'],
  ['groups', 'key exchange'],
  ['certificates', 'certificate'],
  ['addresses', 'address'],
  ['listeners', 'listener'],
  ['callingAeTitles', 'calling title'],
  ['calledAeTitles', 'called title'],
  ['operations', 'commands'],
  ['transferSyntaxes', 'stored as'],
] as const;

function sideLines(title: string, side: SideReport): string[] {
  const { associations, commands, bytes, firstSeen, lastSeen } = side;
  const summary = [
    countOf(associations, 'association'),
    countOf(commands, 'command'),
    formatBytes(bytes),
    `first seen ${formatTime(firstSeen)}`,
    `last ${formatTime(lastSeen)}`,
  ].join(', ');
  const rows = LABELS.flatMap(([aspect, label]) =>
    side[aspect].map((seen, index) => [
      index === 0 ? label : '',
      wordsOf(seen),
      `${seen.count}×`,
      formatMinute(seen.firstSeen),
      formatMinute(seen.lastSeen),
    ]),
  );
  return [
    '',
    paint('heading', title),
    ...hangingLines(`  ${summary}`, 2),
    ...textTable([['', '', 'TIMES', 'FIRST', 'LAST'], ...rows], {
      hasHeadings: true,
      indent: 2,
      fits: ['whole', 'anywhere', 'whole', 'whole', 'whole'],
    }),
  ];
}

function wordsOf({ value, certificate }: SeenReport): string {
  if (certificate === undefined) return value;
  const { subject, issuer, notAfter } = certificate;
  const end = notAfter === undefined ? '' : `, ends ${dayOf(notAfter)}`;
  return `${subject ?? 'without a subject'}, issued by ${issuer ?? 'nobody named'}${end}, ${value}`;
}
