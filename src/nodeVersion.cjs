/**
 * Ends the process in words where Node.js is too old, before anything else is loaded. The command line and the build
 * both begin with it. It is written for any Node.js of the last ten years, so it is not TypeScript.
 */
'use strict';

/** As `engines` of package.json, which is not loaded at every start. */
const NEEDED = '20.19';
const running = process.versions.node;

function isOlder(one, other) {
  const [major, minor] = one.split('.').map(Number);
  const [otherMajor, otherMinor] = other.split('.').map(Number);
  return major === otherMajor ? minor < otherMinor : major < otherMajor;
}

if (isOlder(running, NEEDED)) {
  process.stderr.write(
    `error: Aegis needs Node.js ${NEEDED} or later, but this is Node.js ${running} (${process.execPath})\n` +
      'Install Node.js 24 or 22 (https://nodejs.org, or a package of your system), then run the command again.\n',
  );
  process.exit(2);
}
