/**
 * One bar chart as SVG, for the README: seconds for the CT series through each peer. Readable in light and dark.
 */
import { medianOf, type Table } from '../measure';
import { formatNumber } from './markdown';

const WIDTH = 760;
const MARGIN = 24;
const LABEL_WIDTH = 190;
const VALUE_WIDTH = 80;
const BAR_HEIGHT = 24;
const BAR_DISTANCE = 36;
const HEAD_HEIGHT = 84;
const BAR_SPACE = WIDTH - 2 * MARGIN - LABEL_WIDTH - VALUE_WIDTH;

const style = `
    .card { fill: #ffffff; stroke: #d0d7de; }
    text { font: 14px system-ui, -apple-system, "Segoe UI", Helvetica, Arial, sans-serif; fill: #1f2328; }
    .title { font-size: 17px; font-weight: 600; }
    .note { font-size: 12.5px; fill: #59636e; }
    .value { font-variant-numeric: tabular-nums; }
    .peer { fill: #afb8c1; }
    .ours { fill: #0969da; }
    .bold { font-weight: 600; }
    @media (prefers-color-scheme: dark) {
      .card { fill: #0d1117; stroke: #30363d; }
      text { fill: #e6edf3; }
      .note { fill: #9198a1; }
      .peer { fill: #484f58; }
      .ours { fill: #4493f8; }
    }`;

/** Bars in the order of the table, Aegis last and in colour. Rows without a result are left out. */
export function formatChart(table: Table): string {
  const bars = table.rows
    // How Aegis does with its main advantage off is a matter for the tables.
    .filter(({ name, samples }) => samples.length > 0 && name !== 'aegis-no-quick-ack')
    .map((row) => ({ title: row.title, isOurs: row.name === 'aegis', seconds: medianOf(row, 'seconds') }))
    .sort((one, other) => Number(one.isOurs) - Number(other.isOurs));
  const longest = Math.max(...bars.map(({ seconds }) => seconds));
  const height = HEAD_HEIGHT + bars.length * BAR_DISTANCE + MARGIN - (BAR_DISTANCE - BAR_HEIGHT);
  const lines = bars.flatMap(({ title, isOurs, seconds }, index) => {
    const top = HEAD_HEIGHT + index * BAR_DISTANCE;
    const baseline = top + BAR_HEIGHT / 2 + 5;
    const left = MARGIN + LABEL_WIDTH;
    const length = Math.max(2, (seconds / longest) * BAR_SPACE);
    const weight = isOurs ? ' bold' : '';
    return [
      text(left - 12, baseline, `label${weight}`, title, 'end'),
      `  <rect class="${isOurs ? 'ours' : 'peer'}" x="${left}" y="${top}" width="${length.toFixed(1)}" height="${BAR_HEIGHT}" rx="4"/>`,
      text(left + length + 10, baseline, `value${weight}`, `${formatNumber(seconds, 1)} s`),
    ];
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height}" viewBox="0 0 ${WIDTH} ${height}" role="img" aria-labelledby="title">`,
    `  <title id="title">${escapeXml(describe(table.title, bars))}</title>`,
    `  <style>${style}\n  </style>`,
    `  <rect class="card" x="0.5" y="0.5" width="${WIDTH - 1}" height="${height - 1}" rx="10"/>`,
    text(MARGIN, 36, 'title', table.title),
    text(
      MARGIN,
      58,
      'note',
      'Seconds, less is better. Mutual TLS everywhere but where it says plain; same machine, same run.',
    ),
    ...lines,
    '</svg>',
    '',
  ].join('\n');
}

function text(x: number, y: number, style: string, content: string, anchor = 'start'): string {
  return `  <text class="${style}" x="${x.toFixed(1)}" y="${y}" text-anchor="${anchor}">${escapeXml(content)}</text>`;
}

/** For those who do not see the bars. */
function describe(
  title: string,
  bars: readonly { readonly title: string; readonly seconds: number }[],
): string {
  return `${title}: ${bars.map((bar) => `${bar.title} ${formatNumber(bar.seconds, 1)} s`).join(', ')}`;
}

function escapeXml(content: string): string {
  return content.replace(/[<>&"]/g, (character) => `&#${character.charCodeAt(0)};`);
}
