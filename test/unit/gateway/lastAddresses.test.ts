import { expect, it } from '@jest/globals';
import { LastAddresses } from '../../../src/gateway/lastAddresses';

it('keeps a bounded number of modalities, whatever another gateway names', () => {
  const addresses = new LastAddresses();
  const last = { certificate: 'sha256:00', address: '10.1.2.3' };
  addresses.learn('ct', last);
  for (let index = 0; index < 9999; index += 1) addresses.learn(`m${index}`, last);
  addresses.learn('ct', { ...last, address: '10.1.2.4' });
  addresses.learn('one more', last);
  expect([...addresses.all]).toHaveLength(10_000);
  expect(addresses.of({ modality: 'ct', certificate: 'sha256:00' })).toBe('10.1.2.4');
  expect(addresses.of({ modality: 'm0', certificate: 'sha256:00' })).toBeUndefined();
});
