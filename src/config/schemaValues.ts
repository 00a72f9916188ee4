/**
 * The values that keys of the configuration take, each with its own words for what is wrong. schema.ts makes the
 * configuration out of them.
 */
import { isIP } from 'node:net';
import * as z from 'zod';
import { ACCEPTED_SPANS, momentMs, spanMs } from '../text/moments';
import { escapeUnsafe, quoteValue } from '../text/quote';
import { listEntryProblem } from '../x509/revocationSources';
import { BEARER_TOKEN_FAULT, isBearerToken, MAX_TOKEN_LENGTH, MIN_TOKEN_LENGTH } from './bearerToken';

/** One value or a list of them; always a list once parsed. With `min` 1, an empty list is refused. */
export function oneOrMore<T extends z.ZodType>(item: T, { min = 0 } = {}) {
  const list = z.array(item);
  return z
    .union([item, min === 0 ? list : list.min(min)])
    .transform((value) => (Array.isArray(value) ? value : [value]) as z.output<T>[]);
}

/** Without a prototype: a name that came over the network, such as "constructor", must find entries only. */
export function withoutPrototype<T extends object>(entries: T): T {
  return Object.assign(Object.create(null), entries);
}

/** PS3.5 VR AE: 1 to 16 characters of the default repertoire, no backslash, no control character. */
const aeTitleText = z
  .string()
  .refine((title) => title.length >= 1 && title.length <= 16, {
    error: (issue) =>
      `${quoteValue(issue.input)} is ${String(issue.input).length} characters; AE titles have 1 to 16`,
  })
  .refine((title) => title === '' || title.trim() !== '', {
    error: 'is nothing but spaces; AE titles have at least one other character',
  })
  .refine((title) => /^[\x20-\x5b\x5d-\x7e]*$/.test(title), {
    error: (issue) =>
      `${quoteValue(issue.input)} has a character that AE titles must not have; accepted is printable ASCII without backslash`,
  })
  .meta({ title: 'AE title', minLength: 1, maxLength: 16, pattern: '^[\\x20-\\x5b\\x5d-\\x7e]*$' });

/** Leading and trailing spaces are not significant (PS3.5 §6.2). */
export const aeTitle = aeTitleText.transform((title) => title.trim());

/** As a key: two keys must not become one by losing their spaces. */
export const aeTitleAsKey = aeTitleText.refine((title) => title === title.trim(), {
  error: (issue) => `${quoteValue(issue.input)} begins or ends with a space; write the key without it`,
});

/** Names stand in every line of the audit log and of tables, which longer ones would make unreadable. */
const MAX_NAME_LENGTH = 64;

/** What people call an entry or a listener: any letters, also with spaces, that a terminal and a log line can show. */
export const freeName = z
  .string()
  .min(1)
  .refine((name) => [...name].length <= MAX_NAME_LENGTH, {
    error: (issue) =>
      `${quoteValue(issue.input)} is ${[...String(issue.input)].length} characters; names have 1 to ${MAX_NAME_LENGTH}`,
  })
  .refine((name) => escapeUnsafe(name) === name, {
    error: (issue) =>
      `${quoteValue(issue.input)} has a control character; names have letters, digits, spaces and other characters that can be seen`,
  })
  .meta({
    title: 'name',
    minLength: 1,
    maxLength: MAX_NAME_LENGTH,
    pattern: '^[^\\u0000-\\u001f\\u007f-\\u009f]*$',
  });

/** To listen on; 0 takes a free one. */
export const port = z.number().int().min(0).max(65535);

/** To connect to. */
export const portToReach = z.number().int().min(1).max(65535);

/** A file; relative paths are relative to the folder of the configuration file. */
export const filePath = z.string().min(1).meta({ title: 'path of a file' });

/** A revocation list: a file, or where it is fetched from. */
export const listSource = z
  .string()
  .min(1)
  .refine((entry) => listEntryProblem(entry) === undefined, {
    // Without the value: it may hold a password.
    error: (issue) => listEntryProblem(String(issue.input)),
  })
  .meta({ title: 'path of a file, URL, or "auto"' });

/** At most a day: anything longer is not a deadline. */
export function seconds(byDefault: number, what: string) {
  return z.number().positive().max(86400).default(byDefault).describe(what);
}

export const cidr = z
  .string()
  .refine(isAddressOrCidr, {
    error: (issue) =>
      `${quoteValue(issue.input)} is not an IP address or a CIDR block such as 10.1.3.0/24; host names are not accepted`,
  })
  .meta({ title: 'IP address or CIDR block' });

function isAddressOrCidr(text: string): boolean {
  const [address, prefix, ...rest] = text.split('/');
  const family = isIP(address ?? '');
  if (family === 0 || rest.length > 0 || text.includes('%')) return false;
  return prefix === undefined || (/^\d{1,3}$/.test(prefix) && Number(prefix) <= (family === 4 ? 32 : 128));
}

export const hostAndPort = z
  .string()
  .regex(/^(\[[0-9A-Fa-f:.]+\]|[^:\s[\]]+):\d{1,5}$/, {
    error: (issue) => `${quoteValue(issue.input)} is not an address such as 127.0.0.1:4242 or [::1]:4242`,
  })
  .meta({ title: 'host:port' });

export const certificateMatcher = z
  .string()
  .regex(/^((sha256|spki-sha256):([0-9A-Fa-f]{2}:?){31}[0-9A-Fa-f]{2}|(dns|cn):.+)$/, {
    error: (issue) =>
      `${quoteValue(issue.input)} is none of sha256:<64 hex digits>, spki-sha256:<64 hex digits>, dns:<name>, cn:<name>`,
  })
  .meta({ title: 'certificate match' });

/** What names one certificate or one key, whatever is written in it. */
export const certificatePin = z
  .string()
  .regex(/^(sha256|spki-sha256):([0-9A-Fa-f]{2}:?){31}[0-9A-Fa-f]{2}$/, {
    error: (issue) =>
      `${quoteValue(issue.input)} is neither sha256:<64 hex digits> nor spki-sha256:<64 hex digits>`,
  })
  .meta({ title: 'certificate fingerprint' });

/** A moment that means the same on every machine; `day` says which moment of the day a date is. */
function momentWhere(day: string) {
  return z
    .string()
    .refine((text) => momentMs(text) !== undefined, {
      error: (issue) =>
        `${quoteValue(issue.input)} is neither a date such as 2026-12-31 (${day} of that day, UTC) nor a date and time with an offset such as 2026-12-31T18:00:00+01:00`,
    })
    .meta({ title: 'date, or date and time with an offset' });
}

export const dateOrDateTime = momentWhere('to the end');
export const beginOrMoment = momentWhere('from the beginning');

/** How long, as `--for` takes it. */
export const span = z
  .string()
  .refine((text) => spanMs(text) !== undefined, {
    error: (issue) => `${quoteValue(issue.input)} is not a time; ${ACCEPTED_SPANS}`,
  })
  .meta({ title: 'time such as 1d, 12h or 30m', pattern: '^\\d{1,6}[smhd]$' });

export const ipAddress = z
  .string()
  .refine((host) => isIP(host) !== 0 && !host.includes('%'), {
    error: (issue) => `${quoteValue(issue.input)} is not an IP address such as 127.0.0.1 or ::1`,
  })
  .meta({ title: 'IP address' });

/** A secret: no message shows it. */
export const bearerToken = z
  .string({ error: ({ input }) => (input === undefined ? undefined : BEARER_TOKEN_FAULT) })
  .refine(isBearerToken, { error: BEARER_TOKEN_FAULT })
  .meta({ title: 'bearer token', minLength: MIN_TOKEN_LENGTH, maxLength: MAX_TOKEN_LENGTH });
