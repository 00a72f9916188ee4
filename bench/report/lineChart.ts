/**
 * Lines over a logarithmic axis, in panels side by side. Each line has its name at its end, a mark and dashes of its own,
 * so that nobody needs the colours. A pure function: values in, SVG out.
 */
import { MARGIN, svgOf, textAt } from './svg';

export interface Point {
  readonly x: number;
  readonly y: number;
}

export interface Line {
  readonly title: string;
  readonly isOurs: boolean;
  readonly points: readonly Point[];
}

export interface Panel {
  /** What the vertical axis counts, with its unit. */
  readonly title: string;
  /** Where it is linear, it begins at 0. */
  readonly isLogarithmic: boolean;
  readonly lines: readonly Line[];
}

export interface LineChart {
  /** Of the file, without its extension. */
  readonly name: string;
  readonly title: string;
  readonly note: string;
  /** What the horizontal axis counts, with its unit. */
  readonly xTitle: string;
  readonly ticks: readonly Tick[];
  readonly panels: readonly Panel[];
}

export interface Tick {
  readonly value: number;
  readonly label: string;
}

const PANEL_WIDTH = 430;
const PANEL_TOP = 104;
const PLOT_HEIGHT = 240;
/** Left of a plot, for the numbers of its axis; and right of it, for the names of the lines. */
const TICK_WIDTH = 48;
const NAME_WIDTH = 98;
const PLOT_WIDTH = PANEL_WIDTH - TICK_WIDTH - NAME_WIDTH;
const BOTTOM = 64;
/** Names closer to each other than this cannot be read. */
const NAME_DISTANCE = 17;
const MARK_RADIUS = 4;
/** Air at both ends of the horizontal axis, so that no mark is on the frame. */
const INSET = 10;

/** Beside results.md. */
export function chartFile({ name }: LineChart): string {
  return `charts/${name}.svg`;
}

export function formatLineChart(chart: LineChart): string {
  const card = {
    width: 2 * MARGIN + chart.panels.length * PANEL_WIDTH,
    height: PANEL_TOP + PLOT_HEIGHT + BOTTOM,
    title: chart.title,
    note: chart.note,
    description: describe(chart),
  };
  return svgOf(
    card,
    chart.panels.flatMap((panel, index) => panelElements(chart, panel, MARGIN + index * PANEL_WIDTH)),
  );
}

function panelElements({ xTitle, ticks }: LineChart, panel: Panel, panelLeft: number): string[] {
  const heading = textAt(panelLeft, PANEL_TOP - 16, 'bold', panel.title);
  // A line without a point has nothing to be named at, and a panel without any has no axis.
  const drawn = panel.lines.filter(({ points }) => points.length > 0);
  if (drawn.length === 0) return [heading, textAt(panelLeft, PANEL_TOP + 16, 'note', 'nothing was measured')];
  const left = panelLeft + TICK_WIDTH;
  const right = left + PLOT_WIDTH;
  const bottom = PANEL_TOP + PLOT_HEIGHT;
  const xs = ticks.map(({ value }) => value);
  const across = logarithmic(Math.min(...xs), Math.max(...xs));
  const xOf = (x: number) => left + INSET + across(x) * (PLOT_WIDTH - 2 * INSET);
  const { values, scale } = axisOf(panel);
  const yOf = (y: number) => bottom - scale(y) * PLOT_HEIGHT;
  const names = spread(
    drawn.map(({ points }) => yOf(points.at(-1)!.y)),
    NAME_DISTANCE,
    bottom,
  );
  return [
    heading,
    ...values.flatMap((value) => [
      `  <path class="grid" d="M${left} ${yOf(value).toFixed(1)}H${right}"/>`,
      textAt(left - 8, yOf(value) + 4, 'tick', value.toLocaleString('en'), 'end'),
    ]),
    ...ticks.flatMap(({ value, label }) => [
      `  <path class="grid" d="M${xOf(value).toFixed(1)} ${bottom}v5"/>`,
      textAt(xOf(value), bottom + 20, 'tick', label, 'middle'),
    ]),
    textAt(left + PLOT_WIDTH / 2, bottom + 42, 'note', xTitle, 'middle'),
    ...drawn.flatMap((line, index) => lineElements(line, index, names[index]!, xOf, yOf, right)),
  ];
}

function lineElements(
  { title, isOurs, points }: Line,
  index: number,
  nameY: number,
  xOf: (x: number) => number,
  yOf: (y: number) => number,
  right: number,
): string[] {
  const at = points.map(({ x, y }) => [xOf(x), yOf(y)] as const);
  const path = at.map(([x, y]) => `${x.toFixed(1)} ${y.toFixed(1)}`).join('L');
  const dashes = isOurs ? '' : ` stroke-dasharray="${DASHES[index % DASHES.length]}"`;
  const [endX, endY] = at.at(-1)!;
  return [
    `  <path class="line${isOurs ? ' our' : ''}" d="M${path}"${dashes}/>`,
    ...at.map(([x, y]) => markAt(x, y, index, isOurs)),
    `  <path class="lead" d="M${(endX + MARK_RADIUS + 1).toFixed(1)} ${endY.toFixed(1)}L${right + 6} ${nameY.toFixed(1)}"/>`,
    textAt(right + 9, nameY + 4.5, isOurs ? 'bold' : 'label', title),
  ];
}

const DASHES = ['7 3', '2 3', '9 3 2 3', '4 4'];

/** Circle, square, diamond, triangle. */
function markAt(x: number, y: number, index: number, isOurs: boolean): string {
  const r = MARK_RADIUS;
  const shapes = [
    `m${-r} 0a${r} ${r} 0 1 0 ${2 * r} 0a${r} ${r} 0 1 0 ${-2 * r} 0`,
    `m${-r} ${-r}h${2 * r}v${2 * r}h${-2 * r}z`,
    `m0 ${-r - 1}l${r + 1} ${r + 1}l${-r - 1} ${r + 1}l${-r - 1} ${-r - 1}z`,
    `m0 ${-r - 1}l${r + 1} ${2 * r}h${-2 * r - 2}z`,
  ];
  const shape = isOurs ? shapes[0] : shapes[1 + (index % (shapes.length - 1))];
  return `  <path class="${isOurs ? 'ours' : 'mark'}" d="M${x.toFixed(1)} ${y.toFixed(1)}${shape}"/>`;
}

interface Axis {
  /** Where it has a line and a number. */
  readonly values: readonly number[];
  /** From 0 at the bottom to 1 at the top. */
  scale(value: number): number;
}

function axisOf({ isLogarithmic, lines }: Panel): Axis {
  const ys = lines.flatMap(({ points }) => points.map(({ y }) => y));
  const values = isLogarithmic ? logarithmicTicks(ys) : linearTicks(Math.max(...ys));
  const [low, high] = [values[0]!, values.at(-1)!];
  return { values, scale: isLogarithmic ? logarithmic(low, high) : (value) => value / high };
}

function logarithmic(low: number, high: number): (value: number) => number {
  return (value) => Math.log(value / low) / Math.log(high / low);
}

/** Powers of ten; with 2 and 5 of each where there are only a few of them. They begin below the least value. */
export function logarithmicTicks(ys: readonly number[]): number[] {
  const [least, most] = [Math.min(...ys), Math.max(...ys)];
  const steps = most / least > 1000 ? [1] : [1, 2, 5];
  const from = Math.floor(Math.log10(least));
  const to = Math.ceil(Math.log10(most));
  const all: number[] = [];
  for (let power = from; power <= to; power += 1) {
    for (const step of steps) all.push(Number((step * 10 ** power).toPrecision(1)));
  }
  const first = all.findLastIndex((value) => value <= least);
  const last = all.findIndex((value) => value >= most);
  // One value alone makes no axis.
  return all.slice(first, Math.max(last, first + 1) + 1);
}

/** From 0 to a round number above the most, in at most five steps. */
export function linearTicks(most: number): number[] {
  const power = 10 ** Math.floor(Math.log10(most / 5));
  const step = [1, 2, 2.5, 5, 10].map((times) => times * power).find((each) => each * 5 >= most)!;
  const count = Math.ceil(most / step);
  return Array.from({ length: count + 1 }, (_, index) => Number((index * step).toPrecision(6)));
}

/** Moves positions apart that are closer than the distance, as little as that takes; none goes below the lowest. */
export function spread(positions: readonly number[], distance: number, lowest: number): number[] {
  const order = positions.map((_, index) => index).sort((one, other) => positions[one]! - positions[other]!);
  const moved = [...positions];
  for (const [rank, index] of order.entries()) {
    const above = order[rank - 1];
    if (above !== undefined) moved[index] = Math.max(moved[index]!, moved[above]! + distance);
  }
  let limit = lowest;
  for (const index of order.toReversed()) {
    moved[index] = Math.min(moved[index]!, limit);
    limit = moved[index]! - distance;
  }
  return moved;
}

function describe({ title, xTitle, ticks, panels }: LineChart): string {
  const labelOf = (x: number) => ticks.find(({ value }) => value === x)?.label ?? `${x}`;
  const lines = panels.map((panel) => {
    const values = panel.lines.map(({ title: name, points }) => {
      const each = points.map(({ x, y }) => `${Number(y.toPrecision(3))} at ${labelOf(x)}`);
      return `${name} ${each.join(', ')}`;
    });
    return `${panel.title} by ${xTitle}: ${values.join('; ')}`;
  });
  return `${title}. ${lines.join('. ')}`;
}
