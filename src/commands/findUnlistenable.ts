/**
 * The part of `aegis check` that tries the ports: what `aegis start` would fail on, on this machine. Each port is opened
 * for a moment and closed at once. The running gateway of this very configuration may have them.
 */
import { once } from 'node:events';
import { realpathSync } from 'node:fs';
import { createServer } from 'node:net';
import { basename, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { AdminClient, adminTarget } from '../admin/adminClient';
import type { Configuration } from '../config/schema';
import { OperatorError } from '../errors';
import { describeListenError } from '../net/listener';
import { type PortHolder, portHolders } from '../net/portHolder';
import { formatHostAndPort, type HostAndPort } from '../text/hostAndPort';
import type { ConfigurationPath, Finding } from '../text/problems';
import { escapeUnsafe } from '../text/quote';

/** Another `aegis check` may have the port for a moment. */
const ATTEMPTS = 3;
const BETWEEN_ATTEMPTS_MS = 50;

interface Wanted extends HostAndPort {
  readonly path: ConfigurationPath;
}

export async function findUnlistenable(configuration: Configuration, file: string): Promise<Finding[]> {
  const findings: Finding[] = [];
  for (const wanted of wantedBy(configuration)) {
    const error = await openingError(wanted);
    if (error === undefined) continue;
    const finding = findingOf(wanted, error, file);
    // The gateway of another user shows no command, but may answer.
    if (finding?.severity === 'warning' && (await gatewayPorts(configuration)).includes(wanted.port))
      continue;
    if (finding !== undefined) findings.push(finding);
  }
  return findings;
}

/** What the running gateway listens on, as far as it can be asked. */
async function gatewayPorts({ admin }: Configuration): Promise<number[]> {
  if (admin === undefined || admin.port === 0) return [];
  try {
    const { listeners } = await new AdminClient(adminTarget(admin)).status();
    return [admin.port, ...listeners.map(({ port }) => port)];
  } catch (error) {
    if (error instanceof OperatorError) return [];
    throw error;
  }
}

function wantedBy({ listeners, egress, admin }: Configuration): Wanted[] {
  return [
    ...listeners.map(({ host, port }, index) => ({ path: ['listeners', index], host, port })),
    ...(egress === undefined ? [] : [{ path: ['egress'], host: egress.host, port: egress.port }]),
    ...(admin === undefined ? [] : [{ path: ['admin'], host: admin.host, port: admin.port }]),
  ];
}

/** Undefined where the port can be had. */
async function openingError({ host, port }: HostAndPort): Promise<NodeJS.ErrnoException | undefined> {
  for (let attempt = 1; ; attempt += 1) {
    const server = createServer((socket) => socket.destroy());
    try {
      server.listen({ host, port, exclusive: true });
      await once(server, 'listening');
      return undefined;
    } catch (cause) {
      const error = cause as NodeJS.ErrnoException;
      if (error.code !== 'EADDRINUSE' || attempt === ATTEMPTS) return error;
    } finally {
      server.close();
    }
    await delay(BETWEEN_ATTEMPTS_MS);
  }
}

function findingOf(
  { path, host, port }: Wanted,
  error: NodeJS.ErrnoException,
  file: string,
): Finding | undefined {
  const where = formatHostAndPort({ host, port });
  const key = error.code === 'EADDRINUSE' || error.code === 'EACCES' ? 'port' : 'host';
  const place = { path: [...path, key], kind: 'port' } as const;
  if (error.code !== 'EADDRINUSE') {
    return { ...place, message: `${where} cannot be listened on: ${describeListenError(error)}` };
  }
  const holders = portHolders(port);
  // systemd has opened it, for the gateway.
  if (holders.some((holder) => isSystemd(holder) || isOurGateway(holder, file))) return undefined;
  const [holder] = holders;
  if (holder === undefined) {
    const message = `${where} is in use, by the running gateway of this configuration or by another program; if no gateway runs, stop that program or choose another port`;
    return { ...place, message, severity: 'warning' };
  }
  const message = `${where} is in use by ${describeHolder(holder)}; stop it or choose another port`;
  return { ...place, message };
}

/** `storescp (PID 123)`, `another gateway (PID 123, aegis.jsonc)`. */
function describeHolder({ pid, command, folder }: PortHolder): string {
  const configured = configurationOf(command);
  if (configured === undefined) return `${escapeUnsafe(basename(command[0] ?? 'a program'))} (PID ${pid})`;
  return `another gateway (PID ${pid}, ${escapeUnsafe(resolve(folder ?? '/', configured))})`;
}

function isOurGateway({ command, folder }: PortHolder, file: string): boolean {
  const configured = configurationOf(command);
  return (
    configured !== undefined && folder !== undefined && isSameFile(resolve(folder, configured), resolve(file))
  );
}

function isSystemd({ pid, command: [program = ''] }: PortHolder): boolean {
  return pid === 1 && ['systemd', 'init'].includes(basename(program));
}

/** What `aegis start` was started with; undefined where the command is another one. */
function configurationOf(command: readonly string[]): string | undefined {
  const isGateway = command.includes('start') && command.some((word) => /(^|\/)(aegis|cli\.js)$/.test(word));
  if (!isGateway) return undefined;
  const index = command.indexOf('--config');
  const joined = command.find((word) => word.startsWith('--config='))?.slice('--config='.length);
  return joined ?? (index < 0 ? (process.env.AEGIS_CONFIG ?? 'config/aegis.jsonc') : command[index + 1]);
}

function isSameFile(one: string, other: string): boolean {
  try {
    return realpathSync(one) === realpathSync(other);
  } catch {
    return one === other;
  }
}
