/**
 * Tells zod to walk its schemas instead of compiling a function for each. Compiled ones are faster from some thousand
 * objects on, and are kept for ever: 2 MB for a configuration that is read once. Nothing of Aegis needs code made of
 * text. Each program imports this first, because zod looks when a schema is made.
 */
import { config } from 'zod/v4/core';

config({ jitless: true });
