/** `limits`: what peers may use, with its bounds and defaults. Keeps no limit itself. */
import * as z from 'zod';

export const limits = z.strictObject({
  maxPduLengthBytes: z
    .number()
    .int()
    .min(4096)
    .max(1048576)
    .default(131072)
    .describe('Longest P-DATA-TF that the gateway announces on both legs.'),
  maxAssociations: z
    .number()
    .int()
    .min(1)
    .default(1000)
    .describe('Concurrent associations of all modalities together.'),
  maxPendingConnectionsPerAddress: z
    .number()
    .int()
    .min(1)
    .default(2000)
    .describe('Connections of one address that have no association yet.'),
  connectionsPerSecondPerAddress: z
    .number()
    .int()
    .min(0)
    .default(100)
    .describe('New connections of one address that come to no association; more wait. 0: no limit.'),
  connectionsPerSecond: z
    .number()
    .int()
    .min(0)
    .default(200)
    .describe('The same of all addresses together, for each listener; they take turns. 0: no limit.'),
  associationsPerSecond: z
    .number()
    .int()
    .min(0)
    .default(100)
    .describe('Associations that one modality may begin; more are answered later. 0: no limit.'),
  commandsPerSecond: z
    .number()
    .int()
    .min(0)
    .default(1000)
    .describe('Commands of one modality, a refused one as ten; more are read later. 0: no limit.'),
  maxCommandSetBytes: z
    .number()
    .int()
    .min(1024)
    .max(65536)
    .default(16384)
    .describe('Longest command set; real ones have 60 to 300 bytes.'),
});
