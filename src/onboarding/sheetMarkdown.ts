/**
 * The onboarding sheet as Markdown (GitHub's, for its tables). Whatever is in a value is shown as it is.
 */
import type { Sheet, SheetSection } from './sheetSections';

export function sheetMarkdown({ title, subtitle, sections }: Sheet): string {
  return `${[`# ${escapeMarkdown(title)}`, escapeMarkdown(subtitle), ...sections.map(section)].join('\n\n')}\n`;
}

function section(part: SheetSection): string {
  const note = part.note === undefined ? [] : ['', escapeMarkdown(part.note)];
  return [`## ${escapeMarkdown(part.title)}`, '', ...body(part), ...note].join('\n');
}

function body(part: SheetSection): string[] {
  switch (part.kind) {
    case 'facts':
      return ['| | |', '|---|---|', ...part.rows.map(({ label, values }) => row([label, values.join('; ')]))];
    case 'table':
      return [row(part.header), `|${'---|'.repeat(part.header.length)}`, ...part.rows.map(row)];
    case 'commands':
      return part.steps.flatMap(({ words, commands = [] }, index) => [
        ...(index === 0 ? [] : ['']),
        escapeMarkdown(words),
        // Indented by four: nothing inside can end the block.
        ...(commands.length === 0
          ? []
          : ['', ...commands.map((command) => `    ${command.replaceAll('\n', '\n    ')}`)]),
      ]);
    case 'form':
      return ['| | |', '|---|---|', ...part.fields.map((field) => row([field, '']))];
  }
}

const row = (cells: readonly string[]): string => `| ${cells.map(escapeMarkdown).join(' | ')} |`;

/** Everything that Markdown or HTML could take for its own; an underscore inside a word is none of that. */
function escapeMarkdown(text: string): string {
  return text.replace(/[\\`*[\]<>#|~&$]|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])/g, '\\$&').replace(/\s/g, ' ');
}
