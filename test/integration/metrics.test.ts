/**
 * Metrics over two workers and a restart, beside what was sent; and what Prometheus makes of them, of the rules and of the
 * dashboard.
 */
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { expect, it } from '@jest/globals';
import { askAdmin } from '../support/adminHttp';
import { proposedContext } from '../support/dicomBytes';
import { Exposition } from '../support/exposition';
import { type ConfigurationInput, plainConfiguration } from '../support/gateway';
import { GatewayProcess } from '../support/gatewayProcess';
import { describeWithPeers } from '../support/peers';
import { temporaryFolder } from '../support/processes';
import { RawScu } from '../support/rawScu';
import { SpyUpstream } from '../support/spyUpstream';
import { SopClass } from '../support/uids';

const deploy = resolve(__dirname, '../../deploy');
const contexts = [proposedContext(1, SopClass.Verification), proposedContext(3, SopClass.CTImageStorage)];
const DATA_SET_BYTES = 2000;
const instance = {
  sopClassUid: SopClass.CTImageStorage,
  sopInstanceUid: '1.2.3',
  dataSet: Buffer.alloc(DATA_SET_BYTES, 'pixels'),
};

async function start(configuration: ConfigurationInput): Promise<GatewayProcess> {
  const gateway = await GatewayProcess.start(configuration);
  await gateway.process.waitForOutput(/\(admin HTTP\)\n/);
  return gateway;
}

async function scrape(gateway: GatewayProcess): Promise<string> {
  return (await askAdmin(gateway, '/metrics')).body;
}

/** 12 associations of 40 operations, in turn an echo, a store and a refused store, and 20 rejected ones: 500 in all. */
const OPERATIONS = { echoes: 168, stores: 156, refused: 156, rejected: 20, associations: 24 };

async function send(gateway: GatewayProcess): Promise<void> {
  const port = gateway.port('plain');
  const callers = Array.from({ length: 12 }, async () => {
    const ct1 = await RawScu.associated(port, { calling: 'CT1', called: 'ARCHIVE', contexts });
    const ws1 = await RawScu.associated(port, { calling: 'WS1', called: 'ARCHIVE', contexts });
    for (let round = 0; round < 13; round += 1) {
      await ct1.echo(1);
      expect(await ct1.store(3, instance)).toBe(0);
      expect(await ws1.store(3, instance)).toBe(0x0124);
    }
    await ct1.echo(1);
    await Promise.all([ct1.release(), ws1.release()]);
  });
  const strangers = Array.from({ length: 20 }, async () => {
    const stranger = await RawScu.connect({ port });
    expect(await stranger.associate({ calling: 'NOBODY', called: 'ARCHIVE', contexts })).toMatchObject({
      kind: 'rejected',
    });
    stranger.end();
  });
  await Promise.all([...callers, ...strangers]);
  await gateway.events('association.released', OPERATIONS.associations);
}

function expectCounts(text: string, times: number): void {
  const exposition = new Exposition(text);
  const commands = 'aegis_commands_total';
  expect(exposition.series(commands)).toEqual({
    [`${commands}{command="C-ECHO",modality="ct1",outcome="allowed",reason=""}`]: OPERATIONS.echoes * times,
    [`${commands}{command="C-STORE",modality="ct1",outcome="allowed",reason=""}`]: OPERATIONS.stores * times,
    [`${commands}{command="C-STORE",modality="ws1",outcome="denied",reason="command-not-allowed"}`]:
      OPERATIONS.refused * times,
  });
  const associations = 'aegis_associations_total';
  const of = (modality: string, outcome: string, reason = '') =>
    `${associations}{direction="ingress",modality="${modality}",outcome="${outcome}",reason="${reason}"}`;
  expect(exposition.series(associations)).toEqual({
    [of('ct1', 'allowed')]: 12 * times,
    [of('ws1', 'allowed')]: 12 * times,
    [of('', 'denied', 'calling-ae-title-unknown')]: OPERATIONS.rejected * times,
  });
  expect(exposition.value('aegis_relayed_bytes_total{direction="ingress",modality="ct1"}')).toBe(
    OPERATIONS.stores * DATA_SET_BYTES * times,
  );
  const duration = 'aegis_command_duration_seconds_count';
  expect(exposition.value(`${duration}{command="C-STORE"}`)).toBe(OPERATIONS.stores * times);
  const ofArchive = 'aegis_upstream_command_duration_seconds_count';
  expect(exposition.value(`${ofArchive}{command="C-STORE",upstream="ARCHIVE"}`)).toBe(
    OPERATIONS.stores * times,
  );
}

/** Runs it to its end, which has to be a good one. */
function promtool(words: readonly string[], input = ''): void {
  const { status, stdout, stderr } = spawnSync('promtool', words, { input, encoding: 'utf8' });
  expect(`${stdout}${stderr}exit code ${status}`).toMatch(/exit code 0$/);
}

/** Metrics of what these tests do not have. */
const OTHERS = [
  'aegis_modality_silent{instance="gw1",modality="ct1"}',
  'aegis_certificate_not_after_seconds{instance="gw1",kind="listener",name="tls"}',
  'aegis_connections_refused_total{instance="gw1",listener="tls",reason="certificate-missing"}',
  'up{job="aegis",instance="gw1"}',
  'aegis_modality_last_seen_seconds{instance="gw1",modality="ct1"}',
  'aegis_alerts_sent_total{instance="gw1",channel="mail"}',
  'aegis_alert_deliveries_failed_total{instance="gw1",channel="mail"}',
];

/** What was scraped, as it stands in Prometheus. */
function seriesOf(text: string): string[] {
  return text.split('\n').flatMap((line) => {
    const [, name, labels = ''] = /^(\w+)(?:\{(.*)\})? \S+$/.exec(line) ?? [];
    return name === undefined
      ? []
      : [`${name}{job="aegis",instance="gw1"${labels === '' ? '' : `,${labels}`}}`];
  });
}

interface Panel {
  readonly title: string;
  readonly targets: readonly { readonly expr: string }[];
}

function queriesOfDashboard(): string[] {
  const { panels } = JSON.parse(readFileSync(join(deploy, 'grafana-dashboard.json'), 'utf8'));
  const queries = (panels as Panel[]).flatMap(({ targets }) => targets.map(({ expr }) => expr));
  return queries.map((query) => query.replaceAll('$__rate_interval', '5m').replaceAll('$instance', '.*'));
}

describeWithPeers(['promtool'], 'metrics', () => {
  /** What the gateway of the first test shows in the end. */
  let scraped = '';

  it('equal what was sent, over two workers and a restart', async () => {
    const spy = await SpyUpstream.start({ keepsBytes: false });
    const folder = temporaryFolder();
    const ct1 = { allow: ['echo', 'store'] as const, dataSets: 'off' } as const;
    const configuration = plainConfiguration(
      spy.port,
      { ...ct1, allow: [...ct1.allow], maxAssociations: 20 },
      {
        workers: 2,
        admin: { port: 0 },
        stateDirectory: folder,
      },
    );
    configuration.modalities.ws1 = {
      callingAeTitle: 'WS1',
      from: '127.0.0.1',
      listeners: 'plain',
      allow: 'echo',
    };
    const before = await start(configuration);
    await send(before);
    expectCounts(await scrape(before), 1);
    expect((await before.process.stop()).exitCode).toBe(0);

    const after = await start(configuration);
    expectCounts(await scrape(after), 1);
    await send(after);
    const text = await scrape(after);
    expectCounts(text, 2);
    // A crash after a scrape: what it has shown is still there.
    after.process.kill('SIGKILL');
    await after.process.exited;
    const last = await start(configuration);
    expectCounts(await scrape(last), 2);
    scraped = text;
  });

  it('please Prometheus, and each query of the dashboard finds some', () => {
    promtool(['check', 'metrics'], scraped);
    const rules = queriesOfDashboard().map((expr, index) => ({
      record: `q${index}`,
      expr: `count(${expr}) > bool 0`,
    }));
    const folder = temporaryFolder();
    const ruleFile = join(folder, 'dashboard.json');
    writeFileSync(ruleFile, JSON.stringify({ groups: [{ name: 'dashboard', rules }] }));
    const test = {
      rule_files: [ruleFile],
      tests: [
        {
          interval: '1m',
          input_series: [...seriesOf(scraped), ...OTHERS].map((series) => ({ series, values: '1+1x30' })),
          promql_expr_test: rules.map(({ record }) => ({
            expr: record,
            eval_time: '30m',
            exp_samples: [{ labels: record, value: 1 }],
          })),
        },
      ],
    };
    const testFile = join(folder, 'dashboard.test.json');
    writeFileSync(testFile, JSON.stringify(test));
    promtool(['test', 'rules', testFile]);
  });

  it('have rules that Prometheus takes, and that fire when they should', () => {
    promtool(['check', 'rules', join(deploy, 'prometheus-rules.yml')]);
    promtool(['test', 'rules', join(deploy, 'prometheus-rules.test.yml')]);
  });
});
