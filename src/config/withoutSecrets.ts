/**
 * A configuration as others may see it: the same values, with a word in place of each secret. Paths of files stay; what is
 * in the files is not read. A key counts as a secret by its name, so that a new one is hidden unless somebody says otherwise.
 */
const SECRET_KEY = /(token|secret|password|passphrase|passcode|credentials?|apiKey|hmac)$/i;
const PUT_IN_PLACE = '(secret)';

/** By the path of a value, or its key alone. */
export function isSecret(path: string): boolean {
  return SECRET_KEY.test(path);
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

/** The address of a webhook is often all that is needed to use it: only where it goes to stays. */
function withoutSecretsOfUrl(text: string): string {
  if (!/^[a-z][a-z0-9+.-]*:\/\//i.test(text) || !URL.canParse(text)) return text;
  const { protocol, host, pathname, search, username, password } = new URL(text);
  const isPlain = pathname.length <= 1 && search === '' && username === '' && password === '';
  return isPlain ? text : `${protocol}//${host}/${PUT_IN_PLACE}`;
}
