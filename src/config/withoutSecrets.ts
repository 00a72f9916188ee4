/**
 * A configuration that may be shown to a stranger: without tokens, passwords and what URLs may carry. Names, AE titles,
 * addresses and paths of files stay. Knows no keys by heart: a key that is added later is covered by its name.
 */

const REMOVED = '(removed)';

/** `tokenFile` names a file, and says nothing of what is in it. */
const SECRET_KEY = /(token|password|passcode|passphrase|secret|hmac|credential|authorization|apiKey)/i;
const NAMES_A_FILE = /(file|path|directory)$/i;
const URL_TEXT = /^[a-z][a-z0-9+.-]*:\/\//i;

export function withoutSecrets(value: unknown, key = ''): unknown {
  if (value === undefined || value === null) return value;
  if (SECRET_KEY.test(key) && !NAMES_A_FILE.test(key) && value !== false && value !== true) return REMOVED;
  if (Array.isArray(value)) return value.map((item) => withoutSecrets(item, key));
  if (typeof value === 'object') {
    return Object.fromEntries(
      Object.entries(value).map(([name, inner]) => [name, withoutSecrets(inner, name)]),
    );
  }
  return typeof value === 'string' && URL_TEXT.test(value) ? withoutUrlSecrets(value) : value;
}

/** User, password, path and query may let anybody in: webhooks are known by their path alone. */
function withoutUrlSecrets(text: string): string {
  if (!URL.canParse(text)) return REMOVED;
  const { protocol, host } = new URL(text);
  return `${protocol}//${host}/${REMOVED}`;
}
