/**
 * What every chart has: a card that is readable in light and dark, text, and words for people who do not see it. Knows
 * nothing of what is drawn.
 */

const STYLE = `
    .card { fill: #ffffff; stroke: #d0d7de; }
    text { font: 14px system-ui, -apple-system, "Segoe UI", Helvetica, Arial, sans-serif; fill: #1f2328; }
    .title { font-size: 17px; font-weight: 600; }
    .note, .tick { font-size: 12.5px; fill: #59636e; }
    .tick { font-size: 12px; }
    .value, .tick { font-variant-numeric: tabular-nums; }
    .peer { fill: #afb8c1; }
    .ours { fill: #0969da; }
    .grid { stroke: #d0d7de; }
    .line { fill: none; stroke: #6e7781; stroke-width: 1.5; stroke-linejoin: round; }
    .our { stroke: #0969da; stroke-width: 3; }
    .mark { fill: #6e7781; }
    .lead { stroke: #afb8c1; stroke-width: 0.75; }
    .bold { font-weight: 600; }
    @media (prefers-color-scheme: dark) {
      .card { fill: #0d1117; stroke: #30363d; }
      text { fill: #e6edf3; }
      .note, .tick { fill: #9198a1; }
      .peer { fill: #484f58; }
      .ours { fill: #4493f8; }
      .grid { stroke: #30363d; }
      .line { stroke: #8b949e; }
      .our { stroke: #4493f8; }
      .mark { fill: #8b949e; }
      .lead { stroke: #484f58; }
    }`;

export const MARGIN = 24;

export interface Card {
  readonly width: number;
  readonly height: number;
  readonly title: string;
  readonly note: string;
  /** What the picture shows, in words. */
  readonly description: string;
}

/** A whole file, with the elements between its head and its end. */
export function svgOf(
  { width, height, title, note, description }: Card,
  elements: readonly string[],
): string {
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img" aria-labelledby="title">`,
    `  <title id="title">${escapeXml(description)}</title>`,
    `  <style>${STYLE}\n  </style>`,
    `  <rect class="card" x="0.5" y="0.5" width="${width - 1}" height="${height - 1}" rx="10"/>`,
    textAt(MARGIN, 36, 'title', title),
    textAt(MARGIN, 58, 'note', note),
    ...elements,
    '</svg>',
    '',
  ].join('\n');
}

export function textAt(x: number, y: number, style: string, content: string, anchor = 'start'): string {
  return `  <text class="${style}" x="${x.toFixed(1)}" y="${Number(y.toFixed(1))}" text-anchor="${anchor}">${escapeXml(content)}</text>`;
}

function escapeXml(content: string): string {
  return content.replace(/[<>&"]/g, (character) => `&#${character.charCodeAt(0)};`);
}
