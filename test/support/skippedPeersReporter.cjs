/**
 * Ends a run with what it did not test (each suite that describeWithPeers skipped, and the Debian package that it
 * needs) and with one plain line of counts. Knows no test by name.
 */
const path = require('node:path');

/** The end of a title that peers.ts gives to a skipped suite. */
const NEEDS = / \[needs ([^\]]+)\]$/;

class SkippedPeersReporter {
  onRunComplete(_contexts, results) {
    // Jest prints its own summary after every reporter's; these lines are to be the last ones.
    process.once('exit', () => {
      for (const line of summaryLines(results)) process.stdout.write(`${line}\n`);
    });
  }
}

function summaryLines(results) {
  // A file that could not even be loaded has no failed test, and must not pass for one without tests.
  const failed = results.numFailedTests + results.numRuntimeErrorTestSuites;
  return [...skippedSuites(results), `Tests: ${results.numPassedTests} passed, ${failed} failed`];
}

function skippedSuites(results) {
  const lines = new Set();
  for (const file of results.testResults) {
    for (const test of file.testResults) {
      const title = test.ancestorTitles.find((ancestor) => NEEDS.test(ancestor));
      if (test.status !== 'pending' || title === undefined) continue;
      const [, packages] = NEEDS.exec(title);
      const suite = `${path.basename(file.testFilePath)} › ${title.replace(NEEDS, '')}`;
      lines.add(`Skipped: ${suite}: needs the Debian package ${packages}`);
    }
  }
  return lines;
}

module.exports = SkippedPeersReporter;
module.exports.summaryLines = summaryLines;
