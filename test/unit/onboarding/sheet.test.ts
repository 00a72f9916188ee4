import { describe, expect, it } from '@jest/globals';
import { parseConfiguration } from '../../../src/config/load';
import { listenerFacts } from '../../../src/onboarding/listenerFacts';
import { onboardingSheet } from '../../../src/onboarding/sheet';
import { sheetHtml } from '../../../src/onboarding/sheetHtml';
import { sheetMarkdown } from '../../../src/onboarding/sheetMarkdown';
import { testCertificates } from '../../support/certificates';

const certificates = testCertificates();
const ca = certificates.issue('Sheet CA', { isCa: true });
const server = certificates.issue('pacs', { issuer: ca, names: ['pacs.example.org'] });
const tls = {
  certificate: server.certificateFile,
  privateKey: server.privateKeyFile,
  trustedCertificates: ca.certificateFile,
};

function sheetOf(
  name: string,
  entry: object,
  hosts: readonly string[] = ['pacs.example.org'],
  plainHost = '10.1.0.2',
) {
  const text = JSON.stringify({
    listeners: [
      { name: 'tls', port: 2762, tls },
      { name: 'plain', host: plainHost, port: 11112 },
    ],
    upstreams: { ORTHANC: { servers: ['127.0.0.1:4242'] } },
    modalities: { [name]: { callingAeTitle: 'CT1', from: '10.1.2.10', allow: ['echo'], ...entry } },
  });
  const { configuration, problems } = parseConfiguration(text, '/aegis.jsonc', {});
  expect(problems.filter(({ severity }) => severity === 'error')).toEqual([]);
  const { listeners } = listenerFacts(configuration!, configuration!.modalities[name]!);
  const date = new Date('2026-11-25T10:00:00Z');
  const sheet = onboardingSheet({
    name,
    configuration: configuration!,
    listeners,
    hosts,
    deviceFiles: undefined,
    date,
  });
  return { markdown: sheetMarkdown(sheet), html: sheetHtml(sheet) };
}

describe('the onboarding sheet', () => {
  it('shows whatever is in a name or a title as it is', () => {
    const name = '<script>alert(1)</script> | [x](javascript:y) `z` "\'&';
    const { markdown, html } = sheetOf(name, { callingAeTitle: ['<i>|`*_#[a](b)', "$(touch x)'"] });
    expect(html).not.toMatch(/<(script|i)>/);
    expect(html).toContain('&#60;script&#62;alert(1)&#60;/script&#62;');
    expect(html).not.toMatch(/ (href|src|on\w+)=/);
    // Commands are indented code, where nothing is taken for markup.
    const prose = markdown.replace(/^ {4}.*$/gm, '');
    expect(prose).not.toMatch(/(?<!\\)[<>`[\]]/);
    for (const row of prose.split('\n').filter((line) => line.startsWith('| '))) {
      expect(row.replaceAll(/\\./g, '').split('|').length).toBeLessThanOrEqual(5);
    }
    // Nothing that a shell would run.
    expect(markdown).toContain("--calling '<i>|`*_#[a](b)'");
  });

  it('needs nothing but itself', () => {
    const { html } = sheetOf('ct1', {});
    expect(html).toContain(`content="default-src 'none'; style-src 'unsafe-inline'"`);
    expect(html).not.toMatch(/https?:|@import|url\(/);
  });

  it('leaves a line for an unknown host', () => {
    expect(sheetOf('ct1', {}, []).markdown).toContain('| host | \\_');
  });

  it('says that a device on trial is on trial, and where it may have images sent', () => {
    const { markdown } = sheetOf('ct1', { mode: 'observe', allow: ['move'], moveDestinations: '*' });
    expect(markdown).toContain('On trial: for now, what is not listed is also relayed, and logged.');
    expect(markdown).toContain('| it may have images sent to | any |');
  });

  it('shows no certificates to a device without TLS', () => {
    const { markdown } = sheetOf('us1', { listeners: 'plain' });
    expect(markdown).toContain('| port | 11112 (without TLS) |');
    expect(markdown).toContain('none: the connection is without TLS');
    expect(markdown).toContain('    echoscu -aet CT1 -aec ORTHANC pacs.example.org 11112\n');
    expect(markdown).not.toContain('SHA-256');
  });

  it('says which of several ports is where', () => {
    const listeners = ['plain', 'tls'];
    expect(sheetOf('us1', { listeners }).markdown).toContain(
      '| port | 2762 (TLS); 11112 (without TLS, at 10.1.0.2) |',
    );
  });

  it('says that a port is for the gateway itself, and tests another', () => {
    const hosts = ['pacs.example.org'];
    const mixed = sheetOf('us1', { listeners: ['plain', 'tls'] }, hosts, '127.0.0.1').markdown;
    expect(mixed).toContain('| port | 2762 (TLS); 11112 (without TLS, only on the gateway itself) |');
    const onGateway = { listeners: 'plain', from: '127.0.0.1' };
    expect(sheetOf('us1', onGateway, hosts, '127.0.0.1').markdown).toContain(
      '| port | 11112 (without TLS) |',
    );
  });

  it('shortens lists that would not fit on the page', () => {
    const from = Array.from({ length: 20 }, (_, index) => `10.1.2.${index}`);
    expect(sheetOf('ct1', { from }).markdown).toContain('10.1.2.7; and 12 more |');
  });
});
