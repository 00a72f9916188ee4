/** The dialogs that lock a modality, with a reason and for how long, and that unlock it. */
import { useState } from 'preact/hooks';
import { ask } from './asking';
import { ActionDialog } from './parts';
import { titleText } from './words';

interface LockProps {
  readonly modality: string;
  readonly onDone: () => void;
  readonly onClose: () => void;
}

const HOUR_SECONDS = 3600;
const spans: readonly (readonly [string, number])[] = [
  ['until I unlock it', 0],
  ['1 hour', HOUR_SECONDS],
  ['8 hours', 8 * HOUR_SECONDS],
  ['1 day', 24 * HOUR_SECONDS],
  ['7 days', 7 * 24 * HOUR_SECONDS],
];

export function LockDialog({ modality, onDone, onClose }: LockProps) {
  const [reason, setReason] = useState('');
  const [forSeconds, setForSeconds] = useState(0);
  return (
    <ActionDialog
      title={`Lock ${titleText(modality)}`}
      submit="Lock"
      isDangerous
      onSubmit={async () => {
        const body = { modality, reason, ...(forSeconds === 0 ? {} : { forSeconds }) };
        await ask('/api/v1/locks', { method: 'POST', body });
        onDone();
        return true;
      }}
      onClose={onClose}
    >
      <p>It is refused from now on. Its open associations end at once, also in the middle of an image.</p>
      <label>
        <span>Reason, for the log and for others</span>
        <input
          required
          maxLength={200}
          value={reason}
          onInput={({ currentTarget }) => setReason(currentTarget.value)}
        />
      </label>
      <label>
        <span>For how long</span>
        <select onChange={({ currentTarget }) => setForSeconds(Number(currentTarget.value))}>
          {spans.map(([text, seconds]) => (
            <option key={seconds} value={seconds} selected={seconds === forSeconds}>
              {text}
            </option>
          ))}
        </select>
      </label>
    </ActionDialog>
  );
}

export function UnlockDialog({ modality, onDone, onClose }: LockProps) {
  return (
    <ActionDialog
      title={`Unlock ${titleText(modality)}`}
      submit="Unlock"
      onSubmit={async () => {
        await ask(`/api/v1/locks?${new URLSearchParams({ modality })}`, { method: 'DELETE' });
        onDone();
        return true;
      }}
      onClose={onClose}
    >
      <p>It may do again what its entry allows.</p>
    </ActionDialog>
  );
}
