/**
 * Distinguished names (X.501) as bytes and in words. Subjects that we make have a common name only; those of other
 * CAs and of requests have more.
 */
import { type Der, itemsOf, objectIdentifier, oidOf, sequence, set, textOf, utf8String } from './der';

const commonNameOid = '2.5.4.3';

/** As RFC 4514 §3 and OpenSSL abbreviate them. */
const attributeNames: Readonly<Record<string, string>> = {
  [commonNameOid]: 'CN',
  '2.5.4.5': 'serialNumber',
  '2.5.4.6': 'C',
  '2.5.4.7': 'L',
  '2.5.4.8': 'ST',
  '2.5.4.10': 'O',
  '2.5.4.11': 'OU',
  '0.9.2342.19200300.100.1.25': 'DC',
  '1.2.840.113549.1.9.1': 'emailAddress',
};

/** A name of one attribute, the common name. */
export const encodeCommonName = (commonName: string): Der =>
  sequence(set(sequence(objectIdentifier(commonNameOid), utf8String(commonName))));

/** `CN=ct1, O=Example`, in the order of the name; for people, not for comparing. */
export const formatName = (name: Der): string =>
  attributesOf(name)
    .map(({ oid, text }) => `${attributeNames[oid] ?? oid}=${text ?? '?'}`)
    .join(', ');

export const commonNamesOf = (name: Der): string[] =>
  attributesOf(name).flatMap(({ oid, text }) => (oid === commonNameOid && text !== undefined ? [text] : []));

function attributesOf(name: Der): { readonly oid: string; readonly text: string | undefined }[] {
  return itemsOf(name)
    .flatMap((relativeName) => [...itemsOf(relativeName)])
    .map((attribute) => {
      const [oid, value] = itemsOf(attribute);
      return { oid: oidOf(oid), text: textOf(value) };
    });
}
