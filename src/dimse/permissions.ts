/**
 * The permissions: what each lets a device do in words, and which requests it opens (PS3.4). The schema, the commands
 * and the sheets for people take them from this one table. Which device has which permission is not known here.
 */
import { CommandField } from './commands';

interface Permission {
  /** What it lets a device do, for those who set the device up. */
  readonly words: string;
  /** The requests that it opens. */
  readonly commands: readonly number[];
  /**
   * It opens them on these SOP classes only: UIDs, or UID prefixes that end in `.*`. Left out: on every SOP class that
   * no other permission names for the same request.
   */
  readonly sopClasses?: readonly string[];
}

const normalizedServices = [
  CommandField.NEventReportRq,
  CommandField.NGetRq,
  CommandField.NSetRq,
  CommandField.NActionRq,
  CommandField.NCreateRq,
  CommandField.NDeleteRq,
] as const;

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
 * The permission that a request needs. undefined: no permission opens it, so it is never allowed (print, unknown
 * commands). C-CANCEL and responses have none of their own either: they belong to an operation that was decided.
 */
export function permissionFor(commandField: number, sopClassUid: string): CommandPermission | undefined {
  const openers = openersByCommand.get(commandField);
  if (openers === undefined) return undefined;
  const exact = openers.byUid.get(sopClassUid);
  if (exact !== undefined) return exact;
  for (const [prefix, name] of openers.byPrefix) if (sopClassUid.startsWith(prefix)) return name;
  return openers.others;
}

export function isUnifiedProcedureStep(sopClassUid: string): boolean {
  return sopClassUid.startsWith(UNIFIED_PROCEDURE_STEP_PREFIX);
}
