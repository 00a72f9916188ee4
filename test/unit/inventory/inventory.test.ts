import { existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { AuditEvent } from '../../../src/audit/events';
import { configurationSchema } from '../../../src/config/schema';
import { Inventory } from '../../../src/inventory/inventory';
import { readInventory } from '../../../src/inventory/inventoryFile';
import type { InventoryReport, ModalityReport } from '../../../src/inventory/report';
import { IMPLEMENTATION_CLASS_UID } from '../../../src/pdu/types';
import { plainConfiguration } from '../../support/gateway';
import { temporaryFolder } from '../../support/processes';

const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;

let stateDirectory: string;
let events: AuditEvent[];
let warnings: string[];
let open: Inventory[];

beforeEach(() => {
  jest.useFakeTimers({ doNotFake: ['setImmediate', 'nextTick', 'performance'] });
  jest.setSystemTime(Date.parse('2026-11-30T10:00:00.000Z'));
  stateDirectory = join(temporaryFolder(), 'state');
  events = [];
  warnings = [];
  open = [];
});
afterEach(async () => {
  for (const inventory of open) await inventory.close();
  jest.useRealTimers();
});

type Ct1 = Parameters<typeof plainConfiguration>[1];

function configurationOf(ct1: Ct1 = {}, others: Readonly<Record<string, Ct1>> = {}) {
  const configuration = configurationSchema.parse(plainConfiguration(4242, ct1, { stateDirectory }));
  const [entry] = Object.values(configuration.modalities);
  for (const [name, keys] of Object.entries(others)) {
    configuration.modalities[name] = { ...entry!, ...(keys as object) };
  }
  return configuration;
}

function opened(configuration = configurationOf(), isLocked = (_name: string) => false): Inventory {
  const inventory = new Inventory({
    configuration,
    audit: { record: (event) => events.push(event) },
    warn: (text) => warnings.push(text),
  });
  inventory.attach(isLocked);
  open.push(inventory);
  return inventory;
}

async function stopped(inventory: Inventory): Promise<void> {
  open = open.filter((other) => other !== inventory);
  await inventory.close();
}

let connections = 0;
const tls = {
  protocol: 'TLSv1.3',
  cipher: 'TLS_AES_256_GCM_SHA384',
  subject: 'CN=ct1',
  issuer: 'CN=CA',
  serialNumber: '01',
  fingerprint256: 'AA:AA',
  spkiSha256: 'BB:BB',
  notAfter: '2027-11-30T10:00:00.000Z',
};

function accepted(facts: Partial<AuditEvent> = {}): AuditEvent {
  connections += 1;
  return {
    event: 'association.accepted',
    outcome: 'allowed',
    connectionId: String(connections),
    modality: 'ct1',
    listener: 'tls',
    direction: 'ingress',
    sourceAddress: '10.1.2.10',
    callingAeTitle: 'CT1',
    calledAeTitle: 'ARCHIVE',
    implementationClassUid: '1.2.3',
    implementationVersionName: 'MAKER_1',
    tls,
    ...facts,
  };
}

function completed(facts: Partial<AuditEvent> = {}): AuditEvent {
  return {
    event: 'command.completed',
    outcome: 'allowed',
    connectionId: String(connections),
    modality: 'ct1',
    direction: 'ingress',
    command: 'C-STORE',
    sopClass: 'CTImageStorage',
    transferSyntax: 'JPEGLosslessSV1',
    bytes: 100,
    ...facts,
  };
}

function changes(): readonly (readonly string[])[] {
  return events.filter(({ event }) => event === 'modality.changed').map((event) => event.changes ?? []);
}

function ct1In(inventory: Inventory): ModalityReport {
  return inventory.reportOf('ct1')!;
}

function valuesIn(seen: readonly { readonly value: string; readonly count: number }[] = []) {
  return seen.map(({ value, count }) => `${value} ${count}`);
}

describe('the inventory', () => {
  it('knows what a modality is and does, each once, the last seen first', () => {
    const inventory = opened();
    inventory.record(accepted());
    inventory.record(completed());
    inventory.record(completed({ command: 'C-ECHO', sopClass: 'Verification', transferSyntax: undefined }));
    jest.setSystemTime(Date.parse('2026-11-30T11:00:00.000Z'));
    inventory.record(accepted({ sourceAddress: '10.1.2.11' }));
    inventory.record(completed());
    const { ingress, egress } = ct1In(inventory);
    expect(ingress).toMatchObject({
      firstSeen: '2026-11-30T10:00:00.000Z',
      lastSeen: '2026-11-30T11:00:00.000Z',
      associations: 2,
      commands: 3,
      bytes: 300,
      tls: [{ value: 'TLSv1.3', count: 2 }],
      ciphers: [{ value: 'TLS_AES_256_GCM_SHA384', count: 2 }],
      certificates: [
        { value: 'spki-sha256:BB:BB', certificate: { subject: 'CN=ct1', fingerprint256: 'AA:AA' } },
      ],
      listeners: [{ value: 'tls' }],
      callingAeTitles: [{ value: 'CT1' }],
      calledAeTitles: [{ value: 'ARCHIVE' }],
    });
    expect(valuesIn(ingress?.implementations)).toEqual(['MAKER_1 (1.2.3) 2']);
    expect(valuesIn(ingress?.addresses)).toEqual(['10.1.2.11 1', '10.1.2.10 1']);
    expect(valuesIn(ingress?.operations)).toEqual(['C-STORE CTImageStorage 2', 'C-ECHO Verification 1']);
    expect(valuesIn(ingress?.transferSyntaxes)).toEqual(['JPEGLosslessSV1 2']);
    expect(egress).toBeUndefined();
  });

  it('keeps what the archive reaches apart, and counts no image of a C-GET as stored', () => {
    const inventory = opened();
    inventory.record(
      accepted({ direction: 'egress', upstream: '10.1.2.10:104', sourceAddress: '127.0.0.1' }),
    );
    inventory.record(completed({ direction: 'egress' }));
    inventory.record(accepted());
    inventory.record(completed({ requestor: 'upstream' }));
    inventory.record(completed({ command: 'C-GET', sopClass: 'StudyRootQueryRetrieveInformationModelGet' }));
    const { ingress, egress } = ct1In(inventory);
    expect(valuesIn(egress?.addresses)).toEqual(['10.1.2.10:104 1']);
    expect(valuesIn(egress?.operations)).toEqual(['C-STORE CTImageStorage 1']);
    expect(valuesIn(ingress?.operations)).toEqual(['C-GET StudyRootQueryRetrieveInformationModelGet 1']);
    expect(inventory.lastSeen).toEqual([{ modality: 'ct1', ms: Date.now() }]);
  });

  it('takes the device for what it is where `aegis echo` came first', async () => {
    const test = { implementationClassUid: IMPLEMENTATION_CLASS_UID, implementationVersionName: 'AEGIS' };
    const inventory = opened();
    inventory.record(accepted({ ...test, sourceAddress: '10.1.2.1' }));
    inventory.record(completed({ command: 'C-ECHO', sopClass: 'Verification' }));
    await stopped(inventory);
    const next = opened();
    next.record(accepted());
    next.record(completed());
    jest.advanceTimersByTime(DAY_MS);
    expect(changes()).toEqual([]);
    next.record(accepted(test));
    next.record(accepted({ implementationVersionName: 'MAKER_2' }));
    jest.advanceTimersByTime(DAY_MS);
    expect(changes().flat()).toEqual([expect.stringMatching(/^implementation MAKER_2 /)]);
  });

  it('keeps the last denial', () => {
    const inventory = opened();
    inventory.record({
      event: 'association.rejected',
      outcome: 'denied',
      reason: 'certificate-mismatch',
      connectionId: 'a',
      modality: 'ct1',
      direction: 'ingress',
      sourceAddress: '10.1.2.10',
    });
    expect(ct1In(inventory)).toMatchObject({
      lastDenied: { reason: 'certificate-mismatch', outcome: 'denied', sourceAddress: '10.1.2.10' },
    });
    expect(ct1In(inventory).ingress).toBeUndefined();
    expect(inventory.lastSeen).toEqual([]);
  });

  it('has a bound for everything that a modality can say', () => {
    const inventory = opened();
    for (let index = 0; index < 1000; index += 1) {
      inventory.record(
        accepted({
          sourceAddress: `10.1.${index >> 8}.${index & 255}`,
          implementationVersionName: `${'x'.repeat(600)}${index}`,
          callingAeTitle: `CT${index}`,
          tls: { ...tls, cipher: `C${index}`, spkiSha256: `K${index}`, subject: 'y'.repeat(900) },
        }),
      );
      inventory.record(completed({ sopClass: `1.2.${index}`, transferSyntax: `1.3.${index}` }));
    }
    expect(JSON.stringify(ct1In(inventory)).length).toBeLessThan(40_000);
    expect(ct1In(inventory).ingress?.addresses).toHaveLength(32);
    jest.advanceTimersByTime(1000);
    expect(changes()).toEqual([expect.arrayContaining(['and 2977 more'])]);
    expect(changes()[0]).toHaveLength(21);
  });

  it('takes no notice of a name that is in no entry, and of what the gateway says of itself', () => {
    const inventory = opened();
    inventory.record(accepted({ modality: 'unknown' }));
    inventory.record({ event: 'modality.locked', outcome: 'info', modality: 'ct1', detail: '' });
    expect(inventory.reportOf('unknown')).toBeUndefined();
    expect(ct1In(inventory)).toEqual({ modality: 'ct1', countsFrom: '2026-11-30T10:00:00.000Z' });
  });
});

describe('a change of a modality', () => {
  /** One association that says what it is. */
  function known(inventory: Inventory): void {
    inventory.record(accepted());
    inventory.record(completed());
    inventory.record(completed({ command: 'C-ECHO', sopClass: 'Verification' }));
    jest.advanceTimersByTime(DAY_MS);
    expect(changes()).toEqual([]);
  }

  it.each<[string, Partial<AuditEvent>, string]>([
    [
      'another implementation version',
      { implementationVersionName: 'MAKER_2' },
      'implementation MAKER_2 (1.2.3), before MAKER_1 (1.2.3)',
    ],
    [
      'another certificate key',
      { tls: { ...tls, spkiSha256: 'CC:CC', fingerprint256: 'CC', subject: 'CN=new' } },
      'certificate key spki-sha256:CC:CC of CN=new, before spki-sha256:BB:BB of CN=ct1',
    ],
    ['a lower TLS version', { tls: { ...tls, protocol: 'TLSv1.2' } }, 'TLSv1.2, before TLSv1.3'],
    ['an association without TLS', { tls: undefined }, 'without TLS, before TLSv1.3'],
    ['another address', { sourceAddress: '10.1.2.99' }, 'address 10.1.2.99, before 10.1.2.10'],
  ])('is %s', (_what, facts, words) => {
    const inventory = opened();
    known(inventory);
    inventory.record(accepted(facts));
    jest.advanceTimersByTime(1000);
    expect(events).toEqual([
      { event: 'modality.changed', outcome: 'info', modality: 'ct1', detail: words, changes: [words] },
    ]);
  });

  it.each<[string, Partial<AuditEvent>]>([
    ['a renewed certificate for the same key', { tls: { ...tls, fingerprint256: 'DD' } }],
    ['another cipher', { tls: { ...tls, cipher: 'TLS_CHACHA20_POLY1305_SHA256' } }],
    ['nothing new', {}],
  ])('is not %s', (_what, facts) => {
    const inventory = opened();
    known(inventory);
    inventory.record(accepted(facts));
    jest.advanceTimersByTime(1000);
    expect(changes()).toEqual([]);
  });

  it('is a first command, and a first SOP class, but not a higher TLS version', () => {
    const inventory = opened();
    inventory.record(accepted({ tls: { ...tls, protocol: 'TLSv1.2' } }));
    inventory.record(completed());
    inventory.record(accepted());
    inventory.record(completed({ sopClass: 'EncapsulatedPDFStorage' }));
    inventory.record(
      completed({ command: 'C-FIND', sopClass: 'StudyRootQueryRetrieveInformationModelFind' }),
    );
    inventory.record(completed());
    jest.advanceTimersByTime(1000);
    expect(changes()).toEqual([
      [
        'first C-STORE of EncapsulatedPDFStorage',
        'first C-FIND (StudyRootQueryRetrieveInformationModelFind)',
      ],
    ]);
  });

  it('is reported once, however often a device flips', () => {
    const inventory = opened();
    known(inventory);
    for (let times = 0; times < 500; times += 1) {
      inventory.record(accepted({ implementationVersionName: 'MAKER_2', tls: undefined }));
      inventory.record(accepted());
      jest.advanceTimersByTime(MINUTE_MS);
    }
    expect(changes()).toEqual([
      ['implementation MAKER_2 (1.2.3), before MAKER_1 (1.2.3)', 'without TLS, before TLSv1.3'],
    ]);
  });

  it('of one modality is reported every ten minutes at most, and those of others at once', () => {
    const inventory = opened(configurationOf({}, { mr1: {} }));
    known(inventory);
    inventory.record(accepted({ modality: 'mr1' }));
    for (let minutes = 0; minutes < 25; minutes += 1) {
      inventory.record(accepted({ implementationVersionName: `MAKER_${minutes}` }));
      jest.advanceTimersByTime(MINUTE_MS);
    }
    expect(changes().length).toBeLessThanOrEqual(3);
    inventory.record(accepted({ modality: 'mr1', sourceAddress: '10.9.9.9' }));
    jest.advanceTimersByTime(1000);
    expect(events.at(-1)).toMatchObject({ modality: 'mr1', event: 'modality.changed' });
  });

  it('is what was away for 90 days while others were seen', () => {
    const inventory = opened();
    known(inventory);
    inventory.record(accepted({ tls: { ...tls, protocol: 'TLSv1.2' } }));
    inventory.record(accepted());
    jest.advanceTimersByTime(100 * DAY_MS);
    inventory.record(accepted());
    inventory.record(accepted({ tls: { ...tls, protocol: 'TLSv1.2' } }));
    jest.advanceTimersByTime(1000);
    expect(changes()).toEqual([['TLSv1.2, before TLSv1.3'], ['TLSv1.2 again, before TLSv1.3']]);
  });

  it('is of the device that the archive reaches, too, but not what the archive asks', () => {
    const inventory = opened();
    inventory.record(accepted({ direction: 'egress', upstream: '10.1.2.10:104' }));
    inventory.record(completed({ direction: 'egress' }));
    inventory.record(
      accepted({ direction: 'egress', upstream: '10.1.2.11:104', implementationVersionName: 'X' }),
    );
    inventory.record(completed({ direction: 'egress', command: 'C-ECHO', sopClass: 'Verification' }));
    jest.advanceTimersByTime(1000);
    expect(changes()).toEqual([['when it is reached: implementation X (1.2.3), before MAKER_1 (1.2.3)']]);
  });

  it('survives neither a reload that changes the entry nor a restart as something new', async () => {
    const inventory = opened();
    known(inventory);
    inventory.replace(configurationOf({ allow: ['echo', 'store', 'find'], from: '10.0.0.0/8' }));
    inventory.record(accepted());
    await stopped(inventory);
    const again = opened();
    again.record(accepted());
    again.record(completed());
    jest.advanceTimersByTime(1000);
    expect(changes()).toEqual([]);
    again.record(accepted({ implementationVersionName: 'MAKER_2' }));
    await stopped(again);
    expect(changes()).toEqual([['implementation MAKER_2 (1.2.3), before MAKER_1 (1.2.3)']]);
  });
});

describe('a modality that is expected', () => {
  const daily = { expectEvery: '1d' };

  function names(): string[] {
    return events.map(({ event }) => event);
  }

  it('is reported as silent once, and when it is heard again', () => {
    const inventory = opened(configurationOf(daily));
    inventory.record(accepted());
    jest.advanceTimersByTime(DAY_MS - 2000);
    expect(events).toEqual([]);
    jest.advanceTimersByTime(3000);
    expect(events).toEqual([
      {
        event: 'modality.silent',
        outcome: 'failed',
        modality: 'ct1',
        detail: 'nothing came from it for 1d; it was last heard at 2026-11-30T10:00:00.000Z',
        since: '2026-11-30T10:00:00.000Z',
      },
    ]);
    expect(inventory.silent).toMatchObject([{ modality: 'ct1', expectEvery: '1d' }]);
    jest.advanceTimersByTime(5 * DAY_MS);
    expect(events).toHaveLength(1);
    inventory.record(accepted());
    expect(events[1]).toMatchObject({ event: 'modality.heard', outcome: 'info', modality: 'ct1' });
    expect(inventory.silent).toEqual([]);
    jest.advanceTimersByTime(DAY_MS + 2000);
    expect(names()).toEqual(['modality.silent', 'modality.heard', 'modality.silent']);
  });

  it('is not silent while it sends on one long association, nor by what the archive sends', () => {
    const inventory = opened(configurationOf(daily));
    inventory.record(accepted());
    for (let halfDays = 0; halfDays < 6; halfDays += 1) {
      jest.advanceTimersByTime(DAY_MS / 2);
      inventory.record(completed());
    }
    expect(names()).toEqual([]);
    for (let halfDays = 0; halfDays < 3; halfDays += 1) {
      jest.advanceTimersByTime(DAY_MS / 2);
      inventory.record(accepted({ direction: 'egress' }));
    }
    expect(names()).toEqual(['modality.silent']);
  });

  it('that never came is silent from the start on, or from the reload that brought the key', () => {
    const inventory = opened();
    jest.advanceTimersByTime(3 * DAY_MS);
    inventory.replace(configurationOf(daily));
    jest.advanceTimersByTime(DAY_MS - 2000);
    expect(events).toEqual([]);
    jest.advanceTimersByTime(3000);
    expect(events).toMatchObject([{ detail: 'nothing came from it for 1d; it never came before' }]);
    inventory.record(accepted());
    expect(events[1]).toMatchObject({ detail: 'it is heard for the first time' });
  });

  it('is not silent for the time when the gateway was down, and reported once over restarts', async () => {
    const first = opened(configurationOf(daily));
    first.record(accepted());
    jest.advanceTimersByTime(DAY_MS / 2);
    await stopped(first);
    jest.setSystemTime(Date.now() + 7 * DAY_MS);
    const second = opened(configurationOf(daily));
    jest.advanceTimersByTime(DAY_MS / 2 - 2000);
    expect(events).toEqual([]);
    jest.advanceTimersByTime(3000);
    expect(names()).toEqual(['modality.silent']);
    await stopped(second);
    jest.setSystemTime(Date.now() + DAY_MS);
    const third = opened(configurationOf(daily));
    jest.advanceTimersByTime(2 * DAY_MS);
    expect(names()).toEqual(['modality.silent']);
    expect(third.silent).toHaveLength(1);
    third.record(accepted());
    expect(names()).toEqual(['modality.silent', 'modality.heard']);
  });

  it('is not silent while it is locked or out of its time', () => {
    let isLocked = true;
    const inventory = opened(configurationOf(daily), () => isLocked);
    jest.advanceTimersByTime(10 * DAY_MS);
    expect(events).toEqual([]);
    isLocked = false;
    jest.advanceTimersByTime(DAY_MS + 2 * MINUTE_MS);
    expect(names()).toEqual(['modality.silent']);
    inventory.replace(configurationOf({ ...daily, validUntil: '2026-12-01' }));
    jest.advanceTimersByTime(MINUTE_MS + 1000);
    expect(inventory.silent).toEqual([]);
  });

  it('is no longer silent where a reload gives it more time, or takes the key away', () => {
    const inventory = opened(configurationOf(daily));
    jest.advanceTimersByTime(DAY_MS + 1000);
    expect(inventory.silent).toHaveLength(1);
    inventory.replace(configurationOf({ expectEvery: '7d' }));
    expect(inventory.silent).toEqual([]);
    inventory.replace(configurationOf());
    jest.advanceTimersByTime(30 * DAY_MS);
    expect(names()).toEqual(['modality.silent']);
  });

  it('costs one timer, and none where nobody is expected', async () => {
    const expected = opened(configurationOf(daily, { mr1: daily, us1: daily }));
    const writes = 1;
    expect(jest.getTimerCount()).toBe(1 + writes);
    await stopped(expected);
    expect(jest.getTimerCount()).toBe(0);
    opened();
    expect(jest.getTimerCount()).toBe(writes);
  });
});

describe('the file of the inventory', () => {
  const file = () => join(stateDirectory, 'inventory.json');

  function kept(): InventoryReport {
    return readInventory(stateDirectory)!;
  }

  it('gives back all that is known, and only its owner can read it', async () => {
    const inventory = opened();
    inventory.record(accepted({ callingAeTitle: 'CT1\u0000\u001b[31m' }));
    inventory.record(completed());
    inventory.record(accepted({ direction: 'egress', upstream: '10.1.2.10:104' }));
    const before = ct1In(inventory);
    await stopped(inventory);
    expect(statSync(file()).mode & 0o777).toBe(0o600);
    expect(kept().modalities).toEqual([before]);
    expect(ct1In(opened())).toEqual(before);
  });

  it('keeps a modality that left the configuration for 90 days, marked, and takes it back', async () => {
    const two = configurationOf({}, { mr1: {} });
    const inventory = opened(two);
    inventory.record(accepted({ modality: 'mr1' }));
    inventory.replace(configurationOf());
    inventory.record(accepted({ modality: 'mr1' }));
    expect(inventory.reportOf('mr1')).toMatchObject({
      removedAt: '2026-11-30T10:00:00.000Z',
      ingress: { associations: 1 },
    });
    expect(inventory.lastSeen).toEqual([]);
    inventory.replace(two);
    expect(inventory.reportOf('mr1')).not.toHaveProperty('removedAt');
    inventory.replace(configurationOf());
    await stopped(inventory);
    jest.setSystemTime(Date.now() + 91 * DAY_MS);
    expect(opened().reportOf('mr1')).toBeUndefined();
  });

  it.each([
    ['cut short', '{"version":1,"time":'],
    ['of another version', '{"version":2,"time":"2026-11-30T10:00:00.000Z","modalities":[]}'],
    ['something else', '[]'],
    [
      'with a text that is too long',
      JSON.stringify({
        version: 1,
        time: '2026-11-30T10:00:00.000Z',
        modalities: [{ modality: 'ct1', lastDenied: { time: 'x'.repeat(999) } }],
      }),
    ],
  ])('is put aside where it is %s, and the gateway starts', (_what, content) => {
    mkdirSync(stateDirectory, { recursive: true });
    writeFileSync(file(), content);
    expect(ct1In(opened())).not.toHaveProperty('ingress');
    expect(warnings).toEqual([
      expect.stringMatching(/is damaged: .*; it is kept as .*\.damaged; the inventory .* starts empty$/),
    ]);
    expect(readFileSync(`${file()}.damaged`, 'utf8')).toBe(content);
    expect(existsSync(file())).toBe(false);
  });

  it('is left alone by a gateway that does not come to serve', async () => {
    const configuration = configurationOf();
    const audit = { record: () => {} };
    await new Inventory({ configuration, audit, warn: () => {} }).close();
    expect(existsSync(file())).toBe(false);
  });

  it('is reported once where it cannot be written, and nothing else happens', async () => {
    const inventory = opened();
    writeFileSync(stateDirectory, '');
    inventory.record(accepted());
    await stopped(inventory);
    expect(warnings).toEqual([expect.stringMatching(/^the inventory of the modalities is not kept: /)]);
    rmSync(stateDirectory);
  });
});
