/**
 * The gateway with a certificate from the CA of the hospital, which OpenSSL plays: request, answer, configuration, renewal.
 * DCMTK and OpenSSL check the chain that it shows.
 */
import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, it } from '@jest/globals';
import { registerPki } from '../../../src/commands/pki/pki';
import { runCommand } from '../../support/commandLine';
import { storescu } from '../../support/dcmtk';
import { writePart10 } from '../../support/dicomFiles';
import { GatewayProcess } from '../../support/gatewayProcess';
import { HospitalCa } from '../../support/hospitalCa';
import { Orthanc } from '../../support/orthanc';
import { describeWithPeers } from '../../support/peers';
import { runProcess, temporaryFolder } from '../../support/processes';
import { syntheticInstance } from '../../support/syntheticInstances';
import { SopClass, TransferSyntax } from '../../support/uids';

describeWithPeers(['openssl', 'Orthanc', 'storescu'], 'a gateway with a certificate of the hospital', () => {
  const directory = join(temporaryFolder(), 'certs');
  const inFolder = (name: string) => join(directory, name);
  let ca: HospitalCa;
  let orthanc: Orthanc;
  let gateway: GatewayProcess;

  function pki(verb: string, ...options: readonly string[]) {
    return runCommand(registerPki, ['pki', verb, '--dir', directory, ...options]);
  }

  /** As a peer that trusts the root alone. */
  async function connect(name: string) {
    const target = ['-connect', `127.0.0.1:${gateway.port('tls')}`, '-verify_hostname', name];
    const trust = ['-verify_return_error', '-CAfile', ca.file('root.crt')];
    const { output } = await runProcess('openssl', ['s_client', ...target, ...trust]);
    const [pem] = /-----BEGIN CERT[\s\S]*?-----END CERTIFICATE-----/.exec(output) ?? [];
    return { output, serialNumber: pem && new X509Certificate(pem).serialNumber };
  }

  beforeAll(async () => {
    ca = await HospitalCa.create();
    orthanc = await Orthanc.start();
    await pki('request', '--name', 'aegis.hospital.example', '--name', '127.0.0.1');
    const leaf = await ca.sign(inFolder('server.csr'));
    const names = ['root', 'issuing', 'policy'].map((name) => ca.file(`${name}.crt`));
    await pki('install', '--trust', await ca.pkcs7('DER', ...names, leaf));
    gateway = await GatewayProcess.start({
      listeners: [
        {
          name: 'tls',
          host: '127.0.0.1',
          port: 0,
          tls: {
            certificate: inFolder('server.crt'),
            privateKey: inFolder('server.key'),
            trustedCertificates: inFolder('server-ca.crt'),
          },
        },
      ],
      upstreams: { ORTHANC: { servers: [`127.0.0.1:${orthanc.dicomPort}`] } },
      modalities: {
        ct1: { callingAeTitle: 'CT1', from: '127.0.0.1', certificate: 'dns:ct1', allow: ['store'] },
      },
    });
  });

  it('shows a chain that OpenSSL verifies up to the root, by name', async () => {
    const { output } = await connect('aegis.hospital.example');
    expect(output).toContain('Verify return code: 0 (ok)');
    const other = await connect('pacs.example');
    expect(other.output).toContain('hostname mismatch');
  });

  it('takes an image of a modality with a certificate of the same CA', async () => {
    const instance = syntheticInstance('ct', SopClass.CTImageStorage, TransferSyntax.ExplicitVrLittleEndian);
    const certificate = await ca.device('ct1');
    const result = await storescu(
      {
        port: gateway.port('tls'),
        callingAeTitle: 'CT1',
        calledAeTitle: 'ORTHANC',
        tls: { certificate, ca: { certificateFile: ca.file('root.crt') } },
      },
      [writePart10(temporaryFolder(), instance)],
    );
    expect(result.statuses).toEqual([0x0000]);
    expect((await orthanc.storedInstance(instance.sopInstanceUid))?.sha256).toBe(instance.sha256);
  });

  it('goes on with the former pair until the renewed one is installed and the gateway has reloaded', async () => {
    const former = new X509Certificate(readFileSync(inFolder('server.crt'))).serialNumber;
    await pki('request', '--name', 'aegis.hospital.example', '--name', '127.0.0.1');
    gateway.process.kill('SIGHUP');
    await gateway.events('configuration.reloaded', 1);
    expect((await connect('aegis.hospital.example')).serialNumber).toBe(former);
    await pki('install', await ca.der(await ca.sign(inFolder('server.csr'))));
    gateway.process.kill('SIGHUP');
    await gateway.events('configuration.reloaded', 2);
    const { serialNumber, output } = await connect('aegis.hospital.example');
    expect(output).toContain('Verify return code: 0 (ok)');
    expect(serialNumber).toBe(new X509Certificate(readFileSync(inFolder('server.crt'))).serialNumber);
    expect(serialNumber).not.toBe(former);
  });
});
