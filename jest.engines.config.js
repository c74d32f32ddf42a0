import config from './jest.config.js';

/** What the default run shows on OpenSearch 2, on every other engine: one after the other. */
export default {
  ...config,
  testMatch: ['<rootDir>/test/engines/**/*.test.ts'],
  testPathIgnorePatterns: ['/node_modules/'],
  maxWorkers: 1,
};
