/**
 * Asks the admin HTTP of a gateway process with node:http alone: any method, header and body, whether good or not.
 */
import { request } from 'node:http';
import type { GatewayProcess } from './gatewayProcess';

export interface Answer {
  readonly status: number;
  readonly headers: NodeJS.Dict<string | string[]>;
  readonly body: string;
}

interface Question {
  readonly method?: string;
  readonly body?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly host?: string;
}

export function askAdmin(gateway: GatewayProcess, path: string, question: Question = {}): Promise<Answer> {
  const { method = 'GET', body = '', headers = {}, host = '127.0.0.1' } = question;
  const port = gateway.port('admin HTTP');
  return new Promise((resolve, reject) => {
    const outgoing = request({ host, port, path, method, headers, agent: false }, (incoming) => {
      let text = '';
      incoming.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk;
      });
      incoming.on('end', () =>
        resolve({ status: incoming.statusCode ?? 0, headers: incoming.headers, body: text }),
      );
    });
    outgoing.on('error', reject);
    outgoing.end(body);
  });
}
