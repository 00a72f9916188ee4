/**
 * The signal that makes a gateway reload, and what to say where there is none: Windows has no signal but those that end a
 * process. Knows no process.
 */

export function hasReloadSignal(platform = process.platform): boolean {
  return platform !== 'win32';
}

/** What a person does where a command cannot reach the gateway. */
export function reloadByHand(platform = process.platform): string {
  return hasReloadSignal(platform)
    ? 'run "systemctl reload aegis" or "kill -HUP PID"'
    : 'restart its service';
}
