/** Keeps docs/audit-log.md true: an auditor finds every event of the log there. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from '@jest/globals';

const root = join(__dirname, '../../..');

it('docs/audit-log.md has a row for each event of the audit log, and for no other', () => {
  const source = readFileSync(join(root, 'src/audit/events.ts'), 'utf8');
  const [union = ''] = /AuditEventName =[^;]+;/.exec(source) ?? [];
  const events = [...union.matchAll(/'([^']+)'/g)].map(([, name]) => name!);
  const text = readFileSync(join(root, 'docs/audit-log.md'), 'utf8');
  const [, table = ''] = /^## Events\n([\s\S]*?)^## /m.exec(text) ?? [];
  const rows = [...table.matchAll(/^\| (`[^|]+`) \|/gm)].map(([, names]) => names!);
  const named = rows.flatMap((names) => [...names.matchAll(/`([^`]+)`/g)].map(([, name]) => name!));
  expect(events.length).toBeGreaterThan(30);
  expect(named.sort()).toEqual(events.sort());
});
