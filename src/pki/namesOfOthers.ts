/** Names that certificates of others cover as well: whoever gets this one can pose as them. */
import { acceptedOf, type IssuedLog } from './issuedLog';

export interface NameOfOther {
  /** DNS name or IP address. */
  readonly name: string;
  /** Name of the modality that has it, or `server`. */
  readonly owner: string;
}

/** Those of `names`, wanted for `name`, that an accepted certificate of somebody else has. */
export function findNamesOfOthers(log: IssuedLog, name: string, names: readonly string[]): NameOfOther[] {
  const owners = new Map<string, string>();
  for (const entry of acceptedOf(log)) {
    if (entry.name !== name) for (const owned of entry.names) owners.set(owned, entry.name);
  }
  return names.flatMap((wanted) => {
    const owner = owners.get(wanted);
    return owner === undefined ? [] : [{ name: wanted, owner }];
  });
}

export const describeNameOfOther = ({ name, owner }: NameOfOther): string =>
  `the certificate of "${owner}" is for ${name}, too; whoever gets this one can pose as it`;
