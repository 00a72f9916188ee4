/**
 * A configuration as others may see it: the same values, with a word in place of each secret. Paths of files stay; what is
 * in the files is not read. A key counts as a secret by its name, so that a new one is hidden unless somebody says otherwise.
 */
const SECRET_KEY = /(token|secret|password|passphrase|passcode|credential|authorization|apiKey|hmac)/i;
/** `tokenFile` names a file, and says nothing of what is in it. */
const NAMES_A_FILE = /(file|path|directory)$/i;
export const PUT_IN_PLACE = '(secret)';

/** By the path of a value, or its key alone. */
export function isSecret(path: string): boolean {
  const key = path.slice(path.lastIndexOf('.') + 1);
  return SECRET_KEY.test(key) && !NAMES_A_FILE.test(key);
}

/** Takes a configuration, or a part of one. */
export function withoutSecrets(value: unknown, key = ''): unknown {
  if (Array.isArray(value)) return value.map((item) => withoutSecrets(item, key));
  if (typeof value === 'object' && value !== null) {
    return Object.fromEntries(
      Object.entries(value).map(([name, part]) => [name, withoutSecrets(part, name)]),
    );
  }
  if (typeof value !== 'string') return value;
  return isSecret(key) ? PUT_IN_PLACE : withoutSecretsOfUrl(value);
}

/** The values that have a word in their place there, for texts that may hold them: the log of an older version did. */
export function secretsIn(value: unknown, key = ''): string[] {
  if (typeof value === 'object' && value !== null) {
    return Object.entries(value).flatMap(([name, part]) =>
      secretsIn(part, Array.isArray(value) ? key : name),
    );
  }
  return typeof value === 'string' && value !== '' && withoutSecrets(value, key) !== value ? [value] : [];
}

/** The address of a webhook is often all that is needed to use it: only where it goes to stays. */
function withoutSecretsOfUrl(text: string): string {
  if (!/^[a-z][a-z0-9+.-]*:\/\//i.test(text)) return text;
  if (!URL.canParse(text)) return PUT_IN_PLACE;
  const { protocol, host, pathname, search, username, password } = new URL(text);
  const isPlain = pathname.length <= 1 && search === '' && username === '' && password === '';
  return isPlain ? text : `${protocol}//${host}/${PUT_IN_PLACE}`;
}
