import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { registerModality } from '../../../../src/commands/modality/modality';
import { runCommand } from '../../../support/commandLine';
import { temporaryFolder } from '../../../support/processes';

const entry = { from: '10.1.2.10', listeners: 'plain', allow: 'store' };

function configure(rest: object = {}) {
  const folder = temporaryFolder();
  const file = join(folder, 'aegis.jsonc');
  const log = join(folder, 'audit.jsonl');
  const configuration = {
    listeners: [{ name: 'plain', port: 11112 }],
    upstreams: { ORTHANC: { servers: ['127.0.0.1:4242'] } },
    modalities: {
      ct1: { ...entry, callingAeTitle: 'CT1' },
      mr1: { ...entry, callingAeTitle: 'MR1', from: '10.1.2.30' },
      us1: { ...entry, callingAeTitle: 'US1' },
    },
    audit: { file: log },
    ...rest,
  };
  writeFileSync(file, JSON.stringify(configuration));
  const list = (...words: string[]) =>
    runCommand(registerModality, ['--config', file, ...words, 'modality', 'list', '--seen']);
  return { log, list };
}

const accepted = {
  time: '2026-11-30T10:00:00.000Z',
  event: 'association.accepted',
  outcome: 'allowed',
  direction: 'ingress',
  modality: 'ct1',
  callingAeTitle: 'CT1',
  sourceAddress: '10.1.2.10',
  tls: { subject: 'CN=ct1.radiology.hospital.example' },
};
/** Without a name: its address is in no entry with this title. */
const refused = {
  ...{ time: '2026-11-30T11:00:00.000Z', event: 'association.rejected', outcome: 'denied' },
  ...{
    reason: 'source-address-mismatch',
    direction: 'ingress',
    callingAeTitle: 'MR1',
    sourceAddress: '10.9.9.9',
  },
};
const sent = {
  ...accepted,
  time: '2026-11-30T12:00:00.000Z',
  direction: 'egress',
  sourceAddress: '127.0.0.1',
};

function write(file: string, ...lines: object[]): void {
  writeFileSync(file, lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
}

describe('aegis modality list --seen', () => {
  it('says in 80 columns when each was let in, from where, with which certificate, and its last trouble', async () => {
    const { log, list } = configure();
    write(log, accepted, refused, sent);
    const { printed, printedErrors } = await list();
    expect(printed.split('\n')).toEqual([
      'NAME  LAST SEEN    FROM       CERTIFICATE         LAST TROUBLE',
      'ct1   11-30 10:00  10.1.2.10  CN=ct1.radiology.…  -',
      'mr1   never        -          -                   11-30 11:00 source-address-mismatch',
      'us1   never        -          -                   -',
      '',
    ]);
    expect(printedErrors).toBe('note: admin is not configured, so what is open now is not known\n');
  });

  it('says what is not known where there is no gateway and no log', async () => {
    const { list } = configure({ audit: {}, admin: { port: 1 } });
    const { printed, printedErrors } = await list();
    expect(printed).toMatch(/^ct1 +unknown +- +- +-$/m);
    expect(printedErrors).toBe(
      'note: the gateway does not answer, so what is open now is not known\nnote: audit.file is not configured, so who was seen before is not known\n',
    );
  });

  it('gives the lines themselves to machines', async () => {
    const { log, list } = configure();
    write(log, accepted, refused);
    const { modalities, notes } = JSON.parse((await list('--json')).printed);
    expect(modalities).toEqual([
      expect.objectContaining({ name: 'ct1', open: null, lastAccepted: accepted, isComplete: true }),
      expect.objectContaining({ name: 'mr1', lastAccepted: null, lastDenied: refused }),
      expect.objectContaining({ name: 'us1', lastDenied: null }),
    ]);
    expect(notes).toHaveLength(1);
  });
});
