/** What crossed one connection, in order: recorded by RawScu and SpyUpstream, dissected by tshark.ts. */

export interface TranscriptEntry {
  /** `requestor` is who opened the connection. */
  readonly from: 'requestor' | 'acceptor';
  readonly bytes: Buffer;
}

export type Transcript = readonly TranscriptEntry[];
