/**
 * Whether the admin HTTP is only open to whom it may be open. Pure; the file of the token is inspected elsewhere.
 */
import { isLoopbackAddress } from '../text/addresses';
import type { Finding } from '../text/problems';
import { quoteValue } from '../text/quote';
import type { Configuration } from './schema';
import { isSameSocket } from './validateRoutes';

/** Whoever reaches an admin HTTP on loopback is on this machine already; beyond it, only a token keeps others out. */
export function* checkAdmin({ admin, listeners, egress }: Configuration): Generator<Finding> {
  if (admin === undefined) return;
  const { host, port, token, tokenFile } = admin;
  const index = listeners.findIndex((listener) => isSameSocket(listener, admin));
  const isOfEgress = egress !== undefined && isSameSocket(egress, admin);
  if (index >= 0 || isOfEgress) {
    const taken = index >= 0 ? `listeners[${index}]` : 'egress';
    yield {
      path: ['admin', 'port'],
      message: `${host}:${port} is taken by ${taken}; give admin its own address or port`,
    };
  }
  if (token !== undefined && tokenFile !== undefined) {
    yield {
      path: ['admin', 'tokenFile'],
      message: 'is given although token is; leave one of them out (AEGIS__ADMIN__TOKEN sets token)',
    };
  }
  if (isLoopbackAddress(host)) return;
  const hasToken = token !== undefined || tokenFile !== undefined;
  yield hasToken
    ? {
        path: ['admin', 'host'],
        message: `${quoteValue(host)} is beyond loopback, so the token crosses the network in the clear; put a proxy with TLS in front where that network is not trusted`,
        severity: 'warning',
      }
    : {
        path: ['admin', 'host'],
        message: `${quoteValue(host)} is beyond loopback, where anybody could ask; set admin.token (best as AEGIS__ADMIN__TOKEN) or admin.tokenFile, or use 127.0.0.1 or ::1`,
      };
}
