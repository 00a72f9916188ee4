/**
 * The shape of an onboarding sheet, and the sheet as Markdown (GitHub's, for its tables). sheet.ts fills it in; values are
 * shown as they are.
 */

interface SheetPart {
  readonly title: string;
  /** A sentence below. */
  readonly note?: string;
  /** Two of these stand side by side where there is room. */
  readonly isHalf?: boolean;
}

export type SheetSection = SheetPart &
  (
    | { readonly kind: 'facts'; readonly rows: readonly SheetFact[] }
    /** Cells may have several lines. */
    | {
        readonly kind: 'table';
        readonly header: readonly string[];
        readonly rows: readonly (readonly string[])[];
      }
    | { readonly kind: 'commands'; readonly steps: readonly SheetStep[] }
    /** Lines to be filled in by hand. */
    | { readonly kind: 'form'; readonly fields: readonly string[] }
  );

export interface SheetFact {
  readonly label: string;
  readonly values: readonly string[];
  /** What one types off, so that it is set apart. */
  readonly isKey?: boolean;
}

export interface SheetStep {
  readonly words: string;
  readonly commands?: readonly string[];
}

export interface Sheet {
  readonly title: string;
  readonly subtitle: string;
  readonly sections: readonly SheetSection[];
}

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

function row(cells: readonly string[]): string {
  return `| ${cells.map(escapeMarkdown).join(' | ')} |`;
}

/** Everything that Markdown or HTML could take for its own; an underscore inside a word is none of that. */
function escapeMarkdown(text: string): string {
  return text.replace(/[\\`*[\]<>#|~&$]|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])/g, '\\$&').replace(/\s/g, ' ');
}
