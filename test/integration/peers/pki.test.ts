/**
 * What `aegis pki` issues, between real peers: DCMTK's tools accept each other with it, and the running gateway follows
 * its revocation list.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, it } from '@jest/globals';
import { registerPki } from '../../../src/commands/pki/pki';
import { certificationRequest } from '../../support/certificationRequests';
import { runCommand } from '../../support/commandLine';
import { type DcmtkTls, echoscu, Storescp, storescu } from '../../support/dcmtk';
import { writePart10 } from '../../support/dicomFiles';
import type { ConfigurationInput } from '../../support/gateway';
import { GatewayProcess } from '../../support/gatewayProcess';
import { describeWithPeers } from '../../support/peers';
import { temporaryFolder } from '../../support/processes';
import { SpyUpstream } from '../../support/spyUpstream';
import { syntheticInstances } from '../../support/syntheticInstances';

let folder: string;

function pki(verb: string, ...options: string[]) {
  return runCommand(registerPki, ['pki', verb, '--dir', folder, ...options]);
}

function inFolder(name: string) {
  return join(folder, name);
}

function tlsOf(name: string): DcmtkTls {
  return {
    certificate: { certificateFile: inFolder(`${name}.crt`), privateKeyFile: inFolder(`${name}.key`) },
    ca: { certificateFile: inFolder('ca.crt') },
  };
}

beforeAll(async () => {
  folder = join(temporaryFolder(), 'pki');
  await pki('init');
  await pki('server', '--name', 'localhost', '--name', '127.0.0.1');
  await pki('client', 'ct1');
  // A device that makes its key itself; the key is beside the request here, because the tools need it.
  const { pem, privateKey } = certificationRequest({ commonNames: ['mr1'], names: ['mr1.example'] });
  writeFileSync(inFolder('mr1.csr'), pem);
  writeFileSync(inFolder('mr1.key'), privateKey.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600 });
  await pki('sign', inFolder('mr1.csr'), '--yes');
});

describeWithPeers(['storescu', 'storescp'], 'storescu and storescp', () => {
  it.each([
    ['RSA', 'server', 'ct1'],
    ['ECDSA', 'server-ecdsa', 'mr1'],
    ['a modality that is dialled', 'ct1', 'mr1'],
  ])('accept each other: %s', async (_title, server, client) => {
    const [instance] = syntheticInstances();
    const file = writePart10(temporaryFolder(), instance!);
    const storescp = await Storescp.start({ tls: tlsOf(server) });
    const { statuses, errors } = await storescu({ port: storescp.port, tls: tlsOf(client) }, [file]);
    expect({ statuses, errors }).toEqual({ statuses: [0x0000], errors: [] });
    const received = storescp.instances.map(({ sopInstanceUid }) => sopInstanceUid);
    expect(received).toEqual([instance!.sopInstanceUid]);
  });

  it('accept each other after everything was renewed, also with the former certificate of the CA', async () => {
    const former = JSON.parse((await pki('renew', 'ca', '--json')).printed).keptFile as string;
    for (const name of ['server', 'ct1', 'mr1']) await pki('renew', name);
    const storescp = await Storescp.start({ tls: tlsOf('server') });
    for (const certificateFile of [inFolder('ca.crt'), former]) {
      const tls = { ...tlsOf('mr1'), ca: { certificateFile } };
      expect((await echoscu({ port: storescp.port, tls })).statuses).toEqual([0x0000]);
    }
  });
});

describeWithPeers(['echoscu'], 'the running gateway', () => {
  it('refuses a certificate once it is on the CRL and the gateway has reloaded, and no other', async () => {
    const spy = await SpyUpstream.start();
    const modality = (name: string) => ({
      ...{
        callingAeTitle: name.toUpperCase(),
        certificate: `cn:${name}`,
        from: '127.0.0.1',
        allow: 'echo' as const,
      },
    });
    const configuration: ConfigurationInput = {
      listeners: [
        {
          ...{ name: 'tls', host: '127.0.0.1', port: 0 },
          tls: {
            certificate: [inFolder('server.crt'), inFolder('server-ecdsa.crt')],
            privateKey: [inFolder('server.key'), inFolder('server-ecdsa.key')],
            trustedCertificates: inFolder('ca.crt'),
            crl: inFolder('ca.crl'),
          },
        },
      ],
      upstreams: { ARCHIVE: { servers: [`127.0.0.1:${spy.port}`] } },
      modalities: { ct1: modality('ct1'), mr1: modality('mr1') },
    };
    const gateway = await GatewayProcess.start(configuration);
    const echo = (name: string) =>
      echoscu({
        ...{ port: gateway.port('tls'), callingAeTitle: name.toUpperCase(), calledAeTitle: 'ARCHIVE' },
        tls: tlsOf(name),
      });
    expect((await echo('ct1')).statuses).toEqual([0x0000]);
    expect((await echo('mr1')).statuses).toEqual([0x0000]);

    await pki('revoke', 'ct1', '--reason', 'keyCompromise');
    gateway.reload(configuration);
    await gateway.event('configuration.reloaded');

    const connects = spy.connects;
    expect((await echo('ct1')).isAssociationAccepted).toBe(false);
    expect(await gateway.event('connection.refused')).toMatchObject({ reason: 'certificate-revoked' });
    expect(spy.connects).toBe(connects);
    expect((await echo('mr1')).statuses).toEqual([0x0000]);
  });
});
