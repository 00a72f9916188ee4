/** The way to the syslog server over reloads, with servers that are away and the folder of the spool on a real disk. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from '@jest/globals';
import { AuditExport } from '../../../src/atna/auditExport';
import type { Configuration } from '../../../src/config/schema';
import { temporaryFolder } from '../../support/processes';

function configuration(stateDirectory: string, isOn: boolean): Configuration {
  const syslog = { server: '127.0.0.1:9', protocol: 'udp', facility: 10, spoolBytes: 1024 * 1024 };
  const refusals = { whole: 20, everySeconds: 10 };
  return {
    stateDirectory,
    upstreams: {},
    audit: { refusals, ...(isOn ? { syslog } : {}) },
  } as unknown as Configuration;
}

it('refuses a reload before anything is taken over where the spool cannot be opened', async () => {
  const folder = temporaryFolder();
  writeFileSync(join(folder, 'syslog'), 'not a folder');
  const log = { record: () => {} };
  const auditExport = await AuditExport.start(configuration(folder, false), log, () => {});
  await expect(auditExport.prepareReload(configuration(folder, true))).rejects.toThrow(
    /the spool of audit\.syslog cannot be opened/,
  );
  await auditExport.close();
});

it('takes over a reload that switches it off and the next one that switches it on', async () => {
  const folder = temporaryFolder();
  const said: string[] = [];
  const log = { record: () => {} };
  const auditExport = await AuditExport.start(configuration(folder, true), log, (text) => said.push(text));
  for (const isOn of [false, true, false, true]) {
    (await auditExport.prepareReload(configuration(folder, isOn)))();
    auditExport.record({ event: 'gateway.started', outcome: 'info' });
  }
  await auditExport.close();
  expect(said.filter((text) => text.includes('lost'))).toEqual([]);
});
