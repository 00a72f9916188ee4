/**
 * The JSON Schema that editors complete and check config/aegis.jsonc with, made from the schema that validates.
 */
import * as z from 'zod';
import { configurationSchema } from './schema';

/** The text of config/aegis.schema.json. */
export function generateSchema(): string {
  const schema = z.toJSONSchema(configurationSchema, {
    // What is written, not what comes out of defaults and transformations.
    io: 'input',
    // The version that every editor knows.
    target: 'draft-07',
  });
  const editorHints = { title: 'Aegis configuration', allowComments: true, allowTrailingCommas: true };
  return `${JSON.stringify({ ...schema, ...editorHints }, undefined, 2)}\n`;
}
