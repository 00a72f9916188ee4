import { describe, it } from '@jest/globals';
import { fuzz, fuzzOptionsFromEnvironment } from './fuzz';
import { associateTarget, readerTarget } from './pduTargets';

const options = fuzzOptionsFromEnvironment();

describe('fuzz', () => {
  it('the reader ends in an error or a value, and the same however the bytes are cut', async () => {
    await fuzz(readerTarget, options);
  });

  it('the A-ASSOCIATE decoders end in an error or in a value that can be encoded again', async () => {
    await fuzz(associateTarget, options);
  });
});
