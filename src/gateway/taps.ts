/**
 * Lends the associations of this process to a capture, for as long as one runs. Sees the lines of the log on their way,
 * because they say whose an association is. What makes packets of all that is loaded when the first capture begins.
 */
import type { Socket } from 'node:net';
import type { Leg } from '../association/leg';
import type { TapPoint } from '../association/legOwner';
import type { AuditEvent, AuditSink, Outcome, Sender } from '../audit/events';
import type { CapturedBatch, CaptureOrder, CaptureSource, RunningCapture } from '../capture/order';
import type { ProcessCapture } from '../capture/processCapture';
import type { InboundConnection } from '../net/inboundConnection';
import type { Route } from './route';

interface Tappable {
  readonly connection: InboundConnection;
  readonly route: Pick<Route, 'direction'>;
}

interface RunningAssociation extends Tappable {
  legsOf(modality: string): readonly Leg[];
}

export class Taps implements AuditSink, CaptureSource {
  readonly #audit: AuditSink;
  readonly #running: Iterable<RunningAssociation>;
  #capture: ProcessCapture | undefined;

  constructor(audit: AuditSink, running: Iterable<RunningAssociation>) {
    this.#audit = audit;
    this.#running = running;
  }

  record(event: AuditEvent): void {
    this.#capture?.noticed(event);
    this.#audit.record(event);
  }

  flush(): void {
    this.#audit.flush?.();
  }

  hold(sender: Sender, outcome: Outcome): void {
    this.#audit.hold?.(sender, outcome);
  }

  /** A leg begins. */
  opened(of: Tappable, leg: 'inbound' | 'upstream', point: TapPoint, socket: Socket): void {
    const { connection, route } = of;
    this.#capture?.tap(point, { connection, direction: route.direction, leg, socket });
  }

  async begin(order: CaptureOrder, deliver: (batch: CapturedBatch) => void): Promise<RunningCapture> {
    const { ProcessCapture } = await import('../capture/processCapture');
    this.#capture?.end();
    const capture = new ProcessCapture(order, deliver);
    this.#capture = capture;
    for (const association of this.#running) join(capture, association);
    return {
      confirm: () => capture.confirm(),
      end: async () => {
        capture.end();
        if (this.#capture === capture) this.#capture = undefined;
      },
    };
  }
}

function join(capture: ProcessCapture, association: RunningAssociation): void {
  const { connection, route } = association;
  for (const [index, leg] of association.legsOf(capture.modality).entries()) {
    leg.tapped((point, socket) =>
      capture.tap(point, {
        connection,
        direction: route.direction,
        leg: index === 0 ? 'inbound' : 'upstream',
        socket,
        isInsidePdu: () => leg.in.isInsidePdu,
      }),
    );
  }
}
