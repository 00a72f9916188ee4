/**
 * The file of the inventory, `inventory.json` in `stateDirectory`: reads it for the gateway and for commands. What cannot
 * be understood costs what was known of the modalities, never the gateway.
 */
import { readKept, recoverKept } from '../files/keptJson';
import { stateFile } from '../files/stateDirectory';
import { type InventoryReport, inventoryReport } from './report';

export const INVENTORY_FILE = 'inventory.json';
/** 10,000 modalities of which everything is known are less. Anything longer is another file. */
const MAX_FILE_BYTES = 128 * 1024 * 1024;

export function inventoryFile(stateDirectory: string): string {
  return stateFile(stateDirectory, INVENTORY_FILE);
}

/** Undefined where there is no file. Throws where it cannot be read or understood. */
export function readInventory(stateDirectory: string): InventoryReport | undefined {
  return readKept(inventoryFile(stateDirectory), inventoryReport, MAX_FILE_BYTES);
}

/** A damaged file is kept as FILE.damaged, with a warning. */
export function recoverInventory(
  stateDirectory: string,
  warn: (message: string) => void,
): InventoryReport | undefined {
  return recoverKept(inventoryFile(stateDirectory), inventoryReport, MAX_FILE_BYTES, (what) =>
    warn(`${what}; the inventory of the modalities starts empty`),
  );
}
