/**
 * The file of the inventory, `inventory.json` in `stateDirectory`: reads it for the gateway and for commands. What cannot
 * be understood costs what was known of the modalities, never the gateway.
 */
import { readText } from '../files/read';
import { stateFile } from '../files/stateDirectory';
import { FileError } from '../files/systemErrors';
import { putAside } from '../files/write';
import { type InventoryReport, inventoryReport } from './report';

export const INVENTORY_FILE = 'inventory.json';
/** 10,000 modalities of which everything is known are less. Anything longer is another file. */
const MAX_FILE_BYTES = 128 * 1024 * 1024;

export function inventoryFile(stateDirectory: string): string {
  return stateFile(stateDirectory, INVENTORY_FILE);
}

/** The text does not hold an inventory; the message does not show it. */
class DamagedInventory extends Error {
  override readonly name = 'DamagedInventory';
}

/** Undefined where there is no file. Throws where it cannot be read or understood. */
export function readInventory(stateDirectory: string): InventoryReport | undefined {
  let text: string;
  try {
    text = readText(inventoryFile(stateDirectory), { maxBytes: MAX_FILE_BYTES });
  } catch (error) {
    if (error instanceof FileError && error.code === 'ENOENT') return undefined;
    throw error;
  }
  return parseInventory(text);
}

/** Throws where it is something else. */
function parseInventory(text: string): InventoryReport {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new DamagedInventory('it is not JSON');
  }
  const { success, data, error } = inventoryReport.safeParse(value);
  if (success) return data;
  throw new DamagedInventory(`${error.issues[0]?.path.join('.')} is not what the gateway writes`);
}

/** A damaged file is kept as FILE.damaged, with a warning. */
export function recoverInventory(
  stateDirectory: string,
  warn: (message: string) => void,
): InventoryReport | undefined {
  try {
    return readInventory(stateDirectory);
  } catch (error) {
    const file = inventoryFile(stateDirectory);
    const { message } = error as Error;
    const what =
      error instanceof DamagedInventory ? `${file} is damaged: ${message}; ${putAside(file)}` : message;
    warn(`${what}; the inventory of the modalities starts empty`);
    return undefined;
  }
}
