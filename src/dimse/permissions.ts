/**
 * The permissions: what each lets a device do in words, and which requests it opens (PS3.4). The schema, the commands
 * and the sheets for people take them from this one table. Which device has which permission is not known here.
 */
import { CommandField } from './commands';
import { isStorageSopClass, sopClassKeyword } from './sopClasses';

interface Permission {
  /** What it lets a device do, for those who set the device up. */
  readonly words: string;
  /** The requests that it opens. */
  readonly commands: readonly number[];
  /**
   * It opens them on these SOP classes only: UIDs, or UID prefixes that end in `.*`. Left out: on every SOP class that
   * no other permission has for itself.
   */
  readonly sopClasses?: readonly string[];
  /** The permission without SOP classes opens these requests too: `find` opens a query of hanging protocols. */
  readonly isShared?: true;
}

const normalizedServices = [
  CommandField.NEventReportRq,
  CommandField.NGetRq,
  CommandField.NSetRq,
  CommandField.NActionRq,
  CommandField.NCreateRq,
  CommandField.NDeleteRq,
] as const;

const queryAndRetrieve = [CommandField.CFindRq, CommandField.CMoveRq, CommandField.CGetRq] as const;

/** PS3.4 Annex CC: Push, Watch, Pull, Event and Query are the numbers that follow. */
const UNIFIED_PROCEDURE_STEP_PREFIX = '1.2.840.10008.5.1.4.34.6.';

/** In the order in which people are shown them; those that Orthanc has too have its words as names. */
export const permissions = {
  echo: { words: 'test the connection (C-ECHO)', commands: [CommandField.CEchoRq] },
  find: {
    words: 'query patients, studies, series and images (C-FIND)',
    commands: [CommandField.CFindRq],
  },
  findWorklist: {
    words: 'query the modality worklist (C-FIND)',
    commands: [CommandField.CFindRq],
    sopClasses: ['1.2.840.10008.5.1.4.31'],
  },
  move: { words: 'have images sent (C-MOVE)', commands: [CommandField.CMoveRq] },
  get: { words: 'fetch images (C-GET)', commands: [CommandField.CGetRq] },
  store: { words: 'store images and other objects (C-STORE)', commands: [CommandField.CStoreRq] },
  storageCommitment: {
    words: 'ask whether images are safely stored (storage commitment)',
    commands: normalizedServices,
    // PS3.4 Annex J. The well-known instance too: peers that confuse the two mean the same service.
    sopClasses: ['1.2.840.10008.1.20.1', '1.2.840.10008.1.20.1.1'],
  },
  mpps: {
    words: 'report procedure steps (MPPS)',
    commands: normalizedServices,
    // PS3.4 Annex F: the step itself, Retrieve, Notification.
    sopClasses: ['1.2.840.10008.3.1.2.3.3', '1.2.840.10008.3.1.2.3.4', '1.2.840.10008.3.1.2.3.5'],
  },
  ups: {
    words: 'work with unified procedure steps (UPS)',
    commands: [CommandField.CFindRq, ...normalizedServices],
    sopClasses: [`${UNIFIED_PROCEDURE_STEP_PREFIX}*`],
  },
  instanceAvailability: {
    words: 'report which images are available (instance availability notification)',
    commands: normalizedServices,
    // PS3.4 Annex R.
    sopClasses: ['1.2.840.10008.5.1.4.33'],
  },
  print: {
    words: 'print films (basic print management)',
    commands: normalizedServices,
    // PS3.4 Annex H: the meta classes that a printer negotiates, and the classes that the requests name.
    sopClasses: [
      '1.2.840.10008.5.1.1.9',
      '1.2.840.10008.5.1.1.18',
      '1.2.840.10008.5.1.1.1',
      '1.2.840.10008.5.1.1.2',
      '1.2.840.10008.5.1.1.4',
      '1.2.840.10008.5.1.1.4.1',
      '1.2.840.10008.5.1.1.14',
      '1.2.840.10008.5.1.1.15',
      '1.2.840.10008.5.1.1.16',
      '1.2.840.10008.5.1.1.16.376',
      '1.2.840.10008.5.1.1.22',
      '1.2.840.10008.5.1.1.23',
      // Retired, and still asked for: overlay boxes, referenced image boxes with their meta classes.
      '1.2.840.10008.5.1.1.24',
      '1.2.840.10008.5.1.1.24.1',
      '1.2.840.10008.5.1.1.4.2',
      '1.2.840.10008.5.1.1.9.1',
      '1.2.840.10008.5.1.1.18.1',
    ],
  },
  mediaCreation: {
    words: 'have discs made (media creation management)',
    commands: normalizedServices,
    // PS3.4 Annex S.
    sopClasses: ['1.2.840.10008.5.1.1.33'],
  },
  rtMachineVerification: {
    words: 'have the settings of a treatment machine verified (RT machine verification)',
    commands: normalizedServices,
    // PS3.4 Annex DD: conventional and ion, and the trial classes before them.
    sopClasses: [
      '1.2.840.10008.5.1.4.34.8',
      '1.2.840.10008.5.1.4.34.9',
      '1.2.840.10008.5.1.4.34.2',
      '1.2.840.10008.5.1.4.34.3',
    ],
  },
  relevantPatientInformation: {
    words: 'query the relevant history of a patient (relevant patient information)',
    commands: [CommandField.CFindRq],
    // PS3.4 Annex Q.
    sopClasses: ['1.2.840.10008.5.1.4.37.*'],
    isShared: true,
  },
  procedureProtocols: {
    words: 'query and fetch acquisition protocols and their approvals',
    commands: queryAndRetrieve,
    // PS3.4 Annexes HH and II: protocols as they are defined, and their approvals.
    sopClasses: [
      '1.2.840.10008.5.1.4.20.1',
      '1.2.840.10008.5.1.4.20.2',
      '1.2.840.10008.5.1.4.20.3',
      '1.2.840.10008.5.1.4.1.1.200.4',
      '1.2.840.10008.5.1.4.1.1.200.5',
      '1.2.840.10008.5.1.4.1.1.200.6',
    ],
    isShared: true,
  },
  hangingProtocols: {
    words: 'query and fetch hanging protocols',
    commands: queryAndRetrieve,
    // PS3.4 Annex U.
    sopClasses: ['1.2.840.10008.5.1.4.38.2', '1.2.840.10008.5.1.4.38.3', '1.2.840.10008.5.1.4.38.4'],
    isShared: true,
  },
  implantTemplates: {
    words: 'query and fetch implant templates',
    commands: queryAndRetrieve,
    // PS3.4 Annex BB: generic, assembly, group.
    sopClasses: [
      '1.2.840.10008.5.1.4.43.2',
      '1.2.840.10008.5.1.4.43.3',
      '1.2.840.10008.5.1.4.43.4',
      '1.2.840.10008.5.1.4.44.2',
      '1.2.840.10008.5.1.4.44.3',
      '1.2.840.10008.5.1.4.44.4',
      '1.2.840.10008.5.1.4.45.2',
      '1.2.840.10008.5.1.4.45.3',
      '1.2.840.10008.5.1.4.45.4',
    ],
    isShared: true,
  },
  substanceAdministration: {
    words: 'check and report contrast media and drugs (substance administration)',
    commands: [CommandField.CFindRq, CommandField.NActionRq],
    // PS3.4 Annexes V and P: product characteristics, approval, logging.
    sopClasses: ['1.2.840.10008.5.1.4.41', '1.2.840.10008.5.1.4.42', '1.2.840.10008.1.42'],
    isShared: true,
  },
} as const satisfies Readonly<Record<string, Permission>>;

export type CommandPermission = keyof typeof permissions;

/** Their names. */
export const commandPermissions = Object.keys(permissions) as readonly CommandPermission[];

/** Who opens one kind of request, the most exact first. */
interface Openers {
  readonly byUid: Map<string, CommandPermission>;
  /** Prefixes end in a full stop, so that `1.2.` does not take `1.20.3`. */
  readonly byPrefix: Map<string, CommandPermission>;
  others?: CommandPermission;
}

const openersByCommand = compileOpeners();

function compileOpeners(): ReadonlyMap<number, Openers> {
  const compiled = new Map<number, Openers>();
  for (const name of commandPermissions) {
    const { commands, sopClasses }: Permission = permissions[name];
    for (const command of commands) {
      const openers: Openers = compiled.get(command) ?? { byUid: new Map(), byPrefix: new Map() };
      compiled.set(command, openers);
      if (sopClasses === undefined) openers.others = name;
      for (const uid of sopClasses ?? []) {
        if (uid.endsWith('.*')) openers.byPrefix.set(uid.slice(0, -1), name);
        else openers.byUid.set(uid, name);
      }
    }
  }
  return compiled;
}

/**
 * The narrowest permission that opens a request. undefined: none does (private N-services, unknown commands). C-CANCEL
 * and responses have none of their own either: they belong to an operation that was decided.
 */
export function permissionFor(commandField: number, sopClassUid: string): CommandPermission | undefined {
  const openers = openersByCommand.get(commandField);
  if (openers === undefined) return undefined;
  const exact = openers.byUid.get(sopClassUid);
  if (exact !== undefined) return exact;
  for (const [prefix, name] of openers.byPrefix) if (sopClassUid.startsWith(prefix)) return name;
  return openers.others;
}

/** Whether one of these permissions opens the request. */
export function isPermitted(
  granted: ReadonlySet<CommandPermission>,
  commandField: number,
  sopClassUid: string,
): boolean {
  const narrowest = permissionFor(commandField, sopClassUid);
  if (narrowest === undefined) return false;
  if (granted.has(narrowest)) return true;
  const { isShared }: Permission = permissions[narrowest];
  const others = openersByCommand.get(commandField)?.others;
  return isShared === true && others !== undefined && granted.has(others);
}

/** What a device needs that uses this SOP class as the standard means it; undefined: no permission opens that. */
export function permissionForService(sopClassUid: string): CommandPermission | undefined {
  return permissionFor(usualCommand(sopClassUid), sopClassUid);
}

/** Requests that a class unknown here can be for: makers have storage, queries and retrieval of their own. */
const commandsOfUnknownClass = [CommandField.CStoreRq, ...queryAndRetrieve] as const;

/** The requests that a presentation context of this SOP class is for. One of them stands for all of DIMSE-N. */
export function commandsOfContext(sopClassUid: string): readonly number[] {
  return sopClassKeyword(sopClassUid) === undefined ? commandsOfUnknownClass : [usualCommand(sopClassUid)];
}

/** Whether the standard has the class for C-GET. */
export function isForGet(sopClassUid: string): boolean {
  const [command, ...others] = commandsOfContext(sopClassUid);
  return command === CommandField.CGetRq && others.length === 0;
}

/** Whether one of these permissions opens a C-GET, which needs the storage classes of what it fetches. */
export function canFetch(granted: ReadonlySet<CommandPermission>): boolean {
  for (const name of granted) {
    const { commands }: Permission = permissions[name];
    if (commands.includes(CommandField.CGetRq)) return true;
  }
  return false;
}

/** Services that the SOP class alone identifies are those of DIMSE-N. */
function usualCommand(sopClassUid: string): number {
  if (isStorageSopClass(sopClassUid)) return CommandField.CStoreRq;
  const keyword = sopClassKeyword(sopClassUid) ?? '';
  if (keyword === 'Verification') return CommandField.CEchoRq;
  if (/(Find|Query)$/.test(keyword)) return CommandField.CFindRq;
  if (keyword.endsWith('Move')) return CommandField.CMoveRq;
  return keyword.endsWith('Get') ? CommandField.CGetRq : CommandField.NActionRq;
}

export function isUnifiedProcedureStep(sopClassUid: string): boolean {
  return sopClassUid.startsWith(UNIFIED_PROCEDURE_STEP_PREFIX);
}
