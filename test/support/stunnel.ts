/**
 * A real stunnel in client mode: TLS for programs that have none (movescu, getscu), and a source address of
 * choice for programs that cannot choose theirs.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestCertificate } from './certificates';
import { freePort, startProcess, type TestProcess, temporaryFolder } from './processes';

interface StunnelOptions {
  /** Port of 127.0.0.1 that speaks TLS. */
  readonly connectPort: number;
  /** CA of the server; the chain is verified. */
  readonly ca: TestCertificate;
  /** What stunnel shows; nothing where this is missing. */
  readonly client?: TestCertificate;
  readonly sourceAddress?: string;
}

export interface Stunnel {
  /** Port of 127.0.0.1 that takes plain connections. */
  readonly port: number;
  readonly process: TestProcess;
}

export async function startStunnel({
  connectPort,
  ca,
  client,
  sourceAddress,
}: StunnelOptions): Promise<Stunnel> {
  const port = await freePort();
  const configurationFile = join(temporaryFolder(), 'stunnel.conf');
  const lines = [
    'foreground = yes',
    'pid =',
    'syslog = no',
    'debug = info',
    'socket = l:TCP_NODELAY=1',
    'socket = r:TCP_NODELAY=1',
    '[dicom]',
    'client = yes',
    `accept = 127.0.0.1:${port}`,
    `connect = 127.0.0.1:${connectPort}`,
    `CAfile = ${ca.certificateFile}`,
    'verifyChain = yes',
    ...(client === undefined ? [] : [`cert = ${client.certificateFile}`, `key = ${client.privateKeyFile}`]),
    ...(sourceAddress === undefined ? [] : [`local = ${sourceAddress}`]),
  ];
  writeFileSync(configurationFile, `${lines.join('\n')}\n`);
  const process = startProcess('stunnel4', [configurationFile]);
  // A probe of the port would be a connection through to the server.
  await process.waitForOutput(/Service \[dicom\] .*bound to/);
  return { port, process };
}
