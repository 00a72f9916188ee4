/** The work of `aegis inventory`: asks the running gateway, or reads the file that it keeps, and prints. */
import {
  AdminClient,
  adminTarget,
  adminTargetAt,
  readableConfiguration,
  UnreachableError,
} from '../../admin/adminClient';
import { ExitCode, OperatorError } from '../../errors';
import { inventoryFile, readInventory } from '../../inventory/inventoryFile';
import type { InventoryReport } from '../../inventory/report';
import type { CommandContext, GlobalOptions } from '../../terminal/command';
import { escapeUnsafe, nearestOf, quoteValue } from '../../text/quote';
import { formatTime } from '../status/text';
import { inventoryCsv } from './csv';
import { inventoryTable, modalityText } from './text';

interface InventoryOptions extends GlobalOptions {
  readonly csv?: boolean;
  readonly url?: string;
}

export async function showInventory(
  context: CommandContext,
  options: InventoryOptions,
  name?: string,
): Promise<void> {
  const { csv, json } = options;
  if (csv === true && (json === true || name !== undefined)) {
    throw new OperatorError('--csv writes all modalities, and not as JSON: leave out the name and --json');
  }
  const { report, note } = await find(options);
  const { modalities } = report;
  context.exit(ExitCode.Done);
  if (name !== undefined) {
    const found = modalities.find(({ modality }) => modality === name);
    if (found === undefined) throw noSuch(name, report);
    context.print(json === true ? jsonOf(found) : modalityText(found));
  } else if (json === true) context.print(jsonOf(report));
  else context.print(csv === true ? inventoryCsv(modalities) : inventoryTable(modalities));
  if (note !== undefined) context.printError(`note: ${note}\n`);
}

interface Found {
  readonly report: InventoryReport;
  readonly note?: string;
}

async function find({ url, config }: InventoryOptions): Promise<Found> {
  if (url !== undefined) return { report: await new AdminClient(adminTargetAt(url)).inventory() };
  const { admin, stateDirectory } = readableConfiguration(config);
  let why = 'admin is not configured';
  // Where it takes any free port, nobody knows which.
  if (admin !== undefined && admin.port !== 0) {
    try {
      return { report: await new AdminClient(adminTarget(admin)).inventory() };
    } catch (error) {
      if (!(error instanceof UnreachableError)) throw error;
      why = 'the gateway does not answer';
    }
  }
  const file = escapeUnsafe(inventoryFile(stateDirectory));
  const report = readKept(stateDirectory, file);
  if (report !== undefined) return { report, note: `${why}; this was kept at ${formatTime(report.time)}` };
  throw new OperatorError(
    `${why}, and there is no ${file}: the gateway writes it some seconds after its start`,
    ExitCode.Failed,
  );
}

function readKept(stateDirectory: string, file: string): InventoryReport | undefined {
  try {
    return readInventory(stateDirectory);
  } catch (error) {
    if (error instanceof OperatorError) throw error;
    throw new OperatorError(`${file} cannot be used: ${(error as Error).message}`, ExitCode.Failed);
  }
}

function noSuch(name: string, { modalities }: InventoryReport): OperatorError {
  const nearest = nearestOf(
    name,
    modalities.map(({ modality }) => modality),
  );
  const help =
    nearest === undefined
      ? 'a new entry is in it after "aegis reload"'
      : `did you mean ${quoteValue(nearest)}?`;
  return new OperatorError(`${quoteValue(name)} is not in the inventory; ${help}`);
}

function jsonOf(value: object): string {
  return `${JSON.stringify(value, undefined, 2)}\n`;
}
