/**
 * Archives that speak TLS only: the suite of C-FIND, C-MOVE and C-GET again with such an Orthanc, what the commands say of
 * it, and a gateway beside the device. With AEGIS_TEST_ARCHIVE_TLS=1, every suite of this folder runs so.
 */
process.env.AEGIS_TEST_ARCHIVE_TLS = '1';

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, it } from '@jest/globals';
import { registerCheck } from '../../../src/commands/check';
import { registerEcho } from '../../../src/commands/echo/echo';
import { archiveCertificates, upstreamTls } from '../../support/archiveOverTls';
import { runCommand } from '../../support/commandLine';
import { echoscu, Storescp, storescu } from '../../support/dcmtk';
import { writePart10 } from '../../support/dicomFiles';
import { type ConfigurationInput, TestGateway } from '../../support/gateway';
import { Orthanc } from '../../support/orthanc';
import { describeWithPeers } from '../../support/peers';
import { temporaryFolder } from '../../support/processes';
import { syntheticInstance } from '../../support/syntheticInstances';
import { SopClass, TransferSyntax } from '../../support/uids';
import './retrieve.test';

const { ca, server, gateway: shown } = archiveCertificates();
const instance = syntheticInstance('ct', SopClass.CTImageStorage, TransferSyntax.ExplicitVrLittleEndian);

function plainGateway(
  upstreamServer: string,
  tls = upstreamTls(),
  callingAeTitle = 'US3',
): ConfigurationInput {
  return {
    listeners: [{ name: 'device', host: '127.0.0.1', port: 0 }],
    upstreams: { ORTHANC: { servers: upstreamServer, tls } },
    modalities: {
      us3: { callingAeTitle, from: '127.0.0.1', listeners: 'device', allow: ['echo', 'store'] },
    },
  };
}

describeWithPeers(['Orthanc', 'storescu'], 'a gateway beside a device that cannot do TLS', () => {
  let orthanc: Orthanc;
  beforeAll(async () => {
    orthanc = await Orthanc.start();
  });

  it('brings its images to Orthanc over TLS with its certificate, and no other title', async () => {
    const atArchive = await TestGateway.start({
      listeners: [
        {
          name: 'tls',
          host: '127.0.0.1',
          port: 0,
          tls: {
            certificate: server.certificateFile,
            privateKey: server.privateKeyFile,
            trustedCertificates: ca.certificateFile,
          },
        },
      ],
      upstreams: { ORTHANC: { servers: `127.0.0.1:${orthanc.dicomPort}` } },
      modalities: {
        us3: {
          callingAeTitle: 'US3',
          from: '127.0.0.1',
          certificate: 'cn:gateway',
          allow: ['echo', 'store'],
        },
      },
    });
    const farServer = `127.0.0.1:${atArchive.port()}`;
    const beside = await TestGateway.start(plainGateway(farServer));
    const target = { port: beside.port(), callingAeTitle: 'US3', calledAeTitle: 'ORTHANC' };
    const stored = await storescu(target, [writePart10(temporaryFolder(), instance)]);
    expect(stored).toMatchObject({ exitCode: 0, statuses: [0x0000] });
    expect((await orthanc.storedInstance(instance.sopInstanceUid))?.sha256).toBe(instance.sha256);
    // Each gateway says what it saw: the far one the certificate, and both the TLS of their own way.
    expect(await beside.event({ event: 'association.accepted' })).toMatchObject({
      upstreamTls: { subject: server.x509.subject },
    });
    expect(await atArchive.event({ event: 'association.accepted' })).toMatchObject({
      modality: 'us3',
      tls: { subject: shown.x509.subject },
      upstreamTls: { protocol: 'TLSv1.3' },
    });
    // AEGIS is in no entry over there. That is an answer all the same.
    expect(await beside.gateway.health?.isAnyUp()).toBe(true);

    await beside.reload(plainGateway(farServer, upstreamTls(), 'CT1'));
    expect(await echoscu({ ...target, callingAeTitle: 'CT1' })).toMatchObject({
      rejection: 'Rejected Permanent, Service User, Calling AE Title Not Recognized',
    });
  });
});

describeWithPeers(['Orthanc'], 'what the commands say of an Orthanc over TLS', () => {
  let server: string;
  beforeAll(async () => {
    server = (await Orthanc.start()).tlsServer;
  });

  const run = async (register: typeof registerEcho, tls: object, ...words: string[]) => {
    const file = join(temporaryFolder(), 'aegis.jsonc');
    writeFileSync(file, JSON.stringify(plainGateway(server, { ...upstreamTls(), ...tls })));
    return await runCommand(register, ['--config', file, ...words]);
  };

  it('aegis echo shows each step', async () => {
    const { exitCode, printed } = await run(registerEcho, {}, 'echo', 'ORTHANC');
    expect(printed).toContain('(upstream ORTHANC, TLS)');
    expect(printed).toMatch(/ok +TLS .*TLSv1\.[23]/);
    expect(exitCode).toBe(0);
  });

  it.each<[string, object, RegExp]>([
    ['another name', { serverName: 'other.example' }, /is not reached over TLS: .*other\.example/],
    [
      'no certificate to show',
      { certificate: undefined, privateKey: undefined },
      /over TLS: .*certificate required/,
    ],
  ])('aegis check says why it is not reached with %s', async (_what, tls, words) => {
    const { exitCode, printed } = await run(registerCheck, tls, 'check');
    expect(printed.replace(/\s+/g, ' ')).toMatch(words);
    expect(exitCode).toBe(1);
  });
});

describeWithPeers(['storescp', 'storescu'], 'a storescp', () => {
  it('that does TLS gets what was sent', async () => {
    const archive = await Storescp.start({ tls: { certificate: server, ca } });
    const gateway = await TestGateway.start(plainGateway(`127.0.0.1:${archive.port}`));
    const target = { port: gateway.port(), callingAeTitle: 'US3', calledAeTitle: 'ORTHANC' };
    const stored = await storescu(target, [writePart10(temporaryFolder(), instance)]);
    expect(stored).toMatchObject({ exitCode: 0, statuses: [0x0000] });
    expect(archive.instances.map(({ sha256 }) => sha256)).toEqual([instance.sha256]);
  });

  it('that does none is not sent a byte of DICOM', async () => {
    const archive = await Storescp.start();
    const gateway = await TestGateway.start(plainGateway(`127.0.0.1:${archive.port}`));
    const target = { port: gateway.port(), callingAeTitle: 'US3', calledAeTitle: 'ORTHANC' };
    expect(await echoscu(target)).toMatchObject({ isAssociationAccepted: false });
    expect(await gateway.event({ event: 'association.rejected' })).toMatchObject({
      reason: expect.stringMatching(/^tls-/),
      outcome: 'failed',
    });
  });
});
