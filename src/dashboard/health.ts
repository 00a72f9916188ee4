/** How the health of a modality is named and marked, the worst first, and where its page is. */
import type { ModalityHealth } from '../admin/pageReport';

/** How good or bad something is: each has a colour and a shape. */
export type Tone = 'ok' | 'attention' | 'alarm' | 'quiet' | 'locked';

export const healths: readonly ModalityHealth[] = ['locked', 'refused', 'certificate', 'silent', 'ok'];

export const healthWords: Readonly<Record<ModalityHealth, string>> = {
  locked: 'locked',
  refused: 'refused',
  certificate: 'certificate',
  silent: 'silent',
  ok: 'ok',
};

export const healthTone: Readonly<Record<ModalityHealth, Tone>> = {
  locked: 'locked',
  refused: 'alarm',
  certificate: 'attention',
  silent: 'quiet',
  ok: 'ok',
};

export function modalityHref(name: string): string {
  return `#/modalities/${encodeURIComponent(name)}`;
}

export function associationHref(connectionId: string): string {
  return `#/associations/${encodeURIComponent(connectionId)}`;
}
