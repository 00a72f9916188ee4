/**
 * Recorded traffic judged again: by its own configuration each line gets the verdict that the live gateway gave, and by
 * another one the differences are those of the change. The traffic is random; its seed is printed where a test fails.
 *
 * `AEGIS_REPLAY_LINES=100000` makes it as long as that; by default it is some 2,000 lines.
 */
import { describe, expect, it } from '@jest/globals';
import type { AuditEvent } from '../../src/audit/events';
import { configurationSchema } from '../../src/config/schema';
import type { AuditLine } from '../../src/observe/auditLines';
import { judge } from '../../src/observe/judgeRecorded';
import { recordedRequest, Unjudgeable } from '../../src/observe/recordedRequests';
import { Replay } from '../../src/observe/replay';
import { compilePolicy } from '../../src/policy/compile';
import { testCertificates } from '../support/certificates';
import { CommandField, proposedContext } from '../support/dicomBytes';
import { type ConfigurationInput, TestGateway } from '../support/gateway';
import { RawScu } from '../support/rawScu';
import { SpyUpstream } from '../support/spyUpstream';
import { SopClass } from '../support/uids';

const LINES = Number(process.env.AEGIS_REPLAY_LINES ?? 2000);
const SEED = Number(process.env.AEGIS_REPLAY_SEED ?? 20_261_130);
/** More would find too few ports. */
const AT_ONCE = 8;

const { ca, server, client, issue } = testCertificates();
const other = issue('mr1', { issuer: ca, names: ['mr1.example'] });

const abstractSyntaxes = [
  SopClass.Verification,
  SopClass.CTImageStorage,
  SopClass.MRImageStorage,
  SopClass.StudyRootFind,
  SopClass.ModalityWorklistFind,
  SopClass.StudyRootMove,
];
const contexts = abstractSyntaxes.map((uid, index) => proposedContext(2 * index + 1, uid));
const requests = [
  [1, { CommandField: CommandField.CEchoRq, AffectedSOPClassUID: SopClass.Verification }],
  [
    3,
    {
      CommandField: CommandField.CStoreRq,
      AffectedSOPClassUID: SopClass.CTImageStorage,
      AffectedSOPInstanceUID: '1.2.3',
      Priority: 0,
    },
  ],
  [
    5,
    {
      CommandField: CommandField.CStoreRq,
      AffectedSOPClassUID: SopClass.MRImageStorage,
      AffectedSOPInstanceUID: '1.2.3',
      Priority: 0,
    },
  ],
  [7, { CommandField: CommandField.CFindRq, AffectedSOPClassUID: SopClass.StudyRootFind, Priority: 0 }],
  [
    9,
    { CommandField: CommandField.CFindRq, AffectedSOPClassUID: SopClass.ModalityWorklistFind, Priority: 0 },
  ],
  [
    11,
    {
      CommandField: CommandField.CMoveRq,
      AffectedSOPClassUID: SopClass.StudyRootMove,
      MoveDestination: 'WS1',
      Priority: 0,
    },
  ],
  [
    11,
    {
      CommandField: CommandField.CMoveRq,
      AffectedSOPClassUID: SopClass.StudyRootMove,
      MoveDestination: 'PRINTER',
      Priority: 0,
    },
  ],
] as const;

/** mulberry32: small, and the same everywhere. */
function random(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

function configuration(archivePort: number, devicePort: number): ConfigurationInput {
  const tls = {
    certificate: server.certificateFile,
    privateKey: server.privateKeyFile,
    trustedCertificates: ca.certificateFile,
  };
  const plain = { listeners: ['plain', 'tls'], dataSets: 'off' as const };
  return {
    listeners: [
      { name: 'plain', host: '127.0.0.1', port: 0 },
      { name: 'tls', host: '127.0.0.1', port: 0, tls },
    ],
    upstreams: {
      ARCHIVE: { servers: [`127.0.0.1:${archivePort}`] },
      PACS: { servers: [`127.0.0.1:${archivePort}`] },
    },
    modalities: {
      ct1: {
        ...plain,
        callingAeTitle: 'CT1',
        from: ['127.0.0.1', '127.0.0.2'],
        allow: ['echo', 'store'],
        storeSopClasses: 'CTImageStorage',
        listeners: 'plain',
        egressAllow: 'echo',
        address: { host: '127.0.0.1', port: devicePort },
      },
      mr1: {
        ...plain,
        callingAeTitle: 'MR1',
        from: '127.0.0.0/29',
        certificate: 'dns:mr1.example',
        allow: ['echo', 'find'],
        listeners: 'tls',
      },
      us1: {
        ...plain,
        callingAeTitle: 'US1',
        from: '127.0.0.0/29',
        certificate: `cn:client`,
        allow: 'findWorklist',
        listeners: 'tls',
        calledAeTitle: 'PACS',
      },
      ws1: {
        ...plain,
        callingAeTitle: 'WS1',
        from: '127.0.0.0/29',
        allow: ['move', 'find'],
        calledAeTitle: 'ARCHIVE',
        address: { host: '127.0.0.1', port: devicePort },
      },
      xa1: {
        ...plain,
        callingAeTitle: 'XA1',
        from: '127.0.0.1',
        allow: 'echo',
        mode: 'observe',
        calledAeTitle: 'ARCHIVE',
      },
    },
    egress: { port: 0, from: '127.0.0.1' },
    limits: { connectionsPerSecondPerAddress: 0, commandsPerSecond: 0 },
  };
}

async function record(): Promise<{
  readonly input: ConfigurationInput;
  readonly lines: readonly AuditLine[];
}> {
  const archive = await SpyUpstream.start({ keepsBytes: false });
  const device = await SpyUpstream.start({ keepsBytes: false });
  const input = configuration(archive.port, device.port);
  const gateway = await TestGateway.start(input);
  const next = random(SEED);
  const pick = <T>(choices: readonly T[]): T => choices[next(choices.length)]!;
  const talk = async () => {
    const direction = pick(['ingress', 'ingress', 'ingress', 'ingress', 'egress'] as const);
    const listener = direction === 'egress' ? 'egress' : pick(['plain', 'tls', 'tls']);
    const shown = pick([client, other]);
    const tls = listener === 'tls' ? { tls: { ca: ca.cert, cert: shown.cert, key: shown.key } } : {};
    const localAddress = pick(['127.0.0.1', '127.0.0.1', '127.0.0.1', '127.0.0.2', '127.0.0.9']);
    const calls =
      direction === 'egress'
        ? { calling: pick(['ARCHIVE', 'ARCHIVE', 'NOBODY']), called: pick(['CT1', 'WS1', 'MR1']) }
        : {
            calling: pick(['CT1', 'ct1 ', 'MR1', 'US1', 'WS1', 'XA1', 'NOBODY']),
            called: pick(['ARCHIVE', 'ARCHIVE', 'PACS', 'ELSEWHERE']),
          };
    const wanted = [pick(requests), pick(requests), pick(requests)];
    try {
      const scu = await RawScu.connect({ port: gateway.port(listener), localAddress, ...tls });
      const answer = await scu.associate({ ...calls, contexts });
      if (answer.kind !== 'accepted') return scu.end();
      for (const [contextId, command] of wanted) {
        const hasDataSet = command.CommandField !== CommandField.CEchoRq;
        await scu.request(contextId, command, hasDataSet ? Buffer.from('00112233', 'hex') : undefined);
      }
      await scu.release();
    } catch (error) {
      // Refused at accept: by TLS or by the address.
      if (!/ECONNRESET|EPIPE|closed|instead of a response|socket|TLS/i.test(String(error))) throw error;
    }
  };
  while (gateway.events.length < LINES) await Promise.all(Array.from({ length: AT_ONCE }, talk));
  await gateway.untilIdle();
  return { input, lines: gateway.events.map(lineOf) };
}

function lineOf(event: AuditEvent): AuditLine {
  return JSON.parse(JSON.stringify({ time: '2026-11-30T12:00:00.000Z', ...event })) as AuditLine;
}

describe('recorded traffic', () => {
  it(
    'gets the verdicts that the live gateway gave, and the differences of a change',
    async () => {
      const { input, lines } = await record();
      const policy = compilePolicy(configurationSchema.parse(input), Date.now()).policy;
      const kinds = new Map<string, number>();
      let judged = 0;
      for (const line of lines) {
        const recorded = recordedRequest(line, new Map());
        if (recorded === undefined || recorded instanceof Unjudgeable) continue;
        judged += 1;
        const kind = `${line.event} ${line.outcome} ${line.reason} ${line.direction}`;
        kinds.set(kind, (kinds.get(kind) ?? 0) + 1);
        const verdict = judge(policy, recorded);
        const modality = recorded.modality === undefined ? {} : { modality: verdict.modality };
        const came = { seed: SEED, allowed: verdict.allowed, reason: verdict.reason, ...modality };
        expect({ ...came, line }).toEqual({
          seed: SEED,
          allowed: line.outcome !== 'denied',
          reason: line.reason ?? '',
          ...(recorded.modality === undefined ? {} : { modality: recorded.modality }),
          line,
        });
      }
      expect(judged).toBeGreaterThan(lines.length / 2);
      // Every decision of the policy was met, in both directions.
      expect([...kinds.keys()].sort()).toEqual(expect.arrayContaining(ALL_KINDS));

      const same = new Replay(policy);
      for (const line of lines) same.add(line);
      expect(same.differences).toEqual([]);
      expect(same.judged).toBe(judged);

      const { ct1, ...others } = input.modalities;
      const changed = {
        ...input,
        modalities: { ...others, ct1: { ...ct1!, allow: ['echo', 'find'] as const } },
      };
      const replay = new Replay(compilePolicy(configurationSchema.parse(changed), Date.now()).policy);
      for (const line of lines) replay.add(line);
      const countOf = (event: string, command: string, reason: string | undefined) =>
        lines.filter(
          (line) =>
            line.event === event &&
            line.modality === 'ct1' &&
            line.direction === 'ingress' &&
            line.command === command &&
            line.sopClass !== 'ModalityWorklistInformationModelFind' &&
            line.reason === reason,
        ).length;
      expect(
        replay.differences
          .map(({ change, who, reason, command, commands }) => ({ change, who, reason, command, commands }))
          .sort((one, two) => (one.change < two.change ? -1 : 1)),
      ).toEqual([
        {
          change: 'allowed',
          who: 'ct1',
          reason: 'command-not-allowed',
          command: 'C-FIND',
          commands: countOf('command.refused', 'C-FIND', 'command-not-allowed'),
        },
        {
          change: 'refused',
          who: 'ct1',
          reason: 'command-not-allowed',
          command: 'C-STORE',
          commands: countOf('command.completed', 'C-STORE', undefined),
        },
      ]);
    },
    60_000 + LINES * 20,
  );
});

const ALL_KINDS = [
  'association.accepted allowed undefined egress',
  'association.accepted allowed undefined ingress',
  'association.accepted would-deny called-ae-title-not-allowed ingress',
  'association.rejected denied called-ae-title-not-allowed ingress',
  'association.rejected denied called-ae-title-unknown egress',
  'association.rejected denied called-ae-title-unknown ingress',
  'association.rejected denied calling-ae-title-unknown egress',
  'association.rejected denied calling-ae-title-unknown ingress',
  'association.rejected denied certificate-mismatch ingress',
  'association.rejected denied listener-not-allowed ingress',
  'association.rejected denied source-address-mismatch ingress',
  'command.completed allowed undefined egress',
  'command.completed allowed undefined ingress',
  'command.completed would-deny command-not-allowed ingress',
  'command.refused denied command-not-allowed egress',
  'command.refused denied command-not-allowed ingress',
  'command.refused denied move-destination-not-allowed ingress',
  'command.refused denied sop-class-not-allowed ingress',
  'connection.refused denied source-address-unknown egress',
  'connection.refused denied source-address-unknown ingress',
];
