/**
 * A real rsyslog that takes messages over mutual TLS and writes each as it came into a file of its own folder. Knows
 * nothing of what messages say.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import type { TestCertificate } from './certificates';
import { startProcess, type TestProcess, temporaryFolder } from './processes';
import { waitFor } from './waiting';

export interface SyslogMessage {
  readonly priority: number;
  readonly messageId: string;
  /** Behind the structured data. */
  readonly text: string;
}

const MESSAGE = /^<(\d+)>1 \S+ \S+ \S+ \S+ (\S+) - (.*)$/;

export class Rsyslog {
  readonly port: number;
  readonly #folder = temporaryFolder();
  #process: TestProcess | undefined;

  constructor(port: number, ca: TestCertificate, server: TestCertificate) {
    this.port = port;
    writeFileSync(
      join(this.#folder, 'rsyslog.conf'),
      `global(workDirectory="${this.#folder}" maxMessageSize="128k" defaultNetstreamDriver="gtls"
         defaultNetstreamDriverCAFile="${ca.certificateFile}"
         defaultNetstreamDriverCertFile="${server.certificateFile}"
         defaultNetstreamDriverKeyFile="${server.privateKeyFile}")
       module(load="imtcp" streamDriver.name="gtls" streamDriver.mode="1" streamDriver.authMode="x509/certvalid")
       template(name="raw" type="string" string="%rawmsg%\\n")
       input(type="imtcp" address="127.0.0.1" port="${port}")
       action(type="omfile" file="${this.#file}" template="raw")
      `,
    );
  }

  get #file(): string {
    return join(this.#folder, 'received');
  }

  /** Resolves once it listens. */
  async start(): Promise<void> {
    this.#process = startProcess('rsyslogd', ['-n', '-iNONE', '-f', join(this.#folder, 'rsyslog.conf')]);
    await waitFor('rsyslog', () => accepts(this.port));
  }

  async stop(): Promise<void> {
    await this.#process?.stop();
  }

  /** In the order in which they came. */
  get messages(): SyslogMessage[] {
    return this.#lines().map((line) => {
      const [, priority, messageId, text] = MESSAGE.exec(line) ?? [];
      if (text === undefined) throw new Error(`not a message of RFC 5424: ${line}`);
      return { priority: Number(priority), messageId: messageId!, text };
    });
  }

  #lines(): string[] {
    try {
      return readFileSync(this.#file, 'utf8').split('\n').slice(0, -1);
    } catch {
      return [];
    }
  }
}

async function accepts(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1');
  return await new Promise((resolve) => {
    socket.once('connect', () => resolve(true));
    socket.once('error', () => resolve(false));
  }).then((isOpen) => {
    socket.destroy();
    return isOpen === true;
  });
}
