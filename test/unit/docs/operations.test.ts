/** Keeps the pages on operations true, and the unit of systemd as tight as they say. */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from '@jest/globals';

const root = join(__dirname, '../../..');

it('docs/audit-log.md says of each event of the audit log, and of no other, what it means and what to do', () => {
  const source = readFileSync(join(root, 'src/audit/events.ts'), 'utf8');
  const [union = ''] = /AuditEventName =[^;]+;/.exec(source) ?? [];
  const events = [...union.matchAll(/'([^']+)'/g)].map(([, name]) => name!);
  const text = readFileSync(join(root, 'docs/audit-log.md'), 'utf8');
  const [, table = ''] = /^## Events\n([\s\S]*?)^## /m.exec(text) ?? [];
  const rows = [...table.matchAll(/^\| (`[^|]+`) \| [^|]+ \| [^|]+ \|$/gm)].map(([, names]) => names!);
  const named = rows.flatMap((names) => [...names.matchAll(/`([^`]+)`/g)].map(([, name]) => name!));
  expect(events.length).toBeGreaterThan(30);
  expect(named.sort()).toEqual(events.sort());
});

const pages = [
  ...readFileSync(join(root, 'docs/operations.md'), 'utf8').matchAll(/^\| \[.+\]\(([\w-]+\.md)\)/gm),
].map(([, page]) => page!);

it.each(pages)('docs/%s names its sections at the top where it is longer than two screens', (page) => {
  const text = readFileSync(join(root, 'docs', page), 'utf8');
  const sections = text.replace(/^```[\s\S]*?^```$/gm, '').match(/^## .+$/gm) ?? [];
  if (text.split('\n').length < 90 || sections.length < 2) return;
  const [top = ''] = text.split('\n## ');
  const missing = sections
    .map((section) => section.slice(3))
    .filter((section) => !top.includes(`[${section}](#`));
  expect(missing).toEqual([]);
});

// Not a peer to install: where there is no systemd, nobody runs the unit.
const itWithSystemd = existsSync('/usr/bin/systemd-analyze') ? it : it.skip;

itWithSystemd('the unit of systemd has an exposure of 1.2 at most', () => {
  const unit = join(root, 'deploy/aegis.service');
  const output = execFileSync('systemd-analyze', ['security', '--offline=true', unit], { encoding: 'utf8' });
  const [, exposure] = /exposure level for aegis.service: ([\d.]+)/.exec(output) ?? [];
  expect(Number(exposure)).toBeLessThanOrEqual(1.2);
});
