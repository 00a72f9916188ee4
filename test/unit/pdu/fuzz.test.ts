/** The short version of `npm run fuzz`, always with the same inputs. */

import { describe, it } from '@jest/globals';
import { fuzz } from '../../fuzz/fuzz';
import { associateTarget, readerTarget } from '../../fuzz/pduTargets';

const options = { runs: 25_000, seed: 1 };

describe('fuzz', () => {
  it('the reader ends in an error or a value, and the same however the bytes are cut', async () => {
    await fuzz(readerTarget, options);
  });

  it('the A-ASSOCIATE decoders end in an error or in a value that can be encoded again', async () => {
    await fuzz(associateTarget, options);
  });
});
