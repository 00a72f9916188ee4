/** What a capture is asked for, and what comes of it: types and bounds only. Plain data: it crosses pipes as JSON. */

/** Which legs are recorded: that with the modality, that with the archive. */
export type CapturedSide = 'both' | 'modality' | 'archive';

export interface CaptureOrder {
  readonly modality: string;
  readonly side: CapturedSide;
}

/** What one process has captured since the last time. */
export interface CapturedBatch {
  /** Packets, as blocks of pcapng. */
  readonly blocks: Buffer;
  /** Packets that could not be handed on, of each interface. */
  readonly dropped: readonly [number, number];
}

/** Where captures come from. */
export interface CaptureSource {
  /**
   * Records the associations of a modality from now on, those that run included. There is one capture at a time: it ends
   * the one before.
   */
  begin(order: CaptureOrder, deliver: (batch: CapturedBatch) => void): Promise<RunningCapture>;
}

export interface RunningCapture {
  /** The oldest batch that was delivered and not confirmed was taken. */
  confirm(): void;
  /** Resolves when everything is delivered. */
  end(): Promise<void>;
}

export const INTERFACES = ['modality', 'archive'] as const;

export const MAX_CAPTURE_SECONDS = 60 * 60;
export const DEFAULT_CAPTURE_BYTES = 64 * 1024 * 1024;
/** More than an editor of packets opens with joy. */
export const MAX_CAPTURE_BYTES = 1024 * 1024 * 1024;
export const MIN_CAPTURE_BYTES = 4096;
