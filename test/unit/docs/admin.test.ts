/**
 * Keeps docs/admin.md true to what the admin HTTP answers: every key is documented, and the examples are what is printed.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { pendingCallerSchema } from '../../../src/admin/pendingCaller';
import { statusReportText } from '../../../src/commands/status/text';
import { status } from '../../support/statusReport';

const text = readFileSync(join(__dirname, '../../../docs/admin.md'), 'utf8');

/** Every key at every depth; of lists, those of the first item. */
function keysIn(value: unknown): string[] {
  if (Array.isArray(value)) return keysIn(value[0]);
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, child]) => [key, ...(key === 'checks' ? [] : keysIn(child))]);
}

function isNamed(part: string, key: string) {
  return new RegExp(`\\b${key}(\\[\\])?\``).test(part);
}

describe('docs/admin.md', () => {
  it('names every key of the status', () => {
    const section = text.slice(text.indexOf('### `GET /api/v1/status`'), text.indexOf('### `POST'));
    expect(keysIn(status).filter((key) => !isNamed(section, key))).toEqual([]);
  });

  it('names every key of a pending caller', () => {
    const section = text.slice(text.indexOf('### `GET /api/v1/pending`'), text.indexOf('### `DELETE'));
    const { certificate, ...rest } = pendingCallerSchema.shape;
    const keys = ['certificate', ...Object.keys(rest), ...Object.keys(certificate.unwrap().shape)];
    expect(keys.filter((key) => !isNamed(section, key))).toEqual([]);
  });

  it('shows the sections that are printed', () => {
    const titles = statusReportText(status).match(/^[A-Z]+( [A-Z]+)*(?=$| {2})/gm) ?? [];
    expect(titles.length).toBeGreaterThan(4);
    for (const title of titles) expect(text).toContain(`\n${title}`);
  });
});
