/**
 * The shape of an onboarding sheet between what is said (sheet.ts) and how it looks (sheetMarkdown.ts, sheetHtml.ts).
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
