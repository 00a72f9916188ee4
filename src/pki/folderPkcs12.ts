/**
 * The PKCS#12 file of a modality in the folder of a CA, and the file with its password where that was generated.
 */
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type FileToWrite, SECRET_MODE } from '../files/write';
import { encodePkcs12, isLegacyPkcs12 } from '../x509/pkcs12';

export interface Pkcs12Choice {
  readonly password: string;
  /** The password is then kept beside the .p12 file, since nobody knows it. */
  readonly isPasswordGenerated: boolean;
  /** Triple DES instead of AES-256. */
  readonly isLegacy: boolean;
}

export interface WrittenPkcs12 {
  readonly pkcs12File: string;
  /** Only where the password was generated. */
  readonly pkcs12PasswordFile?: string;
}

export const pkcs12Paths = (directory: string, fileName: string) => ({
  pkcs12File: join(directory, `${fileName}.p12`),
  pkcs12PasswordFile: join(directory, `${fileName}.p12.password`),
});

/** What is to be written for this choice, in memory. */
export function pkcs12Files(
  directory: string,
  name: string,
  choice: Pkcs12Choice,
  pem: {
    readonly privateKeyPem: string;
    readonly certificatePem: string;
    readonly authorityCertificatePem: string;
  },
): { readonly files: readonly FileToWrite[]; readonly written: WrittenPkcs12 } {
  const { pkcs12File, pkcs12PasswordFile } = pkcs12Paths(directory, name);
  const content = encodePkcs12({ ...pem, ...choice, friendlyName: name });
  const pkcs12 = { path: pkcs12File, content, mode: SECRET_MODE } as const;
  if (!choice.isPasswordGenerated) return { files: [pkcs12], written: { pkcs12File } };
  const password = { path: pkcs12PasswordFile, content: `${choice.password}\n`, mode: SECRET_MODE } as const;
  return { files: [pkcs12, password], written: { pkcs12File, pkcs12PasswordFile } };
}

/** The generated password of a .p12 file that was replaced would only mislead. */
export async function removeStalePassword(
  directory: string,
  name: string,
  { isPasswordGenerated }: Pkcs12Choice,
): Promise<void> {
  if (!isPasswordGenerated) await rm(pkcs12Paths(directory, name).pkcs12PasswordFile, { force: true });
}

/** Whether the .p12 file that is there is one for old devices; false where there is none. */
export async function hasLegacyPkcs12(directory: string, name: string): Promise<boolean> {
  const content = await readFile(pkcs12Paths(directory, name).pkcs12File).catch(() => undefined);
  return content !== undefined && isLegacyPkcs12(content);
}
