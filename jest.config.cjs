/** @type {import('jest').Config} */
module.exports = {
  testEnvironment: 'node',
  roots: ['<rootDir>/test'],
  testMatch: ['**/*.test.ts'],
  transform: {
    '^.+\\.ts$': [
      '@swc/jest',
      { jsc: { target: 'es2022', parser: { syntax: 'typescript' } }, module: { type: 'commonjs' } },
    ],
  },
  reporters: ['default', '<rootDir>/test/support/skippedPeersReporter.cjs'],
  // The tests wait for other processes most of their time.
  maxWorkers: 2,
  testTimeout: 30000,
};
