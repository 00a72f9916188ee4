/** Keeps docs/alerts.md true: every alert, every key of the body, and the example that it shows. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { alertEvents } from '../../../src/config/schemaAlerts';
import { alertMessage } from '../../support/alertReceiver';
import { shownBlock } from '../../support/documentation';

const PAGE = 'docs/alerts.md';
const text = readFileSync(join(__dirname, '../../..', PAGE), 'utf8');

describe(PAGE, () => {
  it('has a row for each alert', () => {
    const table = text.slice(text.indexOf('## Events'), text.indexOf('## How many'));
    const rows = [...table.matchAll(/^\| (`[^|]+`) \|/gm)].map(([, names]) => names!);
    const named = rows.flatMap((names) => [...names.matchAll(/`([^`]+)`/g)].map(([, name]) => name!));
    expect(named.sort()).toEqual([...alertEvents].sort());
  });

  it('names each key of the body of a webhook, and shows one', () => {
    const keys = [
      ...Object.keys(alertMessage.shape),
      ...Object.keys(alertMessage.shape.alerts.element.shape),
    ];
    expect(keys.filter((key) => !new RegExp(`\\b${key}(\\[\\])?\``).test(text))).toEqual([]);
    const example: unknown = JSON.parse(shownBlock(PAGE, 'Webhooks', 'json'));
    expect(alertMessage.safeParse(example).error).toBeUndefined();
  });
});
