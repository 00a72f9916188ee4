/**
 * One bar chart, for the README: seconds for the CT series through each peer.
 */
import { medianOf, type Table } from '../measure';
import { formatNumber } from './markdown';
import { MARGIN, svgOf, textAt } from './svg';

const WIDTH = 760;
const LABEL_WIDTH = 190;
const VALUE_WIDTH = 80;
const BAR_HEIGHT = 24;
const BAR_DISTANCE = 36;
const HEAD_HEIGHT = 84;
const BAR_SPACE = WIDTH - 2 * MARGIN - LABEL_WIDTH - VALUE_WIDTH;

/** Bars in the order of the table, Aegis last and in colour. Rows without a result are left out. */
export function formatBarChart(table: Table): string {
  const bars = table.rows
    // How Aegis does with its main advantage off, and what the limit is, are matters for the tables.
    .filter(({ name, samples }) => samples.length > 0 && name !== 'aegis-no-quick-ack' && name !== 'limit')
    .map((row) => ({ title: row.title, isOurs: row.name === 'aegis', seconds: medianOf(row, 'seconds') }))
    .sort((one, other) => Number(one.isOurs) - Number(other.isOurs));
  const longest = Math.max(...bars.map(({ seconds }) => seconds));
  const lines = bars.flatMap(({ title, isOurs, seconds }, index) => {
    const top = HEAD_HEIGHT + index * BAR_DISTANCE;
    const baseline = top + BAR_HEIGHT / 2 + 5;
    const left = MARGIN + LABEL_WIDTH;
    const length = Math.max(2, (seconds / longest) * BAR_SPACE);
    const weight = isOurs ? ' bold' : '';
    return [
      textAt(left - 12, baseline, `label${weight}`, title, 'end'),
      `  <rect class="${isOurs ? 'ours' : 'peer'}" x="${left}" y="${top}" width="${length.toFixed(1)}" height="${BAR_HEIGHT}" rx="4"/>`,
      textAt(left + length + 10, baseline, `value${weight}`, `${formatNumber(seconds, 1)} s`),
    ];
  });
  const values = bars.map((bar) => `${bar.title} ${formatNumber(bar.seconds, 1)} s`);
  const card = {
    width: WIDTH,
    height: HEAD_HEIGHT + bars.length * BAR_DISTANCE + MARGIN - (BAR_DISTANCE - BAR_HEIGHT),
    title: table.title,
    note: 'Seconds, less is better. Mutual TLS everywhere but where it says plain; same machine, same run.',
    description: `${table.title}: ${values.join(', ')}`,
  };
  return svgOf(card, lines);
}
