/**
 * The page at `/` in a real browser, next to a gateway of two workers under real DICOM traffic: what is seen moves, what an
 * operator does there counts, and nothing leaves the gateway.
 */
import { beforeAll, expect, it } from '@jest/globals';
import type { Browser, Page } from 'playwright-core';
import { axeViolations, LAPTOP, type Opened, openPage, startBrowser } from '../support/browser';
import { Storescp, storescu } from '../support/dcmtk';
import { proposedContext } from '../support/dicomBytes';
import { writePart10 } from '../support/dicomFiles';
import type { ConfigurationInput } from '../support/gateway';
import { GatewayProcess } from '../support/gatewayProcess';
import { describeWithPeers } from '../support/peers';
import { freePort, temporaryFolder } from '../support/processes';
import { RawScu, storeInstance } from '../support/rawScu';
import { syntheticInstances } from '../support/syntheticInstances';
import { SopClass } from '../support/uids';
import { waitFor } from '../support/waiting';

const TOKEN = 'a-token-without-spaces';
const ARCHIVE = 'ARCHIVE';
/** A hospital: all of them can be shown. */
const MODALITIES = 500;
const HOSTILE_TITLE = '<i>CT1</i>';
/** Each page with its first heading. */
const PAGES = [
  ['', /^Enforcing/],
  ['modalities?health=locked', 'Modalities'],
  ['modalities/ct1', 'ct1'],
  ['modalities/ct1/sheet', 'DICOM connection of ct1'],
  ['associations', 'Associations'],
  ['pending', 'Pending callers'],
  ['certificates', 'Certificates by expiry'],
  ['explain?calling=CT9&called=ARCHIVE&from=127.0.0.1', 'Explain'],
  ['configuration', 'Configuration'],
] as const;
/** In the dark, contrast alone is another. The other pages have the same parts. */
const HAS_OWN_COLOURS: ReadonlySet<string> = new Set([
  '',
  'modalities/ct1',
  'modalities/ct1/sheet',
  'pending',
]);

const [instance, other] = syntheticInstances();
const contexts = [proposedContext(1, SopClass.Verification)];

describeWithPeers(['chromium', 'storescu', 'storescp'], 'the page', () => {
  let configuration: ConfigurationInput;
  let gateway: GatewayProcess;
  let archive: Storescp;
  let browser: Browser;
  let opened: Opened;
  let page: Page;
  let url: string;

  beforeAll(async () => {
    archive = await Storescp.start({ aeTitle: ARCHIVE });
    const entry = { from: '127.0.0.1', listeners: 'plain', allow: ['echo', 'store'] };
    const others = Array.from({ length: MODALITIES - 1 }, (_, index) => [
      `mr${index + 1}`,
      { ...entry, callingAeTitle: `MR${index + 1}` },
    ]);
    configuration = {
      listeners: [{ name: 'plain', host: '127.0.0.1', port: 0 }],
      upstreams: { [ARCHIVE]: { servers: [`127.0.0.1:${archive.port}`] } },
      modalities: { ct1: { ...entry, callingAeTitle: 'CT1' }, ...Object.fromEntries(others) },
      admin: { port: await freePort(), token: TOKEN },
      stateDirectory: temporaryFolder(),
      workers: 2,
      timeouts: { closeSeconds: 0.5 },
    };
    gateway = await GatewayProcess.start(configuration);
    await gateway.process.waitForOutput(/\(admin HTTP\)\n/);
    url = `http://127.0.0.1:${gateway.port('admin HTTP')}/`;
    browser = await startBrowser();
    opened = await openPage(browser, url);
    page = opened.page;
    await page.getByText('Live', { exact: true }).waitFor();
  }, 120_000);

  function caller(callingAeTitle: string) {
    return { port: gateway.port('plain'), calling: callingAeTitle, called: ARCHIVE };
  }

  async function refused(callingAeTitle: string): Promise<void> {
    const scu = await RawScu.connect({ port: gateway.port('plain') });
    const { kind } = await scu.associate({ ...caller(callingAeTitle), contexts });
    expect(kind).toBe('rejected');
    scu.end();
  }

  async function show(path: string, heading: string | RegExp): Promise<void> {
    await page.goto(`${url}#/${path}`);
    await page.getByRole('heading', { level: 1, name: heading }).waitFor();
    await waitFor('the answers', async () => !(await page.getByText('Loading…').first().isVisible()));
  }

  it('shows one sentence, the archive and all modalities on a screen of 1280×800', async () => {
    await page.getByRole('heading', { level: 1, name: /^Enforcing/ }).waitFor();
    await page.getByText(/^up for /).waitFor();
    await page.getByRole('link', { name: `all ${MODALITIES}` }).waitFor();
    expect(await sizeOf(page)).toEqual(LAPTOP);
  });

  it('moves its chart with what two workers relay', async () => {
    const callers = Array.from({ length: 20 }, (_, index) => caller(`MR${index + 1}`));
    const statuses = await Promise.all(callers.map((each) => storeInstance(each, instance!)));
    expect(new Set(statuses)).toEqual(new Set([0]));
    await page
      .locator('.strip', { hasText: 'Associations' })
      .getByText('20', { exact: true })
      .first()
      .waitFor();
    const slider = page.getByRole('slider');
    await slider.focus();
    await page.keyboard.press('End');
    expect(await slider.getAttribute('aria-valuetext')).toMatch(/: 20 associations, .* bytes, 0 refusals$/);
  });

  it('shows a caller with a hostile AE title as text', async () => {
    await refused(HOSTILE_TITLE);
    await page.getByText('<i>CT1</i> @ 127.0.0.1 → ARCHIVE').first().waitFor();
  });

  it('approves a refused caller, with keys and with the token, and its next store succeeds', async () => {
    const file = writePart10(temporaryFolder(), other!);
    const target = { port: gateway.port('plain'), callingAeTitle: 'CT9', calledAeTitle: ARCHIVE };
    expect((await storescu(target, [file])).rejection).toMatch(/Calling AE Title Not Recognized/);
    await page.getByRole('button', { name: 'Approve CT9 @ 127.0.0.1 → ARCHIVE' }).first().focus();
    await page.keyboard.press('Enter');
    const dialog = page.getByRole('dialog');
    await dialog.getByLabel(/C-STORE/).check();
    await dialog.getByLabel('Token of the gateway').fill('not-the-token-of-this-one');
    await page.keyboard.press('Enter');
    await dialog.getByRole('alert').getByText('The token is missing or wrong.').waitFor();
    await dialog.getByLabel('Token of the gateway').fill(TOKEN);
    await page.keyboard.press('Enter');
    await dialog.getByText('"callingAeTitle": "CT9"').waitFor();
    await dialog.getByRole('button', { name: 'Approve', exact: true }).click();
    await dialog.getByText(/^The gateway lets it in now/).waitFor();
    await page.keyboard.press('Escape');
    const before = archive.instances.length;
    expect((await storescu(target, [file])).statuses).toEqual([0]);
    expect(archive.instances.length).toBeGreaterThan(before);
    const [line] = await gateway.events('configuration.reloaded', 1);
    expect(line).toMatchObject({ requestedBy: { by: 'admin', sourceAddress: '127.0.0.1' } });
  });

  it('explains a denial by the code that decides', async () => {
    await refused('CT8');
    await page.getByRole('link', { name: /^Explain calling-ae-title-unknown of CT8/ }).click();
    await page.getByRole('heading', { name: /Refused/ }).waitFor();
    await page.getByText('A-ASSOCIATE-RJ').first().waitFor();
  });

  it('locks a modality, and its association ends', async () => {
    const scu = await RawScu.connect({ port: gateway.port('plain') });
    expect((await scu.associate({ ...caller('CT1'), contexts })).kind).toBe('accepted');
    await page.goto(`${url}#/modalities/ct1`);
    await page.getByText('CT1 @ 127.0.0.1 → ARCHIVE').waitFor();
    await page.getByRole('button', { name: 'Lock' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByLabel(/^Reason/).fill('stolen');
    await dialog.getByRole('button', { name: 'Lock' }).click();
    expect((await scu.readPdu())[0]).toBe(0x07);
    await page.getByRole('button', { name: 'Unlock' }).waitFor();
    await refused('CT1');
  });

  it('has nothing that axe finds wrong on any page, in light and in dark', async () => {
    for (const [path, heading] of PAGES) {
      await show(path, heading);
      await page.emulateMedia({ colorScheme: 'light' });
      expect({ path, wrong: await axeViolations(page) }).toEqual({ path, wrong: [] });
      if (!HAS_OWN_COLOURS.has(path)) continue;
      await page.emulateMedia({ colorScheme: 'dark' });
      expect({ path, wrong: await axeViolations(page, ['color-contrast']) }).toEqual({ path, wrong: [] });
    }
  }, 240_000);

  it('prints the sheet of a modality on one page', async () => {
    await show('modalities/ct1/sheet', 'DICOM connection of ct1');
    for (const format of ['A4', 'Letter']) {
      const paper = (await page.pdf({ format })).toString('latin1');
      expect(paper.match(/\/Type\s*\/Page\b/g)).toHaveLength(1);
    }
  });

  it('is not wider than a telephone of 360 pixels', async () => {
    await page.setViewportSize({ width: 360, height: 740 });
    for (const [path, heading] of PAGES) {
      await show(path, heading);
      expect({ path, width: (await sizeOf(page)).width }).toEqual({ path, width: 360 });
    }
    await page.setViewportSize(LAPTOP);
  });

  it('asks only the gateway, breaks no policy, and keeps the token in this tab', async () => {
    expect(opened.requests.filter((asked) => !asked.startsWith(url))).toEqual([]);
    expect(opened.requests.filter((asked) => asked.includes(TOKEN))).toEqual([]);
    // The wrong token above, and the questions that were still on their way.
    expect(opened.errors.filter((error) => !/status of 401/.test(error))).toEqual([]);
    const kept: string = await page.evaluate(
      'JSON.stringify([localStorage, sessionStorage, document.cookie, location.href])',
    );
    expect(kept).not.toContain(TOKEN);
    expect(gateway.process.stdout + gateway.process.stderr).not.toContain(TOKEN);
  });

  it('says that the gateway is away, and goes on by itself when it is back', async () => {
    await page.goto(`${url}#/`);
    expect(await gateway.process.stop()).toMatchObject({ exitCode: 0 });
    await page.getByText('Not connected', { exact: true }).waitFor();
    await page.getByRole('heading', { level: 1, name: /^Not connected: what is below was so at / }).waitFor();
    await GatewayProcess.start(configuration);
    await page.getByText('Live', { exact: true }).waitFor();
    await page.getByRole('heading', { level: 1, name: /^Enforcing/ }).waitFor();
  });
});

/** What would have to be scrolled to see all. */
async function sizeOf(page: Page): Promise<{ width: number; height: number }> {
  return page.evaluate(
    '({ width: document.documentElement.scrollWidth, height: document.documentElement.scrollHeight })',
  );
}
