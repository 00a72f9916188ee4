/**
 * What a person sees on a terminal, a real one as far as the program can tell: colour, width, the view of `status --watch`
 * in place, and what is left on the terminal after Ctrl-C.
 */
import { writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { createServer, type Socket } from 'node:net';
import { join, resolve } from 'node:path';
import { beforeAll, describe, expect, it, jest } from '@jest/globals';
import { testCertificates } from '../support/certificates';
import { onCleanUp } from '../support/cleanUp';
import { CommandField, messagePdus, numberedRequest, proposedContext } from '../support/dicomBytes';
import type { ConfigurationInput } from '../support/gateway';
import { GatewayProcess } from '../support/gatewayProcess';
import { describeWithPeers } from '../support/peers';
import { freePort, runProcess, startProcess, temporaryFolder } from '../support/processes';
import { PseudoTerminal, runOnTerminal } from '../support/pseudoTerminal';
import { RawScu } from '../support/rawScu';
import { SpyUpstream } from '../support/spyUpstream';
import { SopClass } from '../support/uids';
import { waitFor } from '../support/waiting';

// A demo makes keys, which takes a loaded machine several seconds.
jest.setTimeout(90_000);

const ENTER = '\x1b[?1049h';
const LEAVE = '\x1b[?1049l';
const CLEAR_LINE = '\r\x1b[K';
const COLOUR = '\x1b[';
const cli = resolve(__dirname, '../../dist/cli.js');

const { ca, server } = testCertificates();
const LONG = 'an-entry-with-a-name-that-nobody-would-type-twice';

async function configurationWith(archivePort: number, changes: Partial<ConfigurationInput> = {}) {
  const folder = temporaryFolder();
  const tls = {
    certificate: server.certificateFile,
    privateKey: server.privateKeyFile,
    trustedCertificates: ca.certificateFile,
  };
  const configuration: ConfigurationInput = {
    listeners: [
      { name: 'tls', host: '127.0.0.1', port: 0, tls },
      { name: 'plain', host: '127.0.0.1', port: 0 },
    ],
    upstreams: { ARCHIVE: { servers: [`127.0.0.1:${archivePort}`] } },
    modalities: {
      ct1: {
        callingAeTitle: 'CT1',
        from: '127.0.0.1',
        listeners: 'plain',
        allow: ['echo', 'store'],
        dataSets: 'off',
      },
      [LONG]: {
        callingAeTitle: ['SIXTEEN_LETTERS1', 'ANOTHER SIXTEEN2'],
        from: ['2001:db8:1234:5678:9abc:def0:1234:5678', '10.1.2.0/24', '10.1.3.4'],
        certificate: `spki-sha256:${Array(32).fill('AB').join(':')}`,
        allow: ['echo', 'find', 'findWorklist', 'move', 'store'],
        address: { host: '127.0.0.1', port: archivePort },
      },
    },
    unknownAddresses: 'reject',
    admin: { port: await freePort() },
    audit: { file: join(folder, 'audit.jsonl') },
    ...changes,
  };
  return configuration;
}

/** All of its ports are known. */
async function startGateway(configuration: ConfigurationInput): Promise<GatewayProcess> {
  const gateway = await GatewayProcess.start(configuration);
  await gateway.process.waitForOutput(/admin HTTP/);
  return gateway;
}

/** An association as CT1 that is open, and a C-STORE of which so many bytes of the data set were sent. */
async function storeInPart(port: number, bytes: number): Promise<void> {
  const scu = await RawScu.connect({ port });
  await scu.associate({
    calling: 'CT1',
    called: 'ARCHIVE',
    contexts: [proposedContext(1, SopClass.CTImageStorage)],
  });
  const command = {
    CommandField: CommandField.CStoreRq,
    AffectedSOPClassUID: SopClass.CTImageStorage,
    AffectedSOPInstanceUID: '1.2.3',
    Priority: 0,
  };
  const dataSet = Buffer.alloc(bytes + 2);
  const pdus = messagePdus(1, numberedRequest(1, command, true), dataSet);
  const all = Buffer.concat(pdus);
  // All but the end of the last fragment.
  await scu.send(all.subarray(0, all.length - 2));
}

// The `script` of other systems has other options.
const describeOnLinux = process.platform === 'linux' ? describe : describe.skip;

function describeOnTerminal(title: string, suite: () => void): void {
  describeOnLinux(title, () => describeWithPeers(['script'], 'on a terminal', suite));
}

describe('a transfer in progress', () => {
  it.each([1, 2])('is seen while it goes on, with %i process(es)', async (workers) => {
    const archive = await SpyUpstream.start();
    const configuration = await configurationWith(archive.port, { workers });
    const gateway = await startGateway(configuration);
    await storeInPart(gateway.port('plain'), 3_000_000);
    const ask = async () => {
      const response = await fetch(`http://127.0.0.1:${configuration.admin?.port}/api/v1/status`);
      const { associations } = (await response.json()) as { associations: Record<string, unknown>[] };
      return associations[0];
    };
    const seen = await waitFor('3 MB in progress', async () => {
      const association = await ask();
      return Number(association?.bytes ?? 0) > 2_900_000 && association;
    });
    expect(seen).toMatchObject({
      modality: 'ct1',
      commands: 0,
      inProgress: { command: 'C-STORE', bytes: expect.any(Number) },
    });
  });
});

describeOnTerminal('aegis status --watch', () => {
  let gateway: GatewayProcess;
  beforeAll(async () => {
    const archive = await SpyUpstream.start();
    gateway = await startGateway(await configurationWith(archive.port));
  });
  const watch = (options = {}) =>
    PseudoTerminal.start(['--config', gateway.configurationFile, 'status', '--watch', '0.1'], options);

  it('draws in place on the alternate screen, again after a resize, and leaves it on Ctrl-C', async () => {
    const terminal = watch();
    await terminal.process.waitForOutput(/Ctrl-C ends/);
    expect(terminal.process.output).toContain(ENTER);
    expect(terminal.process.output).not.toContain(LEAVE);
    await terminal.resize(60, 12);
    // A frame of a low window: as many lines as it has.
    await terminal.process.waitForOutput(/more in a higher window/);
    const { exitCode } = await terminal.interrupt();
    expect(exitCode).toBe(0);
    expect(terminal.process.output.endsWith(LEAVE)).toBe(true);
  });

  it('keeps its first line and fits the window', async () => {
    const terminal = watch({ columns: 80, rows: 10 });
    await terminal.process.waitForOutput(/more in a higher window/);
    await terminal.interrupt();
    const [, frame] = terminal.process.output.split('\x1b[H');
    const lines = frame!.split('\r\n');
    expect(lines).toHaveLength(10);
    expect(lines[0]).toContain('ready');
  });

  it('shows a transfer move, with its rate', async () => {
    const terminal = watch();
    await storeInPart(gateway.port('plain'), 5_000_000);
    await terminal.process.waitForOutput(/C-STORE [\d.]+ MB/);
    await terminal.interrupt();
  });

  it('says in place that nothing answers, and still leaves', async () => {
    const terminal = PseudoTerminal.start([
      'status',
      '--watch',
      '0.1',
      '--url',
      `http://127.0.0.1:${await freePort()}`,
    ]);
    await terminal.process.waitForOutput(/error: .*[\s\S]*Ctrl-C ends/);
    expect((await terminal.interrupt()).exitCode).toBe(1);
    expect(terminal.process.output.endsWith(LEAVE)).toBe(true);
  });

  it('appends frames where stdout is not a terminal', async () => {
    const watching = startProcess(process.execPath, [
      ...[cli, '--config', gateway.configurationFile, 'status', '--watch', '0.1'],
    ]);
    await watching.waitForOutput(/^ready: [\s\S]*\n\nready: /);
    expect((await watching.stop('SIGINT')).exitCode).toBe(0);
    expect(watching.output).not.toContain('\x1b');
  });
});

describeOnTerminal('colour', () => {
  let file: string;
  beforeAll(async () => {
    file = join(temporaryFolder(), 'aegis.jsonc');
    writeFileSync(file, JSON.stringify(await configurationWith(await freePort())));
  });
  const explain = (options: readonly string[] = []) => [
    ...[
      '--config',
      file,
      ...options,
      'explain',
      '--calling',
      'CT9',
      '--called',
      'ARCHIVE',
      '--from',
      '127.0.0.1',
    ],
  ];

  it('is used on a terminal, and changes no word', async () => {
    const coloured = await runOnTerminal(explain());
    expect(coloured.raw).toContain(COLOUR);
    const plain = await runOnTerminal(explain(), { environment: { NO_COLOR: '1' } });
    expect(plain.raw).not.toContain('\x1b');
    expect(coloured.lines).toEqual(plain.lines);
  });

  it.each([
    ['NO_COLOR, also beside FORCE_COLOR', { NO_COLOR: '1', FORCE_COLOR: '1' }, []],
    ['TERM=dumb', { TERM: 'dumb' }, []],
    ['FORCE_COLOR=0', { FORCE_COLOR: '0' }, []],
    ['--json', {}, ['--json']],
  ])('is not used with %s', async (_what, environment, options) => {
    const { raw } = await runOnTerminal(explain(options), {
      environment: environment as Record<string, string>,
    });
    expect(raw).not.toContain('\x1b');
  });

  it('is not used in a pipe, unless FORCE_COLOR asks for it', async () => {
    expect((await runProcess(process.execPath, [cli, ...explain()])).output).not.toContain('\x1b');
    const forced = await runProcess(process.execPath, [cli, ...explain()], {
      environment: { FORCE_COLOR: '1' },
    });
    expect(forced.output).toContain(COLOUR);
  });
});

describeOnTerminal('what takes time', () => {
  let silentPort: number;
  beforeAll(async () => {
    const sockets: Socket[] = [];
    const silent = createServer((socket) => {
      sockets.push(socket.on('error', () => {}));
    });
    silent.listen(0, '127.0.0.1');
    await new Promise((resolve_) => silent.once('listening', resolve_));
    silentPort = (silent.address() as AddressInfo).port;
    onCleanUp(() => {
      for (const socket of sockets) socket.destroy();
      silent.close();
    });
  });

  it('aegis echo prints each step as it happens, and the time while it waits; Ctrl-C ends it with 130', async () => {
    const terminal = PseudoTerminal.start(['echo', `127.0.0.1:${silentPort}`]);
    await terminal.process.waitForOutput(/TCP .*connected to [\s\S]*association {2}\d+\.\d s/);
    const { exitCode } = await terminal.interrupt();
    expect(exitCode).toBe(130);
    // The line is gone, and nothing was hidden or changed that would have to be put back.
    expect(terminal.process.output.endsWith(CLEAR_LINE)).toBe(true);
    expect(terminal.process.output).not.toContain('\x1b[?');
  });

  it('aegis echo in a pipe prints each step as soon as it is known, and no more', async () => {
    const { exitCode, output } = await runProcess(process.execPath, [
      ...[cli, 'echo', `127.0.0.1:${silentPort}`, '--timeout', '0.5'],
    ]);
    expect(exitCode).toBe(1);
    expect(output).toMatch(
      /^AEGIS .*\n {2}ok {6}TCP .*\n {2}failed {2}association .* no answer within 0\.5 s\n$/,
    );
  });

  it('aegis check says which server it waits for', async () => {
    const file = join(temporaryFolder(), 'aegis.jsonc');
    writeFileSync(file, JSON.stringify(await configurationWith(silentPort, { admin: undefined })));
    const terminal = PseudoTerminal.start(['--config', file, 'check']);
    await terminal.process.waitForOutput(/asking ARCHIVE 127\.0\.0\.1:\d+ {2}\d+\.\d s/);
    expect((await terminal.interrupt()).exitCode).toBe(130);
  });

  it('aegis demo shows its progress or its table, never both', async () => {
    const { exitCode, lines } = await runOnTerminal(['demo'], { deadlineMs: 80_000 });
    expect(exitCode).toBe(0);
    expect(lines.filter((line) => /throw-away CA|starting the archive/.test(line))).toEqual([]);
    expect(lines[0]).toMatch(/^ +WHAT WAS SENT +ARCHIVE GOT$/);
    expect(lines.join('\n')).toMatch(/\nnext:\n {2}node .* demo --keep /);
    expect(lines.filter(({ length }) => length > 80)).toEqual([]);
    // A screenshot has them all.
    expect(lines.length).toBeLessThan(50);
  });
});

describe('aegis log as a process', () => {
  let gateway: GatewayProcess;
  beforeAll(async () => {
    const archive = await SpyUpstream.start();
    gateway = await startGateway(await configurationWith(archive.port));
  });
  const refuse = async (calling: string) => {
    const scu = await RawScu.connect({ port: gateway.port('plain') });
    await scu.associate({
      calling,
      called: 'ARCHIVE',
      contexts: [proposedContext(1, SopClass.Verification)],
    });
  };

  it('shows a refusal as it happens, with --follow --denied, and ends on Ctrl-C', async () => {
    const following = startProcess(process.execPath, [
      ...[cli, '--config', gateway.configurationFile, 'log', '--follow', '--denied'],
    ]);
    await refuse('CT7');
    await following.waitForOutput(
      /denied +association\.rejected .*CT7@127\.0\.0\.1 .*calling-ae-title-unknown/,
    );
    expect(following.output).not.toContain('allowed');
    expect(await following.stop('SIGINT')).toMatchObject({ signal: 'SIGINT' });
  });

  it('reads a pipe', async () => {
    await refuse('CT8');
    const lines = await gateway.process.waitFor('CT8 in the log', () => {
      const found = gateway.auditLines.filter(({ callingAeTitle }) => callingAeTitle === 'CT8');
      return found.length > 0 && found;
    });
    const file = join(temporaryFolder(), 'lines.jsonl');
    writeFileSync(file, `from journald\n${lines.map((line) => JSON.stringify(line)).join('\n')}\n`);
    const piped = await runProcess('sh', [
      '-c',
      'cat "$1" | "$2" "$3" log',
      'sh',
      file,
      process.execPath,
      cli,
    ]);
    expect(piped).toMatchObject({ exitCode: 0 });
    expect(piped.output).toMatch(/^from journald\n.*denied +association\.rejected .*CT8@/);
  });
});

describeOnTerminal('every report', () => {
  let gateway: GatewayProcess;
  let pkiFolder: string;
  let spreadsheet: string;
  beforeAll(async () => {
    const archive = await SpyUpstream.start();
    gateway = await startGateway(await configurationWith(archive.port));
    // Two that are refused: they are pending, and the last denials.
    for (const calling of ['SIXTEEN_LETTERS9', 'CT9']) {
      const scu = await RawScu.connect({ port: gateway.port('plain') });
      await scu.associate({
        calling,
        called: 'ARCHIVE',
        contexts: [proposedContext(1, SopClass.CTImageStorage)],
      });
    }
    await storeInPart(gateway.port('plain'), 2_000_000);
    await gateway.events('association.rejected', 2);
    const folder = temporaryFolder();
    pkiFolder = join(folder, 'certs');
    const pki = async (...words: string[]) =>
      expect((await runProcess(process.execPath, [cli, 'pki', ...words, '--dir', pkiFolder])).exitCode).toBe(
        0,
      );
    await pki('init');
    await pki(
      'server',
      '--name',
      'a-gateway-with-a-long-name.radiology.hospital.example',
      '--name',
      '127.0.0.1',
    );
    spreadsheet = join(folder, 'modalities.csv');
    writeFileSync(
      spreadsheet,
      `name,callingAeTitle,from,allow,listeners\n${LONG}-2,SIXTEEN_LETTERS3,10.1.2.9,"echo,store,find,move",plain\n`,
    );
  });

  it.each([
    ['status'],
    ['check'],
    ['explain --calling SIXTEEN_LETTERS1 --called ARCHIVE --from 10.1.2.3'],
    ['explain --calling CT1 --called ARCHIVE --from 127.0.0.1 --listener plain --command c-store'],
    ['modality list'],
    [`modality show ${LONG}`],
    [`modality test ${LONG}`],
    ['modality pending'],
    ['modality list --seen'],
    ['log'],
    ['log --denied'],
    ['modality import --dry-run CSV'],
    ['pki list --dir PKI'],
    ['observe report'],
    ['echo ARCHIVE'],
  ])('fits 80 columns, and uses 120: aegis %s', async (words) => {
    const named = words.split(' ').map((word) => ({ CSV: spreadsheet, PKI: pkiFolder })[word] ?? word);
    const commandArguments = ['--config', gateway.configurationFile, ...named];
    for (const columns of [80, 120]) {
      const { lines } = await runOnTerminal(commandArguments, { columns });
      expect(lines.length).toBeGreaterThan(1);
      expect(lines.filter(({ length }) => length > columns)).toEqual([]);
    }
  });
});
