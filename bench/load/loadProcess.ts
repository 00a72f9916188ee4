/**
 * The process that makes the load: jobs come and results go over the channel to its parent; it ends with it.
 */
import type { LoadJob } from './jobs';
import { runJob } from './runJob';

process.on('disconnect', () => process.exit());
process.on('message', (job: LoadJob) => {
  runJob(job).then(
    (result) => process.send?.({ result }),
    (error: Error) => process.send?.({ error: error.message }),
  );
});
