import { writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { registerEcho } from '../../src/commands/echo/echo';
import { testCertificates } from '../support/certificates';
import { onCleanUp } from '../support/cleanUp';
import { type CommandRun, runCommand } from '../support/commandLine';
import { Storescp } from '../support/dcmtk';
import { abort, associateAc, CommandField, RESPONSE_BIT } from '../support/dicomBytes';
import { TestGateway } from '../support/gateway';
import { Orthanc } from '../support/orthanc';
import { describeWithPeers } from '../support/peers';
import { freePort } from '../support/processes';
import { type SpyScript, SpyUpstream } from '../support/spyUpstream';
import { expectNoMalformed } from '../support/tshark';
import { SopClass, TransferSyntax } from '../support/uids';

const certificates = testCertificates();
const { ca, otherCa, server, client } = certificates;

interface Step {
  readonly ok: boolean;
  readonly name: string;
  readonly failure?: string;
  readonly text: string;
  readonly code?: string;
  readonly alert?: string;
  readonly tls?: Readonly<Record<string, string>>;
}

/** Runs `aegis echo …` twice: for people, and for machines. */
async function echo(...commandArguments: readonly string[]) {
  const { exitCode, printed } = await runCommand(registerEcho, ['echo', ...commandArguments]);
  const json = await runCommand(registerEcho, ['--json', 'echo', ...commandArguments]);
  return { exitCode, printed, ...readJson(json) };
}

function readJson({ printed, exitCode }: CommandRun) {
  const { ok, echoes } = JSON.parse(printed) as { ok: boolean; echoes: { ok: boolean; steps: Step[] }[] };
  expect(ok).toBe(exitCode === 0);
  const steps = echoes.flatMap((each) => each.steps);
  return { echoes, steps, names: steps.map(({ name }) => name), last: steps.at(-1)! };
}

async function spyAt(script: SpyScript = {}, tls?: Parameters<typeof SpyUpstream.start>[0]) {
  const spy = await SpyUpstream.start({ script, ...tls });
  return { spy, address: `127.0.0.1:${spy.port}` };
}
const withTls = { tls: { ...server } };
const mutualTls = { tls: { ...server, ca: ca.cert, requestCert: true, rejectUnauthorized: true } };

describe('a peer that answers', () => {
  it('gets one association, one C-ECHO and a release', async () => {
    const { spy, address } = await spyAt();
    const { exitCode, printed } = await runCommand(registerEcho, [
      'echo',
      address,
      ...['--calling', 'CT1', '--called', 'ARCHIVE'],
    ]);
    expect(exitCode).toBe(0);
    expect(printed).toMatch(/^CT1 to ARCHIVE at 127\.0\.0\.1:\d+ \(plain\)\n/);
    expect(printed.match(/^ {2}ok /gm)).toHaveLength(4);
    expect(spy.connects).toBe(1);
    expect(spy.connections[0]).toMatchObject({
      associateRq: { calling: 'CT1', called: 'ARCHIVE' },
      requests: [
        { command: { CommandField: CommandField.CEchoRq, AffectedSOPClassUID: SopClass.Verification } },
      ],
      aborted: undefined,
    });
  });

  it('shows its certificate over TLS, and is shown ours', async () => {
    const { spy, address } = await spyAt({}, mutualTls);
    const identity = ['--certificate', client.certificateFile, '--private-key', client.privateKeyFile];
    const { exitCode, printed, names, steps } = await echo(address, '--ca', ca.certificateFile, ...identity);
    expect(exitCode).toBe(0);
    expect(names).toEqual(['tcp', 'tls', 'association', 'echo', 'release']);
    expect(steps[1]!.tls).toMatchObject({
      protocol: 'TLSv1.3',
      subject: 'CN=server',
      issuer: 'CN=Test CA',
      notAfter: new Date(server.x509.validTo).toISOString(),
      fingerprint256: server.x509.fingerprint256,
    });
    expect(printed).toContain(`sha256:${server.x509.fingerprint256}`);
    expect(spy.connects).toBe(2);
  });

  it('cannot move the cursor of the terminal', async () => {
    // As long as the name that the test peer usually has.
    const evil = '\u001b[2JEVIL!!';
    const contexts = [{ id: 1, result: 0, transferSyntax: TransferSyntax.ImplicitVrLittleEndian }];
    const ac = associateAc({ contexts }).toString('latin1').replace('AEGIS_TEST', evil);
    const { address } = await spyAt({
      onAssociateRq: (connection) => connection.send(Buffer.from(ac, 'latin1')),
    });
    const { printed } = await echo(address);
    expect(printed).not.toContain('\u001b');
    expect(printed).toContain('EVIL');
  });
});

describe('a peer that does not', () => {
  const run = async (script: SpyScript, ...options: readonly string[]) => {
    const { spy, address } = await spyAt(script);
    const { exitCode, ...result } = await echo(address, ...options);
    expect(exitCode).toBe(1);
    return { ...result, spy };
  };

  it('is a refused port', async () => {
    const { exitCode, names, last } = await echo(`127.0.0.1:${await freePort()}`);
    expect(exitCode).toBe(1);
    expect(names).toEqual(['tcp']);
    expect(last).toMatchObject({ ok: false, failure: 'notConnected', code: 'ECONNREFUSED' });
  });

  it('rejects', async () => {
    const { names, last, printed } = await run({ onAssociateRq: (connection) => connection.reject(1, 1, 3) });
    expect(names).toEqual(['tcp', 'association']);
    expect(last).toMatchObject({ failure: 'rejected', rejection: { result: 1, source: 1, reason: 3 } });
    expect(printed).toContain('calling AE title not recognized (result 1, source 1, reason 3)');
    expect(printed).toContain('--calling');
  });

  it('aborts', async () => {
    const { last, spy } = await run({ onAssociateRq: (connection) => connection.abort(2, 6) });
    expect(last).toMatchObject({
      name: 'association',
      failure: 'aborted',
      abort: { source: 2, reason: 6 },
      text: expect.stringContaining('invalid PDU parameter value'),
    });
    expect(spy.connections[0]!.aborted).toBeUndefined();
  });

  it('aborts later', async () => {
    const { last } = await run({ onRequest: (connection) => connection.abort() });
    expect(last).toMatchObject({ name: 'echo', failure: 'aborted' });
  });

  it('says nothing, and gets an A-ABORT', async () => {
    const { last, spy } = await run({ onAssociateRq: () => {} }, '--timeout', '0.2');
    expect(last).toMatchObject({ name: 'association', failure: 'silent', text: 'no answer within 0.2 s' });
    await spy.waitUntil(({ connections }) => connections.every((each) => each.aborted), 'the A-ABORT');
  });

  it('closes at once', async () => {
    const { last, printed } = await run({ onConnect: (connection) => connection.end() });
    expect(last).toMatchObject({ name: 'association', failure: 'closed' });
    expect(printed).toContain('try --tls');
  });

  it('takes no Verification', async () => {
    const contexts = [{ id: 1, result: 3, transferSyntax: '' }];
    const { last } = await run({ onAssociateRq: (connection) => connection.accept({ contexts }) });
    expect(last).toMatchObject({ name: 'association', failure: 'contextRefused' });
  });

  it('accepts what was not proposed', async () => {
    const contexts = [{ id: 1, result: 0, transferSyntax: '1.2.840.10008.1.2.4.50' }];
    const { last } = await run({ onAssociateRq: (connection) => connection.accept({ contexts }) });
    expect(last).toMatchObject({ name: 'association', failure: 'contextRefused' });
  });

  it('answers with another status, and is released all the same', async () => {
    const { names, steps } = await run({
      onRequest: (connection, request) => connection.respond(request, { Status: 0x0124 }),
    });
    expect(names).toEqual(['tcp', 'association', 'echo', 'release']);
    expect(steps[2]).toMatchObject({ ok: false, failure: 'status', status: '0x0124' });
    expect(steps[2]!.text).toContain('refused: not authorized');
    expect(steps[3]!.ok).toBe(true);
  });

  it.each([
    ['another message', { MessageIDBeingRespondedTo: 7 }],
    ['another command', { CommandField: CommandField.CStoreRq | RESPONSE_BIT }],
  ])('responds to %s', async (_, fields) => {
    const { last } = await run({ onRequest: (connection, request) => connection.respond(request, fields) });
    expect(last).toMatchObject({ name: 'echo', failure: 'malformed' });
  });

  it('closes instead of releasing', async () => {
    const { last } = await run({ onReleaseRq: (connection) => connection.end() });
    expect(last).toMatchObject({ name: 'release', failure: 'closed' });
  });

  it('is not a DICOM peer', async () => {
    const { last } = await run({
      onAssociateRq: (connection) => connection.send(Buffer.from('SSH-2.0-OpenSSH_9.6\r\n')),
    });
    expect(last).toMatchObject({ failure: 'malformed', text: 'the peer sent an SSH client' });
  });
});

describe('TLS', () => {
  const trusting = ['--ca', ca.certificateFile];

  it.each([
    ['no CA', ['--tls'], 'is not signed by a trusted CA', '--ca FILE'],
    ['another CA', ['--ca', otherCa.certificateFile], 'is not signed by a trusted CA', ''],
    ['another name', [...trusting, '--server-name', 'ct1.example'], 'ct1.example', '--server-name'],
  ])('fails with %s', async (_, options, words, hint) => {
    const { spy, address } = await spyAt({}, withTls);
    const { exitCode, names, last, printed } = await echo(address, ...options);
    expect(exitCode).toBe(1);
    expect(names).toEqual(['tcp', 'tls']);
    expect(last).toMatchObject({ ok: false, failure: 'tlsFailed', text: expect.stringContaining(words) });
    expect(printed).toContain(hint);
    expect(spy.receivedBytes).toBe(0);
  });

  it('fails with a certificate that has expired', async () => {
    const expired = certificates.issue('expired-server', {
      issuer: ca,
      names: ['127.0.0.1'],
      validFromDays: -30,
      validToDays: -1,
    });
    const { address } = await spyAt({}, { tls: { ...expired } });
    const { last } = await echo(address, ...trusting);
    expect(last.text).toContain('has expired');
  });

  it('says when the peer wants a certificate', async () => {
    const { address } = await spyAt({}, mutualTls);
    const { exitCode, last, printed } = await echo(address, ...trusting);
    expect(exitCode).toBe(1);
    expect(last).toMatchObject({ name: 'association', failure: 'closed', alert: 'certificate required' });
    expect(printed).toContain('--certificate FILE --private-key FILE');
  });

  it('says when it is spoken to a plain port', async () => {
    const plain = createServer((socket) => {
      socket.on('error', () => {});
      socket.once('data', () => socket.end(abort(2, 1)));
    });
    plain.listen(0, '127.0.0.1');
    onCleanUp(() => void plain.close());
    await new Promise((resolve) => plain.once('listening', resolve));
    const { last, printed } = await echo(`127.0.0.1:${(plain.address() as AddressInfo).port}`, '--tls');
    expect(last).toMatchObject({ failure: 'tlsFailed', code: 'ERR_SSL_WRONG_VERSION_NUMBER' });
    expect(printed).toContain('this is not a TLS port');
  });

  it('says when plain DICOM came to a TLS port', async () => {
    const { spy, address } = await spyAt({}, withTls);
    const { exitCode, last, printed } = await echo(address);
    expect(exitCode).toBe(1);
    expect(['closed', 'speaksTls']).toContain(last.failure);
    expect(printed).toContain('--tls');
    expect(spy.receivedBytes).toBe(0);
  });

  it('says when the peer answers in TLS', async () => {
    const alert = Buffer.from([0x15, 0x03, 0x01, 0x00, 0x02, 0x02, 0x46]);
    const { address } = await spyAt({ onAssociateRq: (connection) => connection.send(alert) });
    const { last, printed } = await echo(address);
    expect(last.failure).toBe('speaksTls');
    expect(printed).toContain('add --tls');
  });
});

describe('names of the configuration', () => {
  const file = join(certificates.folder, 'aegis.jsonc');
  const write = (configuration: object) => {
    writeFileSync(
      file,
      JSON.stringify({
        listeners: [{ name: 'plain', host: '127.0.0.1', port: 11112 }],
        upstreams: { ORTHANC: { servers: ['127.0.0.1:4242'] } },
        modalities: { ct1: { callingAeTitle: 'CT1', from: '127.0.0.1', listeners: 'plain', allow: 'echo' } },
        ...configuration,
      }),
    );
  };
  const named = (...commandArguments: string[]) =>
    runCommand(registerEcho, ['--config', file, '--json', 'echo', ...commandArguments]);

  it('find every server of an upstream', async () => {
    const { spy, address } = await spyAt();
    const down = `127.0.0.1:${await freePort()}`;
    write({ upstreams: { PACS: { servers: [down, address], calledAeTitle: 'ARCHIVE' } } });
    const run = await named('PACS');
    expect(run.exitCode).toBe(1);
    expect(readJson(run).echoes.map(({ ok }) => ok)).toEqual([false, true]);
    expect(spy.connections[0]!.associateRq?.called).toBe('ARCHIVE');
  });

  it('find the address of a modality, with its TLS', async () => {
    const { spy } = await spyAt({}, mutualTls);
    const tls = {
      trustedCertificates: ca.certificateFile,
      certificate: client.certificateFile,
      privateKey: client.privateKeyFile,
    };
    const address = { host: '127.0.0.1', port: spy.port, tls };
    write({
      modalities: {
        ws1: { callingAeTitle: ['WS1', 'WS1B'], from: '127.0.0.1', listeners: 'plain', address },
      },
    });
    const run = await named('ws1');
    expect(readJson(run).names).toContain('tls');
    expect(run.exitCode).toBe(0);
    expect(spy.connections[0]!.associateRq?.called).toBe('WS1');
  });

  it('find the gateway itself, by a name that its certificate has', async () => {
    const { address } = await spyAt();
    const gatewayCertificate = certificates.issue('gateway', {
      issuer: ca,
      names: ['pacs.example'],
      purposes: ['serverAuth'],
    });
    const tls = {
      certificate: gatewayCertificate.certificateFile,
      privateKey: gatewayCertificate.privateKeyFile,
      trustedCertificates: ca.certificateFile,
    };
    const configuration = (port: number) => ({
      listeners: [{ name: 'tls', host: '0.0.0.0', port, tls }],
      upstreams: { ARCHIVE: { servers: [address] } },
      modalities: { ct1: { callingAeTitle: 'CT1', from: '127.0.0.1', allow: 'echo' as const } },
    });
    const gateway = await TestGateway.start(configuration(0));
    write(configuration(gateway.port()));
    const identity = ['--certificate', client.certificateFile, '--private-key', client.privateKeyFile];

    const answered = await named('--calling', 'CT1', ...identity);
    expect(readJson(answered).last).toMatchObject({ ok: true, name: 'release' });
    await gateway.event({ event: 'command.completed', outcome: 'allowed', callingAeTitle: 'CT1' });
    const refused = await named(...identity);
    expect(refused.exitCode).toBe(1);
    expect(readJson(refused).last).toMatchObject({ rejection: { result: 1, source: 1, reason: 3 } });
    await gateway.event({ event: 'association.rejected', callingAeTitle: 'AEGIS' });
  });

  it.each([
    ['ORTHANK', /"ORTHANK" is not an upstream and not a modality .*did you mean "ORTHANC"/],
    ['ct1', /modalities\.ct1 has no address/],
    ['127.0.0.1:70000', /port out of range/],
  ])('are wrong usage where they lead nowhere: %s', async (name, message) => {
    write({});
    await expect(named(name)).rejects.toMatchObject({ exitCode: 2, message: expect.stringMatching(message) });
  });

  it('are wrong usage where upstream and modality share one', async () => {
    write({ modalities: { ORTHANC: { callingAeTitle: 'CT1', from: '127.0.0.1', listeners: 'plain' } } });
    await expect(named('ORTHANC')).rejects.toMatchObject({ exitCode: 2 });
  });
});

describeWithPeers(['tshark', 'storescp', 'Orthanc'], 'real peers', () => {
  it('tshark finds nothing malformed in what is sent', async () => {
    const { spy, address } = await spyAt();
    await echo(address);
    await expectNoMalformed(spy.connections[0]!.transcript);
  });

  it('storescp answers, plain and over TLS', async () => {
    const plain = await Storescp.start();
    expect((await echo(`127.0.0.1:${plain.port}`)).exitCode).toBe(0);
    const tls = { ca, certificate: certificates.rsaServer };
    const secure = await Storescp.start({ tls });
    const identity = ['--certificate', client.certificateFile, '--private-key', client.privateKeyFile];
    const { exitCode, last } = await echo(
      `127.0.0.1:${secure.port}`,
      ...['--ca', ca.certificateFile, ...identity],
    );
    expect(last.text).toBe('released');
    expect(exitCode).toBe(0);
  });

  it('Orthanc answers, and rejects who it does not know', async () => {
    const orthanc = await Orthanc.start();
    expect((await echo(`127.0.0.1:${orthanc.dicomPort}`)).exitCode).toBe(0);
    const strict = await Orthanc.start({ settings: { DicomCheckCalledAet: true } });
    const { last } = await echo(`127.0.0.1:${strict.dicomPort}`, '--called', 'SOMEBODY');
    expect(last).toMatchObject({ failure: 'rejected', rejection: { result: 1, source: 1, reason: 7 } });
  });
});

it.each([
  ['--calling', 'SEVENTEEN-LETTERS'],
  ['--called', 'BACK\\SLASH'],
  ['--profile', 'ssl3'],
])('refuses %s %s', async (option, value) => {
  await expect(runCommand(registerEcho, ['echo', '127.0.0.1:1', option, value])).rejects.toMatchObject({
    name: 'CommanderError',
  });
});

it.each(['0', 'soon'])('refuses --timeout %s', async (value) => {
  await expect(runCommand(registerEcho, ['echo', '127.0.0.1:1', '--timeout', value])).rejects.toMatchObject({
    message: expect.stringContaining('accepted is 0.001 to 3600'),
    exitCode: 2,
  });
});
