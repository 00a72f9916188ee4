/**
 * The last 24 hours: associations, bytes and refusals, each on a strip of its own above one axis of time. Own SVG. A
 * cursor of mouse or keys reads it; a screen reader gets the same as numbers. Asks nothing.
 */
import type { RefObject } from 'preact';
import { useRef, useState } from 'preact/hooks';
import type { HistoryReport } from '../admin/pageReport';
import { bytesText, clockText, countText } from './words';

/** Of the drawing; it is stretched to its place. */
const STRIP_HEIGHT = 40;
/** Between two bars, as a part of their width. */
const GAP = 0.2;
/** Of 5 minutes: an hour. */
const KEY_STEP = 12;

interface Series {
  readonly key: 'associations' | 'bytes' | 'refusals';
  readonly title: string;
  readonly text: (value: number) => string;
}

const series: readonly Series[] = [
  { key: 'associations', title: 'Associations', text: countText },
  { key: 'bytes', title: 'Bytes', text: bytesText },
  { key: 'refusals', title: 'Refusals', text: countText },
];

export function Chart({ history }: { readonly history: HistoryReport }) {
  const [cursor, setCursor] = useState<number | undefined>();
  const area = useRef<HTMLDivElement>(null);
  const length = history.associations.length;
  const fromMs = Date.parse(history.from);
  const bucketMs = history.bucketSeconds * 1000;
  const at = cursor === undefined ? undefined : Math.min(cursor, length - 1);
  const whenText = at === undefined ? 'last 24 hours' : spanOf(fromMs + at * bucketMs, bucketMs);

  const point = (event: MouseEvent) => {
    const box = area.current?.getBoundingClientRect();
    if (box === undefined || box.width === 0) return;
    const index = Math.floor(((event.clientX - box.left) / box.width) * length);
    setCursor(index < 0 || index >= length ? undefined : index);
  };
  const key = (event: KeyboardEvent) => {
    const moves: Readonly<Record<string, number>> = {
      ArrowLeft: -1,
      ArrowRight: 1,
      PageDown: -KEY_STEP,
      PageUp: KEY_STEP,
      Home: -length,
      End: length,
    };
    const move = moves[event.key];
    if (event.key === 'Escape') setCursor(undefined);
    if (move === undefined) return;
    event.preventDefault();
    setCursor((before) => Math.max(0, Math.min(length - 1, (before ?? length - 1) + move)));
  };

  return (
    <div class="chart">
      <div class="chart-when" aria-hidden="true">
        {whenText}
      </div>
      <div
        class="chart-strips"
        role="slider"
        tabIndex={0}
        aria-label="Time in the chart of the last 24 hours"
        aria-valuemin={0}
        aria-valuemax={length - 1}
        aria-valuenow={at ?? length - 1}
        aria-valuetext={`${whenText}: ${series.map((one) => `${valueText(one, history, at)} ${one.title.toLowerCase()}`).join(', ')}`}
        onMouseMove={point}
        onMouseLeave={() => setCursor(undefined)}
        onKeyDown={key}
        onBlur={() => setCursor(undefined)}
      >
        {series.map((one, index) => (
          <Strip key={one.key} series={one} history={history} at={at} area={index === 0 ? area : undefined} />
        ))}
      </div>
      <Axis fromMs={fromMs} bucketMs={bucketMs} length={length} />
      <HourTable history={history} />
    </div>
  );
}

interface StripProps {
  readonly series: Series;
  readonly history: HistoryReport;
  readonly at: number | undefined;
  readonly area: RefObject<HTMLDivElement | null> | undefined;
}

function Strip({ series: one, history, at, area }: StripProps) {
  const values = history[one.key];
  const top = Math.max(1, ...values);
  return (
    <div class="strip">
      <div class="strip-title">
        <span>{one.title}</span> <b>{valueText(one, history, at)}</b>
      </div>
      <div class="strip-plot" {...(area === undefined ? {} : { ref: area })}>
        <svg
          class={one.key}
          viewBox={`0 0 ${values.length} ${STRIP_HEIGHT}`}
          preserveAspectRatio="none"
          aria-hidden="true"
        >
          <path class="bars" d={barsPath(values, top)} />
          {at === undefined ? null : <rect class="cursor" x={at} y="0" width="1" height={STRIP_HEIGHT} />}
        </svg>
      </div>
      <span class="strip-top" aria-hidden="true">
        {Math.max(...values) > 0 ? one.text(top) : ''}
      </span>
    </div>
  );
}

/** One path for all bars: 288 elements would be slower to change every second. A value above 0 is always seen. */
function barsPath(values: readonly number[], top: number): string {
  return values
    .map((value, index) => {
      if (value === 0) return '';
      const height = Math.max(1.5, (value / top) * STRIP_HEIGHT);
      return `M${(index + GAP / 2).toFixed(2)} ${STRIP_HEIGHT}v${(-height).toFixed(2)}h${1 - GAP}V${STRIP_HEIGHT}z`;
    })
    .join('');
}

function valueText({ key, text }: Series, history: HistoryReport, at: number | undefined): string {
  const values = history[key];
  return text(at === undefined ? values.reduce((sum, value) => sum + value, 0) : (values[at] ?? 0));
}

function spanOf(fromMs: number, bucketMs: number): string {
  return `${clockText(fromMs)} to ${clockText(fromMs + bucketMs)}`;
}

/** Every third full hour, where the browser is. */
function Axis(props: { readonly fromMs: number; readonly bucketMs: number; readonly length: number }) {
  const { fromMs, bucketMs, length } = props;
  const ticks = Array.from({ length }, (_, index) => index).filter((index) => {
    const time = new Date(fromMs + index * bucketMs);
    return time.getHours() % 3 === 0 && time.getMinutes() * 60_000 < bucketMs;
  });
  return (
    <div class="axis" aria-hidden="true">
      <svg aria-hidden="true">
        {ticks.map((index) => (
          <text key={index} x={`${((index / length) * 100).toFixed(2)}%`} y="70%" text-anchor="middle">
            {clockText(fromMs + index * bucketMs)}
          </text>
        ))}
      </svg>
    </div>
  );
}

/** For screen readers: an hour a row. */
function HourTable({ history }: { readonly history: HistoryReport }) {
  const perRow = Math.max(1, Math.round(3600 / history.bucketSeconds));
  const fromMs = Date.parse(history.from);
  const rows = Math.ceil(history.associations.length / perRow);
  return (
    <table class="unseen">
      <caption>The last 24 hours, hour by hour</caption>
      <thead>
        <tr>
          <th scope="col">from</th>
          {series.map(({ key, title }) => (
            <th scope="col" key={key}>
              {title}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {Array.from({ length: rows }, (_, row) => (
          <tr key={row}>
            <th scope="row">{clockText(fromMs + row * perRow * history.bucketSeconds * 1000)}</th>
            {series.map(({ key, text }) => (
              <td key={key}>
                {text(
                  history[key].slice(row * perRow, (row + 1) * perRow).reduce((sum, value) => sum + value, 0),
                )}
              </td>
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  );
}
