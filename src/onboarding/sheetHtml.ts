/**
 * The onboarding sheet as one HTML file that needs nothing else: for the screen, and for one sheet of A4. No scripts,
 * and a policy that forbids them; every value is escaped.
 */
import type { Sheet, SheetFact, SheetSection } from './sheetMarkdown';

/** In characters, JSON included: more does not fit on a page at the usual size of print. */
const MAX_USUAL_LENGTH = 4100;

export function sheetHtml({ title, subtitle, sections }: Sheet): string {
  const isDense = JSON.stringify(sections).length > MAX_USUAL_LENGTH;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeHtml(title)}</title>
<style>${style}</style>
</head>
<body>
<main${isDense ? ' class="dense"' : ''}>
<header>
<h1>${escapeHtml(title)}</h1>
<p>${escapeHtml(subtitle)}</p>
</header>
${sections.map(section).join('\n')}
</main>
</body>
</html>
`;
}

function section(part: SheetSection): string {
  const note = part.note === undefined ? '' : `\n<p class="note">${escapeHtml(part.note)}</p>`;
  // The lines to fill in speak for themselves, and the page is short.
  const heading = part.kind === 'form' ? '' : `<h2>${escapeHtml(part.title)}</h2>\n`;
  return `<section class="${part.isHalf === true ? `${part.kind} half` : part.kind}">
${heading}${body(part)}${note}
</section>`;
}

function body(part: SheetSection): string {
  switch (part.kind) {
    case 'facts':
      return `<table>\n${part.rows.map(fact).join('\n')}\n</table>`;
    case 'table':
      return `<table>
<thead><tr>${part.header.map((cell) => `<th scope="col">${escapeHtml(cell)}</th>`).join('')}</tr></thead>
<tbody>
${part.rows.map((cells) => `<tr>${cells.map((cell) => `<td>${lines(cell)}</td>`).join('')}</tr>`).join('\n')}
</tbody>
</table>`;
    case 'commands':
      return `<ol>\n${part.steps
        .map(({ words, commands = [] }) => {
          const code = commands.length === 0 ? '' : `<pre>${escapeHtml(commands.join('\n'))}</pre>`;
          return `<li>${escapeHtml(words)}${code}</li>`;
        })
        .join('\n')}\n</ol>`;
    case 'form':
      return `<dl>\n${part.fields.map((field) => `<div><dt>${escapeHtml(field)}</dt><dd></dd></div>`).join('\n')}\n</dl>`;
  }
}

function fact({ label, values, isKey }: SheetFact): string {
  const cell =
    isKey === true
      ? values.map((value) => `<b>${escapeHtml(value)}</b>`).join(' ')
      : escapeHtml(values.join('; '));
  return `<tr><th scope="row">${escapeHtml(label)}</th><td>${cell}</td></tr>`;
}

function lines(text: string): string {
  return text.split('\n').map(escapeHtml).join('<br>');
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}

const style = `
:root { --ink: #1a2129; --soft: #56626e; --line: #cfd6dd; --tint: #f2f5f8; --accent: #0b5c7a; --mono: ui-monospace, "Cascadia Mono", "DejaVu Sans Mono", Consolas, monospace; }
* { box-sizing: border-box; }
body { margin: 0; background: #e6eaee; color: var(--ink); font: 14px/1.4 system-ui, "Segoe UI", Roboto, "Liberation Sans", Arial, sans-serif; }
main { display: grid; grid-template-columns: 1fr 1fr; column-gap: 28px; max-width: 900px; margin: 24px auto; padding: 48px; background: #fff; box-shadow: 0 1px 6px rgb(0 0 0 / 15%); }
header, section { grid-column: 1 / -1; min-width: 0; }
section.half { grid-column: auto; }
header { border-bottom: 3px solid var(--accent); padding-bottom: 6px; }
h1 { margin: 0; font-size: 22px; overflow-wrap: anywhere; }
header p { margin: 0; color: var(--soft); }
h2 { margin: 18px 0 5px; font-size: 13px; letter-spacing: .04em; text-transform: uppercase; color: var(--accent); }
table { width: 100%; border-collapse: collapse; border-bottom: 1px solid var(--line); }
th, td { padding: 4px 10px; border-top: 1px solid var(--line); text-align: left; vertical-align: top; overflow-wrap: anywhere; }
thead th { background: var(--tint); font-weight: 600; font-size: 12px; color: var(--soft); }
th[scope=row] { width: 29%; font-weight: 400; color: var(--soft); }
.half th[scope=row] { width: 40%; }
td b { display: inline-block; margin-right: 18px; font: 600 15px/1.35 var(--mono); }
.table td:first-child { width: 25%; font-weight: 600; }
.table td:first-child:nth-last-child(2) { width: 42%; }
.table td:nth-child(2):not(:last-child) { width: 25%; }
.table td:nth-child(3) { font: 11px/1.45 var(--mono); color: var(--soft); }
ol { margin: 0; padding-left: 22px; }
li { margin: 3px 0; }
pre { margin: 3px 0 5px; padding: 5px 9px; background: var(--tint); border-left: 3px solid var(--accent); font: 12px/1.4 var(--mono); white-space: pre-wrap; overflow-wrap: anywhere; }
.note { margin: 5px 0 0; padding-left: 10px; color: var(--soft); font-size: 12px; }
dl { display: grid; grid-template-columns: repeat(4, 1fr); gap: 18px; margin: 32px 0 0; }
dt { border-top: 1px solid var(--ink); padding-top: 2px; color: var(--soft); font-size: 12px; }
dd { margin: 0; }
@media screen and (max-width: 640px) {
  main { display: block; margin: 0; padding: 16px; }
  dl { grid-template-columns: repeat(2, 1fr); row-gap: 32px; }
}
@page { size: A4; margin: 9mm 14mm; }
@media print {
  body { background: none; font-size: 8.5pt; line-height: 1.25; print-color-adjust: exact; -webkit-print-color-adjust: exact; }
  main { max-width: none; margin: 0; padding: 0; box-shadow: none; }
  header { padding-bottom: 3pt; }
  h1 { font-size: 15pt; }
  h2 { margin: 6.5pt 0 1.5pt; font-size: 8.5pt; }
  th, td { padding: 1pt 6pt; }
  th[scope=row] { width: 24%; }
  .table td:first-child, .table td:nth-child(2):not(:last-child) { width: 21%; }
  td b { font-size: 10pt; margin-right: 12pt; }
  thead th, .note, dt, pre { font-size: 7.5pt; }
  .table td:nth-child(3) { font-size: 7pt; line-height: 1.3; }
  .note { margin-top: 2pt; }
  li { margin: 1pt 0; }
  pre { margin: 1pt 0 2pt; padding: 2pt 6pt; }
  section { break-inside: avoid; }
  dl { margin-top: 18pt; }
  .dense { font-size: 8pt; line-height: 1.2; }
  .dense h1 { font-size: 14pt; }
  .dense h2 { margin: 4.5pt 0 1pt; font-size: 8pt; }
  .dense th, .dense td { padding: .7pt 5pt; }
  .dense td b { font-size: 9.5pt; line-height: 1.25; }
  .dense thead th, .dense .note, .dense dt, .dense pre { font-size: 7pt; }
  .dense .table td:nth-child(3) { font-size: 7pt; line-height: 1.2; }
}
`;
