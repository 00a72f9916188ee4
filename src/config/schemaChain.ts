/** How the lines of the audit log file are linked to each other, and signed. */
import * as z from 'zod';
import { filePath, seconds } from './schemaValues';

const options = z.strictObject({
  key: filePath
    .optional()
    .describe(
      'Private key (PEM: Ed25519, ECDSA or RSA) that signs a check-point now and then. Left out: nothing is signed.',
    ),
  everySeconds: seconds(60, 'From one check-point to the next.'),
});

/** Undefined where it is off. */
export const chain = z
  .union([options, z.boolean()], {
    error: 'accepted is true, false or an object with the keys key, everySeconds',
  })
  .transform((value) => {
    if (typeof value !== 'boolean') return value;
    return value ? options.parse({}) : undefined;
  });
