/** The audit log to Debian's rsyslog over mutual TLS, by the gateway as a process, also while rsyslog is away. */
import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { PassThrough } from 'node:stream';
import { expect, it } from '@jest/globals';
import { AuditExport } from '../../../src/atna/auditExport';
import { AuditLog } from '../../../src/audit/auditLog';
import { registerAudit } from '../../../src/commands/audit/audit';
import { configurationSchema } from '../../../src/config/schema';
import { testCertificates } from '../../support/certificates';
import { runCommand } from '../../support/commandLine';
import { encodeElement, explicitLittleEndian, textValue, uidValue } from '../../support/dataElements';
import { CommandField } from '../../support/dicomBytes';
import { type ConfigurationInput, plainConfiguration } from '../../support/gateway';
import { GatewayProcess } from '../../support/gatewayProcess';
import { describeWithPeers } from '../../support/peers';
import { freePort, runProcess, temporaryFolder } from '../../support/processes';
import { RawScu } from '../../support/rawScu';
import { Rsyslog } from '../../support/rsyslog';
import { SpyUpstream } from '../../support/spyUpstream';
import { SopClass, TransferSyntax } from '../../support/uids';
import { waitFor } from '../../support/waiting';

const CANARY = 'CANARY^JANE';
const CANARIES = [CANARY, 'CANARYID', '1.2.826.99.1'];
const schema = join(__dirname, '../../support/auditMessageSchema.rng');
const certificates = testCertificates();
const explicit = [TransferSyntax.ExplicitVrLittleEndian];
const contexts = [
  { id: 1, abstractSyntax: SopClass.CTImageStorage, transferSyntaxes: explicit },
  { id: 3, abstractSyntax: SopClass.StudyRootFind, transferSyntaxes: explicit },
  { id: 5, abstractSyntax: SopClass.Verification, transferSyntaxes: explicit },
];

function element(group: number, number: number, vr: string, value: Buffer): Buffer {
  return encodeElement(explicitLittleEndian, group, number, vr, value);
}

const dataSet = Buffer.concat([
  element(0x0008, 0x0016, 'UI', uidValue(SopClass.CTImageStorage)),
  element(0x0008, 0x0018, 'UI', uidValue('1.2.3')),
  element(0x0010, 0x0010, 'PN', textValue(CANARY)),
  element(0x0010, 0x0020, 'LO', textValue('CANARYID')),
  element(0x0020, 0x000d, 'UI', uidValue('1.2.826.99.1')),
]);
const keys = element(0x0010, 0x0010, 'PN', textValue(CANARY));

const store = {
  CommandField: CommandField.CStoreRq,
  AffectedSOPClassUID: SopClass.CTImageStorage,
  AffectedSOPInstanceUID: '1.2.3',
  Priority: 0,
};
const find = { CommandField: CommandField.CFindRq, AffectedSOPClassUID: SopClass.StudyRootFind, Priority: 0 };
const echo = { CommandField: CommandField.CEchoRq, AffectedSOPClassUID: SopClass.Verification };

function configurationOf(
  { port }: SpyUpstream,
  rsyslog: Rsyslog,
  audit: ConfigurationInput['audit'],
  rest: Partial<ConfigurationInput> = {},
): ConfigurationInput {
  const { ca, client } = certificates;
  const tls = {
    trustedCertificates: ca.certificateFile,
    certificate: client.certificateFile,
    privateKey: client.privateKeyFile,
    serverName: 'localhost',
  };
  return plainConfiguration(
    port,
    { allow: ['store', 'find', 'echo'], commandsPerSecond: 0 },
    { audit: { syslog: { server: `127.0.0.1:${rsyslog.port}`, tls }, allowed: false, ...audit }, ...rest },
  );
}

/** Workers take their time on a busy machine. */
async function started(configuration: ConfigurationInput): Promise<GatewayProcess> {
  const gateway = GatewayProcess.launch(configuration);
  await gateway.process.waitForOutput(/aegis: listening on .*\n/, 45_000);
  return gateway;
}

async function associate(gateway: GatewayProcess): Promise<RawScu> {
  const scu = await RawScu.connect({ port: gateway.port('plain') });
  const answer = await scu.associate({ calling: 'CT1', called: 'ARCHIVE', contexts });
  expect(answer.kind).toBe('accepted');
  return scu;
}

async function judge(messages: readonly string[]): Promise<string> {
  const folder = temporaryFolder();
  const files = messages.map((xml, index) => {
    writeFileSync(join(folder, `${index}.xml`), xml);
    return join(folder, `${index}.xml`);
  });
  const { exitCode, output } = await runProcess('xmllint', ['--noout', '--relaxng', schema, ...files]);
  return exitCode === 0 ? 'valid' : output;
}

describeWithPeers(['rsyslogd', 'lmnsd_gtls.so', 'xmllint'], 'DICOM audit messages at rsyslog', () => {
  it('name patients there and nowhere else, with two workers', async () => {
    const rsyslog = new Rsyslog(await freePort(), certificates.ca, certificates.server);
    await rsyslog.start();
    const spy = await SpyUpstream.start();
    const admin = { port: await freePort() };
    const configuration = configurationOf(
      spy,
      rsyslog,
      { atna: { patients: true }, file: 'audit.jsonl' },
      { workers: 2, admin },
    );
    const gateway = await started(configuration);
    for (let association = 0; association < 2; association += 1) {
      const scu = await associate(gateway);
      await scu.request(1, store, dataSet);
      await scu.request(1, store, dataSet);
      await scu.request(3, find, keys);
      await scu.release();
    }
    await gateway.events('association.released', 2);
    const metrics = await (await fetch(`http://127.0.0.1:${admin.port}/metrics`)).text();
    const status = await (await fetch(`http://127.0.0.1:${admin.port}/api/v1/status`)).text();
    await gateway.process.stop();
    const messages = await waitFor('all messages', () => rsyslog.messages.length >= 8 && rsyslog.messages);
    const codes = messages.map(({ text }) => /EventID csd-code="(\d+)"/.exec(text)?.[1]);
    expect(codes).toEqual(['110100', '110102', '110112', '110104', '110102', '110112', '110104', '110100']);
    const ofTransfer =
      /ID="1\.2\.826\.99\.1".*NumberOfInstances="2".*ID="CANARYID".*<ParticipantObjectName>CANARY\^JANE</;
    expect([messages[3]!.text, messages[6]!.text]).toEqual([
      expect.stringMatching(ofTransfer),
      expect.stringMatching(ofTransfer),
    ]);
    expect(messages[2]!.text).toContain(`<ParticipantObjectQuery>${keys.toString('base64')}<`);
    expect([...new Set(messages.map(({ messageId, priority }) => `${messageId} ${priority}`))]).toEqual([
      'IHE+RFC-3881 85',
    ]);
    expect(await judge(messages.map(({ text }) => text))).toBe('valid');
    const file = readFileSync(join(dirname(gateway.configurationFile), 'audit.jsonl'), 'utf8');
    const everythingElse = [gateway.process.output, metrics, status, file].join('\n');
    expect(everythingElse).toContain('command.completed');
    for (const text of [...CANARIES, ...CANARIES.map((canary) => Buffer.from(canary).toString('base64'))]) {
      expect(everythingElse).not.toContain(text);
    }
    await rsyslog.stop();
  }, 90_000);

  it('get 10,000 messages that came while it was away, in order', async () => {
    const rsyslog = new Rsyslog(await freePort(), certificates.ca, certificates.server);
    const spy = await SpyUpstream.start();
    const stateDirectory = temporaryFolder();
    const configuration = configurationSchema.parse(configurationOf(spy, rsyslog, {}, { stateDirectory }));
    const said: string[] = [];
    const { refusals } = configuration.audit;
    const log = new AuditLog({
      stream: new PassThrough().resume(),
      isReadable: false,
      refusals,
      say: () => {},
    });
    const auditExport = await AuditExport.start(configuration, log, (text) => said.push(text));
    auditExport.attach(auditExport);
    for (let messageId = 0; messageId < 10_000; messageId += 1) {
      auditExport.record({ event: 'command.completed', outcome: 'allowed', connectionId: '00', messageId });
      if (messageId % 10 === 0) auditExport.flush();
    }
    await waitFor('a word to the operator', () => said.length > 0);
    await rsyslog.start();
    await waitFor('the last message', () => numbersOf(rsyslog).length >= 10_000, 45_000);
    await auditExport.close();
    await rsyslog.stop();
    const wanted = Array.from({ length: 10_000 }, (_, messageId) => `00 ${messageId}`);
    expect(numbersOf(rsyslog)).toEqual(wanted);
    expect(said[0]).toMatch(/^warning: the syslog server .* cannot be reached: nobody listens/);
  }, 60_000);

  it('get all that came while it was away, in order, also over kill -9', async () => {
    const rsyslog = new Rsyslog(await freePort(), certificates.ca, certificates.server);
    await rsyslog.start();
    const spy = await SpyUpstream.start();
    const stateDirectory = temporaryFolder();
    const configuration = configurationOf(
      spy,
      rsyslog,
      { file: join(stateDirectory, 'audit.jsonl') },
      { stateDirectory },
    );
    const first = await started(configuration);
    await waitFor('the first message', () => rsyslog.messages.length > 0);
    await rsyslog.stop();
    await first.process.waitForOutput(/warning: the syslog server .* cannot be reached/);
    await echoes(first, 200);
    await first.process.stop('SIGKILL');
    const second = await started(configuration);
    await echoes(second, 200);
    await rsyslog.start();
    const wanted = [...numbersIn(first.auditLines), ...numbersIn(second.auditLines)];
    expect(wanted).toHaveLength(400);
    await waitFor('the last message', () => numbersOf(rsyslog).includes(wanted.at(-1)!), 45_000);
    await second.process.waitForOutput(/the syslog server .* takes messages again/);
    expect([...new Set(numbersOf(rsyslog))]).toEqual(wanted);
    await waitFor('the way back', () => rsyslog.messages.some(({ messageId }) => messageId === 'syslog.up'));
    const events = rsyslog.messages.map(({ messageId }) => messageId);
    expect(events).toEqual(expect.arrayContaining(['gateway.started', 'syslog.down', 'command.completed']));
    await second.process.stop();
    await rsyslog.stop();
    // The copy is proven by itself, also where lines came twice.
    const copy = join(temporaryFolder(), 'copy.log');
    writeFileSync(copy, rsyslog.messages.map(({ text }) => `gw1 aegis[1]: ${text}\n`).join(''));
    const verified = await runCommand(registerAudit, ['audit', 'verify', copy]);
    expect(verified.printed).toContain('ok: every line is as the gateway wrote it');
  }, 90_000);
});

async function echoes(gateway: GatewayProcess, count: number): Promise<void> {
  const scu = await associate(gateway);
  for (let sent = 0; sent < count; sent += 1) await scu.request(5, echo);
  await scu.release();
  await gateway.event('association.released');
}

/** Each message is known by its connection and its number there. */
function numbersIn(lines: readonly Readonly<Record<string, unknown>>[]): string[] {
  return lines
    .filter(({ event }) => event === 'command.completed')
    .map(({ connectionId, messageId }) => `${connectionId} ${messageId}`);
}

function numbersOf(rsyslog: Rsyslog): string[] {
  return numbersIn(rsyslog.messages.map(({ text }) => JSON.parse(text) as Record<string, unknown>));
}
