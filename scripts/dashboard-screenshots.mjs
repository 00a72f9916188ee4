/**
 * docs/dashboard-{light,dark,narrow}.png: the built page (dist/dashboard) in Chromium, with the made-up answers of a
 * hospital. Run it after `npm run build` where the page looks different: `node scripts/dashboard-screenshots.mjs`. With
 * `--serve` it only serves the page, to work on it.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { chromium } from 'playwright-core';
import { smallPng } from './small-png.mjs';

const BUCKET_SECONDS = 300;
const BUCKETS = 288;
const DAY_MS = 24 * 60 * 60 * 1000;
const startMs = Date.now();
const ago = (seconds) => new Date(startMs - seconds * 1000).toISOString();
const inDays = (days) => new Date(startMs + days * DAY_MS).toISOString();
/** The same pictures each time. */
const chance = (seed) => (((Math.sin(seed * 12.9898) * 43758.5453) % 1) + 1) % 1;

const kinds = ['ct', 'mr', 'us', 'xa', 'cr', 'dx', 'mg', 'nm', 'pt', 'rf'];
const troubles = {
  3: ['refused', 'its last command was refused 12 min ago: the entry does not allow this command'],
  7: ['certificate', 'the certificate that it showed last ends in 12 days'],
  22: ['silent', 'not heard for 2 days; expected every day'],
  26: ['locked', 'locked by anna: stolen from ward 4'],
};
const modalities = Array.from({ length: 41 }, (_, index) => {
  const name = `${kinds[index % 10]}${Math.floor(index / 10) + 1}`;
  const [health, why] = troubles[index] ?? ['ok', ''];
  const counts = {
    associations: 120 + index,
    commands: 3200 + index * 17,
    bytes: 14e9 / (index + 1),
    refusals: 0,
  };
  return {
    ...{ name, health, why, callingAeTitle: [name.toUpperCase()], from: [`10.1.2.${index + 10}`] },
    ...{ calledAeTitle: ['ORTHANC'], listeners: ['tls'], allow: ['echo', 'store'], mode: 'enforce' },
    ...{ lastSeen: ago(index * 611 + 20), counts, open: index < 3 ? 1 : 0 },
  };
});

const fingerprint256 = Array.from({ length: 32 }, (_, index) =>
  (index * 37 + 11).toString(16).padStart(2, '0').slice(-2),
)
  .join(':')
  .toUpperCase();
const certificate = {
  ...{ fingerprint256, spkiSha256: fingerprint256, subject: 'CN=ct9.radiology.example' },
  ...{ issuer: 'CN=Hospital CA 2', notAfter: inDays(440) },
};
const pendingCaller = {
  ...{ id: '3f2a00000000', callingAeTitle: 'CT9', calledAeTitle: 'ORTHANC', sourceAddress: '10.1.2.90' },
  ...{ listener: 'tls', isTls: true, certificate, implementationVersionName: 'MAKER_CT_7', commands: [] },
  ...{ proposedSopClasses: ['Verification', 'CTImageStorage', 'XRayRadiationDoseSRStorage'], count: 12 },
  ...{ reason: 'calling-ae-title-unknown', text: 'the calling AE title is in no modality entry' },
  ...{
    firstSeen: ago(9000),
    lastSeen: ago(40),
    remedy: 'correct its AE title, or let it in',
    canBeApproved: true,
  },
  ...{ proposedPermissions: ['echo', 'store'], suggestedName: 'ct9', explain: 'pending=3f2a00000000' },
};
const selfSigned = {
  ...{ fingerprint256, subject: 'CN=portable-us', issuer: 'CN=portable-us', key: 'RSA 2048' },
  ...{ notAfter: inDays(3000), untrusted: 'it is signed by itself' },
};
const callers = [
  pendingCaller,
  {
    ...{
      ...pendingCaller,
      id: '77b100000000',
      callingAeTitle: 'US_PORTABLE',
      sourceAddress: '10.1.7.3',
      count: 3,
    },
    ...{ certificate: selfSigned, lastSeen: ago(260), reason: 'certificate-untrusted' },
    text: 'the certificate is not signed by a trusted CA',
  },
];
const denial = {
  ...{ time: ago(40), outcome: 'denied', event: 'association.rejected', sourceAddress: '10.1.2.90' },
  ...{
    callingAeTitle: 'CT9',
    calledAeTitle: 'ORTHANC',
    reason: pendingCaller.reason,
    text: pendingCaller.text,
  },
  ...{ remedy: 'correct its AE title, or let it in', explain: 'calling=CT9', pendingId: pendingCaller.id },
};
const denials = [
  denial,
  { ...denial, time: ago(140) },
  {
    ...{ ...denial, time: ago(720), event: 'command.refused', modality: 'xa1', callingAeTitle: 'XA1' },
    ...{
      sourceAddress: '10.1.2.13',
      command: 'C-FIND',
      sopClass: 'StudyRootQueryRetrieveInformationModelFind',
    },
    ...{ reason: 'command-not-allowed', text: 'the entry does not allow this command', pendingId: undefined },
    remedy: 'if the device needs it, add it to "allow" of its entry',
  },
  {
    ...{ time: ago(1400), outcome: 'denied', event: 'connection.refused', listener: 'tls' },
    ...{ sourceAddress: '10.1.2.16', reason: 'certificate-expired', text: 'the certificate has expired' },
    ...{ certificate: 'CN=mg1.radiology.example, ended 2 days ago' },
    remedy: 'renew it, e.g. with "aegis pki renew NAME", and install it on the device',
  },
];

const endMs = Math.floor(startMs / (BUCKET_SECONDS * 1000)) * BUCKET_SECONDS * 1000;
const fromMs = endMs - (BUCKETS - 1) * BUCKET_SECONDS * 1000;
/** Much by day, little by night. */
const load = (index) => {
  const hour = new Date(fromMs + index * BUCKET_SECONDS * 1000).getHours();
  return (hour >= 7 && hour <= 18 ? 1 : 0.12) * (0.4 + chance(index));
};
const column = (value) => Array.from({ length: BUCKETS }, (_, index) => Math.round(value(index)));
const history = {
  bucketSeconds: BUCKET_SECONDS,
  from: new Date(fromMs).toISOString(),
  associations: column((index) => load(index) * 14),
  bytes: column((index) => load(index) * 3.1e9 * chance(index + 7)),
  refusals: column((index) => (chance(index + 3) > 0.96 ? 1 + chance(index) * 5 : 0)),
};
const now = { from: new Date(endMs).toISOString(), associations: 9, bytes: 1.4e9, refusals: 1 };
const byHealth = { locked: 1, refused: 1, certificate: 1, silent: 1, ok: 37 };
const order = Object.keys(byHealth);
const attention = modalities
  .filter(({ health }) => health !== 'ok')
  .sort((one, other) => order.indexOf(one.health) - order.indexOf(other.health));
const overview = {
  ...{ time: ago(0), version: '0.1.0', startedAt: ago(266_400), denials, now, certificates: [] },
  sentence: {
    text: 'Enforcing; 4 of 41 modalities need you',
    tone: 'attention',
    details: ['1 of 2 servers of ORTHANC is down', '2 callers wait to be let in'],
  },
  upstreams: [
    { upstream: 'ORTHANC', server: '10.0.0.7:4242', isTls: true, isUp: true, since: ago(266_000) },
    {
      ...{ upstream: 'ORTHANC', server: '10.0.0.8:4242', isTls: true, isUp: false, since: ago(820) },
      detail: 'it refuses connections (ECONNREFUSED)',
    },
    { upstream: 'RESEARCH', server: '10.0.0.9:11112', isTls: true, isUp: true, since: ago(90_000) },
  ],
  modalities: { total: modalities.length, byHealth, attention },
  pending: { total: callers.length, callers },
  associations: { total: 3, open: [] },
  lastReload: { time: ago(5000), isOk: true },
};
const answers = {
  '/api/v1/history': history,
  '/api/v1/modalities': { total: modalities.length, modalities },
  '/api/v1/pending': { callers },
};
const files = {
  '/': ['index.html', 'text/html'],
  '/page.js': ['page.js', 'text/javascript'],
  '/page.css': ['page.css', 'text/css'],
  '/icon.svg': ['icon.svg', 'image/svg+xml'],
};

const server = createServer(({ url }, response) => {
  const { pathname } = new URL(url, 'http://localhost');
  const [file, type] = files[pathname] ?? [];
  if (file !== undefined) {
    response.writeHead(200, { 'content-type': `${type}; charset=utf-8` });
    response.end(readFileSync(`dist/dashboard/${file}`));
  } else if (pathname === '/api/v1/events') {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.write(`event: overview\ndata: ${JSON.stringify(overview)}\n\n`);
  } else {
    const answer = answers[pathname];
    response.writeHead(answer === undefined ? 404 : 200, { 'content-type': 'application/json' });
    response.end(JSON.stringify(answer ?? { error: 'the made-up gateway has no such answer' }));
  }
});
await new Promise((listening) => server.listen(0, '127.0.0.1', listening));
const url = `http://127.0.0.1:${server.address().port}/`;
if (process.argv.includes('--serve')) {
  process.stdout.write(`${url}\n`);
} else {
  const browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: ['--no-sandbox'] });
  for (const [name, colorScheme, width, height] of [
    ['light', 'light', 1280, 800],
    ['dark', 'dark', 1280, 800],
    ['narrow', 'light', 360, 740],
  ]) {
    const page = await browser.newPage({ colorScheme, viewport: { width, height } });
    await page.goto(url);
    await page.locator('.bars').first().waitFor();
    writeFileSync(`docs/dashboard-${name}.png`, smallPng(await page.screenshot()));
  }
  await browser.close();
  server.closeAllConnections();
  server.close();
}
