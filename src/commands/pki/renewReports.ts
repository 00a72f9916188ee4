/** What `aegis pki renew` says: what is new, what stays, and who has to be told. */
import type { RenewedAuthority, RenewedRevocationList } from '../../pki/folderAuthority';
import type { RenewedCertificates } from '../../pki/folderRenewal';
import type { RenewalPlan } from '../../pki/renewalPlan';
import type { PinnedEntry } from './pinnedEntries';
import { day, describe, row, rows, stillAccepted, text } from './reportText';

const reload = 'reload the gateway (SIGHUP)';

export function reportRenewal(
  directory: string,
  configuration: string,
  plan: RenewalPlan,
  renewed: RenewedCertificates,
  pinnedEntries: readonly PinnedEntry[],
): string {
  const { certificates, pkcs12File, pkcs12PasswordFile, isKeyNew } = renewed;
  return text([
    ...certificates.flatMap((summary, index) => [
      ...(index === 0 ? [] : ['']),
      ...describe(
        `${plan.kind} certificate "${plan.name}", renewed for ${isKeyNew ? 'a new' : 'the same'} key`,
        summary,
      ),
    ]),
    ...(pkcs12File === undefined ? [] : [row('PKCS#12', pkcs12File)]),
    ...(pkcs12PasswordFile === undefined ? [] : [row('password', `generated, in ${pkcs12PasswordFile}`)]),
    ...rows('kept', renewed.keptFiles),
    ...stillAccepted(directory, renewed),
    '',
    'next:',
    ...(plan.name === 'server' ? serverSteps(renewed) : deviceSteps(renewed, configuration, pinnedEntries)),
  ]);
}

function serverSteps({ isKeyNew, certificates }: RenewedCertificates): string[] {
  const files = certificates.flatMap(({ certificateFile, privateKeyFile }) =>
    isKeyNew && privateKeyFile !== undefined ? [certificateFile, privateKeyFile] : [certificateFile],
  );
  return [
    `  put ${files.join(', ')} where the listener reads them, and ${reload}`,
    '  modalities that pin the certificate of the gateway, instead of trusting the CA, need the new one',
  ];
}

function deviceSteps(
  renewed: RenewedCertificates,
  configuration: string,
  pinnedEntries: readonly PinnedEntry[],
): string[] {
  const { certificates, isKeyNew, pkcs12File, pkcs12PasswordFile } = renewed;
  const [summary] = certificates;
  const { certificateFile, privateKeyFile, fingerprint, spkiFingerprint } = summary!;
  const files =
    isKeyNew && privateKeyFile !== undefined ? `${certificateFile} and ${privateKeyFile}` : certificateFile;
  return [
    `  copy ${pkcs12File === undefined ? files : `${pkcs12File} (or ${files})`} to the device`,
    ...(pkcs12PasswordFile === undefined ? [] : [`  then delete ${pkcs12PasswordFile}`]),
    ...pinnedEntries.map(
      ({ path }) =>
        `  ${path} in ${configuration} names the former one: add the new one before the device shows it`,
    ),
    ...(isKeyNew
      ? ['  entries that name it by "sha256:" or "spki-sha256:" need the new one:']
      : [
          '  entries that name it by "spki-sha256:", "cn:" or "dns:" stay as they are; by "sha256:" they need the new one:',
        ]),
    `    ${JSON.stringify(isKeyNew ? spkiFingerprint : fingerprint)}`,
  ];
}

export function reportRenewedAuthority(renewed: RenewedAuthority): string {
  const { authority, revocationListFile, keptFile, formerNotAfter } = renewed;
  return text([
    ...describe(`CA "${authority.commonName}", renewed for the same key`, authority),
    row('CRL', `${revocationListFile}, ends with it`),
    row('kept', keptFile),
    '',
    'everything that the CA issued stays valid',
    '',
    'next:',
    `  copy ${authority.certificateFile} to each modality before ${day(formerNotAfter.toISOString())}, when the one that it has ends`,
    `  put ${authority.certificateFile} and ${revocationListFile} where the listeners read them, and ${reload}`,
  ]);
}

export function reportRenewedList({ revocationListFile, nextUpdate }: RenewedRevocationList): string {
  return text([
    `CRL ${revocationListFile}, with all that was revoked`,
    row('next update', day(nextUpdate.toISOString())),
    '',
    `next: ${reload}, and copy the CRL to whatever else checks it`,
  ]);
}
