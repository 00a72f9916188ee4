/** Keeps docs/operations.md true, and the unit of systemd as tight as it says there. */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from '@jest/globals';

const root = join(__dirname, '../../..');

it('docs/operations.md has a row for each event of the audit log, and for no other', () => {
  const source = readFileSync(join(root, 'src/audit/events.ts'), 'utf8');
  const [union = ''] = /AuditEventName =[^;]+;/.exec(source) ?? [];
  const events = [...union.matchAll(/'([^']+)'/g)].map(([, name]) => name!);
  const text = readFileSync(join(root, 'docs/operations.md'), 'utf8');
  const [, table = ''] = /^### Events\n([\s\S]*?)^### /m.exec(text) ?? [];
  const rows = [...table.matchAll(/^\| (`[^|]+`) \|/gm)].map(([, names]) => names!);
  const named = rows.flatMap((names) => [...names.matchAll(/`([^`]+)`/g)].map(([, name]) => name!));
  expect(events.length).toBeGreaterThan(30);
  expect(named.sort()).toEqual(events.sort());
});

// Not a peer to install: where there is no systemd, nobody runs the unit.
const itWithSystemd = existsSync('/usr/bin/systemd-analyze') ? it : it.skip;

itWithSystemd('the unit of systemd has an exposure of 1.2 at most', () => {
  const unit = join(root, 'deploy/aegis.service');
  const output = execFileSync('systemd-analyze', ['security', '--offline=true', unit], { encoding: 'utf8' });
  const [, exposure] = /exposure level for aegis.service: ([\d.]+)/.exec(output) ?? [];
  expect(Number(exposure)).toBeLessThanOrEqual(1.2);
});
