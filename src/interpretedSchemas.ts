/**
 * Tells zod to walk its schemas instead of making code of text for each, which is kept for ever. A configuration is read
 * once: with 10,000 modalities a start takes a quarter less CPU time this way. The command line imports this first, because
 * zod looks when a schema is made; the bundle has it in a chunk that workers load first, too.
 */
import { config } from 'zod/v4/core';

config({ jitless: true });
