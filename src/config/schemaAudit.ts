/** How the audit log is kept: its file, its rotation, how many lines of a kind are written whole, and where else it goes. */
import * as z from 'zod';
import { chain } from './schemaChain';
import { atna, syslog } from './schemaSyslog';
import { filePath, seconds } from './schemaValues';

const rotate = z
  .strictObject({
    maxBytes: z
      .number()
      .int()
      .min(65_536)
      .optional()
      .describe('The file is rotated before it would be longer.'),
    days: z
      .number()
      .positive()
      .max(3650)
      .optional()
      .describe('The file is rotated when its first line is older.'),
    keep: z
      .number()
      .int()
      .min(1)
      .max(1000)
      .default(30)
      .describe(
        'Rotated files that are kept, as audit.jsonl.1 (the newest) and so on; older ones are deleted.',
      ),
  })
  .refine(({ maxBytes, days }) => maxBytes !== undefined || days !== undefined, {
    error: 'has neither maxBytes nor days, so nothing would be rotated; set one of them or both',
  });

const refusals = z.strictObject({
  whole: z
    .number()
    .int()
    .min(0)
    .max(1_000_000)
    .default(40)
    .describe('Refusals of one kind that get a line each; those beyond are added up in one line.'),
  everySeconds: seconds(10, 'From one line of a sum to the next.'),
});

const allowedOptions = z.strictObject({
  whole: z
    .number()
    .int()
    .min(1)
    .max(1_000_000)
    .default(500)
    .describe(
      'Lines of one modality in that time that are written whole; those beyond are added up. Images do not count.',
    ),
  everySeconds: seconds(10, 'From one line of a sum to the next.'),
});

/** Undefined where every line is written. */
const allowed = z
  .union([allowedOptions, z.literal(false)], {
    error: 'accepted is false or an object with the keys whole, everySeconds',
  })
  .transform((value) => (value === false ? undefined : value));

export const audit = z
  .strictObject({
    file: filePath.optional().describe('Write the audit log to this file too, one JSON object a line.'),
    rotate: rotate.optional().describe('When the gateway rotates the file by itself. Left out: never.'),
    chain: chain
      .prefault(true)
      .describe(
        'Each line of the file carries the hash of the one before, so that changes are found. false: it does not.',
      ),
    refusals: refusals
      .prefault({})
      .describe('How many refusals of the same event, reason and modality (or address) are written whole.'),
    allowed: allowed
      .prefault({})
      .describe(
        'How many lines a modality gets for what it was allowed to do, and for its associations. false: all.',
      ),
    syslog: syslog.optional().describe('A syslog server that gets every line too. Left out: none.'),
    atna: atna
      .optional()
      .describe('Send the syslog server DICOM audit messages (PS3.15 A.5) in place of lines.'),
  })
  .refine(({ file, chain }) => file !== undefined || chain?.key === undefined, {
    error: 'signs the lines of audit.file, and there is none; set audit.file too',
    path: ['chain', 'key'],
  });
