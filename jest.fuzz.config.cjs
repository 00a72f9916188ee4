const base = require('./jest.config.cjs');

/**
 * npm run fuzz: a million inputs for each decoder. FUZZ_RUNS changes the number, FUZZ_SEED repeats a run.
 * @type {import('jest').Config}
 */
module.exports = {
  ...base,
  roots: ['<rootDir>/test/fuzz'],
  testMatch: ['**/*.fuzz.ts'],
  testTimeout: 30 * 60 * 1000,
};
