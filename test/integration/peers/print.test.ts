/**
 * Printing: DCMTK's print client (dcmprscu) through the gateway to its print server (dcmprscp), as a workstation prints
 * films. One permission opens all of it.
 */
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from '@jest/globals';
import { writePart10 } from '../../support/dicomFiles';
import { TestGateway } from '../../support/gateway';
import { describeWithPeers } from '../../support/peers';
import { freePort, runProcess, startProcess, temporaryFolder } from '../../support/processes';
import { syntheticInstance } from '../../support/syntheticInstances';
import { SopClass, TransferSyntax } from '../../support/uids';

/** What the tools read: the print server, and the same printer once directly and once through the gateway. */
function configurationText(folder: string, serverPort: number, gatewayPort: number): string {
  const section = (name: string, keys: readonly string[]) => `[${name}]\n${keys.join('\n')}\n\n`;
  const printer = (port: number, type: string) => [
    'Aetitle = PRINTER',
    'Description = printer',
    'Hostname = 127.0.0.1',
    `Port = ${port}`,
    `Type = ${type}`,
    'DisplayFormat=1,1',
    'FilmSizeID = 8INX10IN',
    'MagnificationType = NONE',
    'MaxPDU = 32768',
    'MediumType = PAPER',
    'FilmDestination = PROCESSOR',
    'SupportsPresentationLUT = true',
    'Supports12Bit = true',
    'MaxColumns = 4096',
    'MaxRows = 4096',
  ];
  return [
    '[[GENERAL]]\n\n',
    section('APPLICATION', ['LogDirectory = .']),
    section('PRINT', [`Directory = ${join(folder, 'spool')}`]),
    section('DATABASE', [`Directory = ${join(folder, 'database')}`]),
    section('NETWORK', ['aetitle = VIEWER']),
    '[[COMMUNICATION]]\n\n',
    section('SERVER', printer(serverPort, 'LOCALPRINTER')),
    section('DIRECT', printer(serverPort, 'PRINTER')),
    section('THROUGH', printer(gatewayPort, 'PRINTER')),
  ].join('');
}

describeWithPeers(['dcmprscu', 'dcmprscp', 'dcmpsprt'], 'printing', () => {
  async function print(allow: 'print' | 'echo') {
    const folder = temporaryFolder();
    for (const name of ['spool', 'database']) mkdirSync(join(folder, name));
    const serverPort = await freePort();
    const gateway = await TestGateway.start({
      listeners: [{ name: 'plain', host: '127.0.0.1', port: 0 }],
      upstreams: { PRINTER: { servers: [`127.0.0.1:${serverPort}`] } },
      modalities: { viewer: { callingAeTitle: 'VIEWER', from: '127.0.0.1', listeners: 'plain', allow } },
    });
    const configuration = join(folder, 'print.cfg');
    writeFileSync(configuration, configurationText(folder, serverPort, gateway.port('plain')));
    const image = writePart10(
      folder,
      syntheticInstance('image', SopClass.CTImageStorage, TransferSyntax.ExplicitVrLittleEndian),
    );
    const tool = (name: string, ...rest: string[]) => runProcess(name, ['-v', '-c', configuration, ...rest]);
    const server = startProcess('dcmprscp', ['-v', '-c', configuration, '-p', 'SERVER']);
    await server.waitForOutput(/./);
    const film = await tool('dcmpsprt', '-p', 'THROUGH', image);
    const jobs = readdirSync(join(folder, 'database')).filter((name) => name.startsWith('SP_'));
    const job = join(folder, 'database', jobs[0] ?? `none: ${film.output}`);
    const direct = await tool('dcmprscu', '-p', 'DIRECT', job);
    const through = await tool('dcmprscu', '-p', 'THROUGH', job);
    return { gateway, direct, through };
  }

  it('prints with "print"', async () => {
    const { gateway, direct, through } = await print('print');
    expect([through.exitCode, direct.exitCode]).toEqual([0, 0]);
    await gateway.event({ event: 'association.released' });
    const commands = gateway.events
      .filter(({ event }) => event === 'command.completed')
      .map(({ command, sopClass, status }) => `${command} ${sopClass} ${status}`);
    expect(commands).toEqual([
      'N-GET Printer 0x0000',
      'N-CREATE PresentationLUT 0x0000',
      'N-CREATE BasicFilmSession 0x0000',
      'N-CREATE BasicFilmBox 0x0000',
      'N-SET BasicGrayscaleImageBox 0x0000',
      'N-ACTION BasicFilmBox 0x0000',
      'N-DELETE BasicFilmBox 0x0000',
      'N-DELETE BasicFilmSession 0x0000',
      'N-DELETE PresentationLUT 0x0000',
    ]);
  });

  it('refuses every part of it without', async () => {
    const { gateway } = await print('echo');
    expect(await gateway.event({ event: 'command.refused' })).toMatchObject({
      reason: 'command-not-allowed',
      command: 'N-GET',
      sopClass: 'Printer',
    });
    expect(gateway.events.filter(({ event }) => event === 'command.completed')).toEqual([]);
  });
});
