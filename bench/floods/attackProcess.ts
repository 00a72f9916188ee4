/**
 * The process of the attackers: it works with less priority than what it attacks, so that the processor that it takes is
 * not counted as a fault of the gateway. Answers each order and each question with what it has sent so far.
 */
import { setPriority } from 'node:os';
import { type AttackOrder, attackAgain, counts } from './attacks';

const NICENESS = 10;
/** All at once would be one attack on the listen queue. */
const OPENING_MS = 1500;

setPriority(NICENESS);
process.on('disconnect', () => process.exit());
process.on('message', (order: AttackOrder | 'count') => {
  if (order === 'count') {
    process.send?.(counts());
    return;
  }
  for (let index = 0; index < order.connections; index += 1) {
    setTimeout(() => void attackAgain(order, index), (OPENING_MS * index) / order.connections);
  }
});
