// Draws what a command printed as the picture of a terminal: the text of stdin below a prompt with the command.
// Changes no character of it. The picture in the README:
//   npm run --silent demo 2>/dev/null | node scripts/draw-terminal.cjs "npm run demo" > docs/demo.svg
const { readFileSync } = require('node:fs');

const CHARACTER_WIDTH = 7.2;
const LINE_HEIGHT = 18;
const MARGIN = 20;

const escapes = { '&': '&amp;', '<': '&lt;', '>': '&gt;' };

function escapeXml(text) {
  return text.replace(/[&<>]/g, (character) => escapes[character]);
}

/** The length is given, so that columns stay columns in whatever font the reader has. */
function drawLine(text, index) {
  if (text === '') return [];
  const y = MARGIN + (index + 1) * LINE_HEIGHT - 5;
  // Not every viewer keeps spaces at the beginning.
  const shown = text.trimStart();
  const x = (MARGIN + (text.length - shown.length) * CHARACTER_WIDTH).toFixed(1);
  const width = (shown.length * CHARACTER_WIDTH).toFixed(1);
  return [`  <text x="${x}" y="${y}" textLength="${width}">${escapeXml(shown)}</text>`];
}

const command = process.argv[2];
const lines = [`$ ${command}`, ...readFileSync(0, 'utf8').trimEnd().split('\n')];
const width = 2 * MARGIN + Math.ceil(CHARACTER_WIDTH * Math.max(...lines.map(({ length }) => length)));
const height = 2 * MARGIN + LINE_HEIGHT * lines.length;
const svg = [
  `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img">`,
  `  <title>What ${escapeXml(command)} prints</title>`,
  '  <style>text { font: 12px ui-monospace, Menlo, Consolas, monospace; fill: #e6edf3; white-space: pre; }</style>',
  `  <rect width="${width}" height="${height}" rx="8" fill="#0d1117"/>`,
  ...lines.flatMap(drawLine),
  '</svg>',
];
process.stdout.write(`${svg.join('\n')}\n`);
