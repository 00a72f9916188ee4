/**
 * The onboarding sheet: everything that a person needs to set up one device, as sections of plain values. Two renderers
 * make Markdown and HTML of them. The sheet holds no secrets: it names the files of keys, never their content.
 */
import { basename } from 'node:path';
import type { Configuration, ModalityConfiguration } from '../config/schema';
import { permissions as permissionTable } from '../dimse/permissions';
import { EVERY_AE_TITLE, titleToAsk } from '../text/aeTitle';
import { formatHostAndPort, isLoopback, isUnspecified } from '../text/hostAndPort';
import { describeValidity, formatDay } from '../text/moments';
import { nameArgument, shellQuoted } from '../text/quote';
import {
  type CertificateFacts,
  type DeviceFiles,
  isElsewhere,
  type ListenerFacts,
  type TlsListenerFacts,
} from './listenerFacts';
import type { Sheet, SheetFact, SheetSection } from './sheetMarkdown';

export interface SheetSubject {
  readonly name: string;
  readonly configuration: Configuration;
  readonly listeners: readonly ListenerFacts[];
  /** What devices dial, the best one first. Empty: to be filled in by hand. */
  readonly hosts: readonly string[];
  readonly deviceFiles: DeviceFiles | undefined;
  readonly date: Date;
}

/** More would not fit on the page; the configuration has all. */
const MAX_VALUES = 8;
const TO_FILL_IN = '____________________';

export function onboardingSheet(subject: SheetSubject): Sheet {
  const { name, configuration, date } = subject;
  const entry = configuration.modalities[name]!;
  return {
    title: `DICOM connection of ${name}`,
    subtitle: `What to set up on the device, and how to test it. ${formatDay(date)}`,
    sections: [
      connection(subject, entry),
      certificates(subject, entry),
      permissions(entry),
      ...wayBack(entry),
      test(subject, entry),
      troubles(subject, entry),
      { kind: 'form', title: 'Done', fields: ['set up by', 'date', 'C-ECHO answered', 'first image stored'] },
    ],
  };
}

/** A device needs a title to enter. Where only the catch-all is there, any will do. */
function calledAeTitles(
  { calledAeTitle }: ModalityConfiguration,
  { upstreams }: SheetSubject['configuration'],
): readonly string[] {
  const named = (calledAeTitle ?? Object.keys(upstreams)).filter((title) => title !== EVERY_AE_TITLE);
  const [[key, upstream] = []] = Object.entries(upstreams);
  return named.length > 0 || key === undefined ? named : [titleToAsk(key, upstream?.calledAeTitle)];
}

function connection(
  { listeners, hosts, configuration }: SheetSubject,
  entry: ModalityConfiguration,
): SheetSection {
  const called = calledAeTitles(entry, configuration);
  const profiles = [
    ...new Set(listeners.flatMap(({ tls }) => (tls === undefined ? [] : [profileWords(tls)]))),
  ];
  const suites = [...new Set(listeners.flatMap(({ tls }) => tls?.cipherSuites ?? []))];
  return {
    kind: 'facts',
    title: 'Enter in the device',
    rows: [
      { label: 'host', values: hosts.length === 0 ? [TO_FILL_IN] : hosts, isKey: true },
      {
        label: 'port',
        values: listeners.map((listener) => portWords(listener, listeners, entry)),
        isKey: true,
      },
      { label: 'called AE title (archive)', values: few(called), isKey: true },
      { label: 'calling AE title (device)', values: few(entry.callingAeTitle), isKey: true },
      { label: 'address of the device', values: few(entry.from), isKey: true },
      { label: 'TLS', values: profiles.length === 0 ? ['off'] : profiles },
      ...(suites.length === 0 ? [] : [{ label: 'cipher suites, any of', values: [few(suites).join(', ')] }]),
    ],
    note: 'The gateway refuses the device from any other address.',
  };
}

/** `2762 (TLS)`, with where it is where that is not every host of the gateway. */
function portWords(
  { host, port, tls, isLocal }: ListenerFacts,
  { length }: readonly ListenerFacts[],
  entry: ModalityConfiguration,
): string {
  const words = [tls === undefined ? 'without TLS' : 'TLS'];
  if (isLocal && isElsewhere(entry)) words.push('only on the gateway itself');
  else if (length > 1 && !isUnspecified(host) && !isLoopback(host)) words.push(`at ${host}`);
  return `${port === 0 ? TO_FILL_IN : port} (${words.join(', ')})`;
}

function profileWords({ versions, title, clause }: TlsListenerFacts): string {
  return `on, ${versions.join(' or ')}: ${title} (${clause})`;
}

function certificates({ listeners, deviceFiles }: SheetSubject, entry: ModalityConfiguration): SheetSection {
  const withTls = listeners.flatMap(({ tls }) => (tls === undefined ? [] : [tls]));
  const title = 'Which certificate goes where';
  if (withTls.length === 0) {
    return {
      kind: 'facts',
      title,
      rows: [{ label: 'certificates', values: ['none: the connection is without TLS'] }],
    };
  }
  const rows: string[][] = [];
  if (withTls.some(({ requiresCertificate }) => requiresCertificate))
    rows.push(deviceRow(deviceFiles, entry));
  for (const authority of unique(withTls.map((tls) => tls.authority))) {
    rows.push([basename(authority.file), 'the device, as a CA that it trusts', certificateWords(authority)]);
  }
  for (const certificate of unique(withTls.flatMap((tls) => tls.serverCertificates))) {
    rows.push([
      basename(certificate.file),
      'stays on the gateway, which shows it',
      certificateWords(certificate),
    ]);
  }
  return {
    kind: 'table',
    title,
    header: ['file', 'goes to', 'to compare'],
    rows,
    note: 'Send keys and passwords separately from this sheet and from each other, and never by e-mail.',
  };
}

function deviceRow(files: DeviceFiles | undefined, { certificate }: ModalityConfiguration): string[] {
  const where = 'the device, as its own certificate and key';
  if (files === undefined) {
    const accepted = certificate === undefined ? 'any that the gateway trusts' : few(certificate).join(', ');
    const isPinned = certificate?.every((text) => /^(spki-)?sha256:/.test(text)) === true;
    return [isPinned ? '(the one with this fingerprint)' : '(from your CA)', where, `accepted: ${accepted}`];
  }
  const pair = `${basename(files.certificate.file)} and ${basename(files.privateKeyFile)}`;
  const names = files.pkcs12File === undefined ? pair : `${basename(files.pkcs12File)}, or ${pair}`;
  return [names, where, certificateWords(files.certificate)];
}

/** The fingerprint has a line for each half, so that people can compare them. */
function certificateWords({ subject, names, fingerprint256, notAfter }: CertificateFacts): string {
  const whose = names.length === 0 ? subject : few(names).join(', ');
  const middle = 'AA:'.length * 16;
  const halves = [fingerprint256.slice(0, middle), fingerprint256.slice(middle)];
  return [`${whose}, until ${formatDay(notAfter)}, SHA-256`, ...halves].join('\n');
}

function unique(certificates: readonly (CertificateFacts | undefined)[]): CertificateFacts[] {
  const byFingerprint = new Map(certificates.map((facts) => [facts?.fingerprint256, facts]));
  return [...byFingerprint.values()].filter((facts) => facts !== undefined);
}

/** What is allowed takes no more room than half of the width has. */
function isShort({ address, allow, storeSopClasses }: ModalityConfiguration): boolean {
  return address !== undefined && allow.length <= 3 && storeSopClasses === undefined;
}

function permissions(entry: ModalityConfiguration): SheetSection {
  const { allow, services = [], storeSopClasses, moveDestinations, callingAeTitle } = entry;
  const { maxAssociations, mode } = entry;
  const may = [
    ...allow.map((one) => permissionTable[one].words),
    ...services.map((service) => `use the service ${service}`),
  ];
  const destinations = moveDestinations ?? callingAeTitle;
  const rows: SheetFact[] = [{ label: 'the device may', values: may.length === 0 ? ['nothing yet'] : may }];
  if (storeSopClasses !== undefined) rows.push({ label: 'it may store', values: few(storeSopClasses) });
  if (allow.includes('move')) {
    rows.push({
      label: 'it may have images sent to',
      values: destinations.includes('*') ? ['any'] : few(destinations),
    });
  }
  if (maxAssociations !== undefined)
    rows.push({ label: 'associations at once', values: [String(maxAssociations)] });
  const validity = describeValidity(entry);
  if (validity !== undefined) rows.push({ label: 'it is let in', values: [validity] });
  const note =
    mode === 'observe'
      ? 'On trial: for now, what is not listed is also relayed, and logged.'
      : 'Everything else is refused.';
  return { kind: 'facts', title: 'What is allowed', rows, note, isHalf: isShort(entry) };
}

function wayBack(entry: ModalityConfiguration): SheetSection[] {
  const { address, callingAeTitle } = entry;
  if (address === undefined) return [];
  const title = address.calledAeTitle ?? callingAeTitle[0] ?? TO_FILL_IN;
  const how = address.tls === undefined ? 'without TLS' : 'with TLS';
  const values = [formatHostAndPort(address), `as ${title}`, how];
  return [
    {
      kind: 'facts',
      title: 'How the device is reached',
      isHalf: isShort(entry),
      rows: [{ label: 'at', values, isKey: true }],
    },
  ];
}

function test(subject: SheetSubject, entry: ModalityConfiguration): SheetSection {
  const calling = entry.callingAeTitle[0] ?? TO_FILL_IN;
  const called = calledAeTitles(entry, subject.configuration)[0] ?? TO_FILL_IN;
  const { deviceFiles } = subject;
  const shown =
    deviceFiles === undefined ? '' : ` --certificate ${shellQuoted(deviceFiles.certificate.file)}`;
  const explain = `aegis explain --calling ${shellQuoted(calling)} --called ${shellQuoted(called)} --from ${addressIn(entry.from[0])}${shown}`;
  const wayBack = entry.address === undefined ? [] : [`aegis modality test ${nameArgument(subject.name)}`];
  return {
    kind: 'commands',
    title: 'How to test',
    steps: [
      { words: 'On the device: DICOM verification (C-ECHO, “ping”) of the archive. It must succeed.' },
      { words: 'Or from its address, with DCMTK:', commands: [echoscu(subject, calling, called)] },
      { words: 'On the gateway, to see its answer and the reason:', commands: [explain, ...wayBack] },
    ],
  };
}

function echoscu({ listeners, hosts, deviceFiles }: SheetSubject, calling: string, called: string): string {
  const reachable = listeners.filter(({ isLocal }) => !isLocal);
  const candidates = reachable.length > 0 ? reachable : listeners;
  const listener = candidates.find(({ tls }) => tls !== undefined) ?? candidates[0];
  const target = `${shellQuoted(hosts[0] ?? 'HOST')} ${listener?.port || 'PORT'}`;
  const titles = `-aet ${shellQuoted(calling)} -aec ${shellQuoted(called)}`;
  if (listener?.tls === undefined) return `echoscu ${titles} ${target}`;
  const key = shellQuoted(basename(deviceFiles?.privateKeyFile ?? 'DEVICE.key'));
  const certificate = shellQuoted(basename(deviceFiles?.certificate.file ?? 'DEVICE.crt'));
  const authority = shellQuoted(basename(listener.tls.authority?.file ?? 'CA.crt'));
  const own = listener.tls.requiresCertificate ? `+tls ${key} ${certificate}` : '+tla';
  return `echoscu ${own} +cf ${authority} ${titles} ${target}`;
}

/** An address of a block, for an example. */
function addressIn(block = 'ADDRESS'): string {
  return block.split('/', 1)[0]!;
}

function troubles(
  { listeners, configuration }: SheetSubject,
  { storeSopClasses }: ModalityConfiguration,
): SheetSection {
  const hasTls = listeners.some(({ tls }) => tls !== undefined);
  return {
    kind: 'table',
    title: 'When it does not work',
    header: ['the device says', 'look at'],
    rows: [
      ['connection closed or aborted at once', 'its address (above), the port, a firewall in between'],
      ...(hasTls
        ? [
            [
              'TLS or handshake failure',
              'its certificate (missing, expired, of another CA) and its TLS versions',
            ],
          ]
        : []),
      [
        'rejected: calling AE title not recognized',
        hasTls
          ? 'whether calling AE title, address and certificate belong together'
          : 'whether calling AE title and address belong together',
      ],
      ['rejected: called AE title not recognized', 'the called AE title'],
      ['status 0124H, not authorized', 'what is allowed (above)'],
      ...(storeSopClasses === undefined
        ? []
        : [['status 0122H, SOP class not supported', 'the kinds of objects that it may store (above)']]),
      ...contactRow(configuration),
    ],
    note: 'The audit log of the gateway has the reason of every refusal.',
  };
}

function contactRow({ contact: { name, phone, email } = {} }: Configuration): string[][] {
  const ways = [name, phone === undefined ? undefined : `phone ${phone}`, email];
  const known = ways.filter((way) => way !== undefined);
  return known.length === 0 ? [] : [['anything else, or you have a question', known.join(', ')]];
}

function few(values: readonly string[]): string[] {
  const rest = values.length - MAX_VALUES;
  return rest <= 0 ? [...values] : [...values.slice(0, MAX_VALUES), `and ${rest} more`];
}
