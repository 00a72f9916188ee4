/**
 * Rules of lint for what is not DICOM: the REST API, which can store, change and send everything, peers and plugins.
 */
import { isLoopback } from '../text/hostAndPort';
import { quoteValue } from '../text/quote';
import { booleanSetting } from './configuration';
import { stateOf } from './lintDicom';
import type { LintDraft, LintSubject } from './lintFinding';
import { pluginSections } from './settings';
import { isSince } from './version';

export function* lintHttp(subject: LintSubject): Generator<LintDraft> {
  if (booleanSetting(subject.configuration, 'HttpServerEnabled')) yield* restApi(subject);
  yield* peers(subject);
  yield* plugins(subject);
}

function* restApi(subject: LintSubject): Generator<LintDraft> {
  const { configuration } = subject;
  if (booleanSetting(configuration, 'ExecuteLuaEnabled')) {
    yield {
      code: 'lua-over-http',
      severity: 'warning',
      path: [],
      key: 'ExecuteLuaEnabled',
      message: 'is true: anyone who reaches the REST API can run scripts as Orthanc; set it to false',
    };
  }
  if (!booleanSetting(configuration, 'RemoteAccessAllowed')) return;
  const isBound = isBoundToLoopback(subject);
  const hasPasswords = isAuthenticated(subject);
  const password = hasPasswords ? knownPassword(subject) : undefined;
  if (!hasPasswords && !isAuthorizedByPlugin(subject)) {
    yield {
      code: 'http-open',
      severity: isBound ? 'warning' : 'hole',
      path: [],
      key: 'RemoteAccessAllowed',
      message:
        'is true without AuthenticationEnabled: anyone can store, delete, send and change DicomModalities over HTTP; set it to false, or AuthenticationEnabled to true',
    };
  } else if (password !== undefined) {
    yield { code: 'http-password', severity: isBound ? 'warning' : 'hole', ...password };
  } else if (!isBound) {
    const inTheClear = booleanSetting(configuration, 'SslEnabled') ? '' : ', and in the clear';
    yield {
      code: 'http-remote',
      severity: 'warning',
      path: [],
      key: 'RemoteAccessAllowed',
      message: `${stateOf(subject, 'RemoteAccessAllowed')}: its users can store, delete and send over HTTP, bypassing the gateway${inTheClear}; set it to false if it is not needed`,
    };
  }
}

/** Since 1.12.10. Behind a reverse proxy on this machine, all the same, others may come. */
function isBoundToLoopback({ configuration, version }: LintSubject): boolean {
  const addresses = configuration.settings.HttpBindAddresses;
  if (!isSince(version, '1.12.10') || !Array.isArray(addresses) || addresses.length === 0) return false;
  return addresses.every((address) => typeof address === 'string' && isLoopback(address));
}

/** Not set, it follows RemoteAccessAllowed since 1.5.8, and was false before. */
function isAuthenticated({ configuration, version }: LintSubject): boolean {
  const isEnabled = configuration.settings.AuthenticationEnabled;
  return typeof isEnabled === 'boolean' ? isEnabled : isSince(version, '1.5.8');
}

/** The plugin asks a service of the site about each request. */
function isAuthorizedByPlugin({ configuration }: LintSubject): boolean {
  const { Authorization } = configuration.settings;
  return typeof Authorization === 'object' && Authorization !== null && !Array.isArray(Authorization);
}

/** Without users, Orthanc creates one with a known password. */
function knownPassword({
  configuration,
}: LintSubject): Pick<LintDraft, 'path' | 'key' | 'message'> | undefined {
  const users = configuration.settings.RegisteredUsers;
  const hasUsers = typeof users === 'object' && users !== null && Object.keys(users).length > 0;
  if (!hasUsers) {
    const message =
      'is true and RegisteredUsers is empty, so Orthanc creates the user "orthanc" with the password "orthanc", a known default; add users of your own';
    return { path: [], key: 'RemoteAccessAllowed', message };
  }
  const known = Object.entries(users).find(
    ([user, password]) => password === user || password === `${user}Password`,
  );
  if (known === undefined) return undefined;
  return {
    path: ['RegisteredUsers'],
    key: known[0],
    message:
      'has a password that follows from the name: anyone can store, delete and send over HTTP; choose another',
  };
}

function* peers({ configuration }: LintSubject): Generator<LintDraft> {
  if (booleanSetting(configuration, 'OrthancPeersInDatabase')) {
    yield {
      code: 'peers',
      severity: 'warning',
      path: [],
      key: 'OrthancPeersInDatabase',
      message:
        'is true: the database says where Orthanc sends over HTTP, bypassing the gateway; list it there',
    };
    return;
  }
  yield* httpTargets('peers', ['OrthancPeers'], configuration.settings.OrthancPeers);
}

/** Entries `name: [url, …]` or `name: { "Url": url }`, as OrthancPeers and DicomWeb.Servers have them. */
function* httpTargets(
  code: 'peers' | 'plugin',
  path: readonly string[],
  section: unknown,
): Generator<LintDraft> {
  if (typeof section !== 'object' || section === null || Array.isArray(section)) return;
  for (const [name, entry] of Object.entries(section)) {
    const url: unknown = Array.isArray(entry) ? entry[0] : (entry as { Url?: unknown } | null)?.Url;
    if (typeof url !== 'string') continue;
    const host = /^https?:\/\/(?:[^@/]*@)?(\[[^\]]*\]|[^:/]*)/i.exec(url)?.[1]?.replace(/^\[|\]$/g, '') ?? '';
    if (isLoopback(host)) continue;
    const isInTheClear = !/^https:/i.test(url);
    yield {
      code,
      severity: isInTheClear ? 'hole' : 'warning',
      path: [...path, name],
      message: `leads to ${quoteValue(host)}: what Orthanc sends there goes over ${isInTheClear ? 'HTTP, in the clear, and' : 'HTTPS and'} bypasses the gateway; ${isInTheClear ? 'use https, or take it out' : 'keep it only where that is meant'}`,
    };
  }
}

const pluginWords = {
  'dicom-port': 'opens further DICOM ports in the clear, which no gateway guards; take it out',
  http: 'receives or sends instances over HTTP, bypassing the gateway; keep it only if that is intended',
} as const;

function* plugins({ configuration }: LintSubject): Generator<LintDraft> {
  const { settings } = configuration;
  for (const [section, danger] of Object.entries(pluginSections)) {
    const value = settings[section];
    if (danger === undefined || typeof value !== 'object' || value === null) continue;
    const { Enable, Servers } = value as { Enable?: unknown; Servers?: unknown };
    if (Enable === false) continue;
    yield {
      code: 'plugin',
      severity: danger === 'dicom-port' ? 'hole' : 'warning',
      path: [],
      key: section,
      message: pluginWords[danger],
    };
    if (section === 'DicomWeb') yield* httpTargets('plugin', [section, 'Servers'], Servers);
  }
  const { Plugins } = settings;
  if (!Array.isArray(Plugins) || Plugins.length === 0) return;
  yield {
    code: 'plugin',
    severity: 'info',
    path: [],
    key: 'Plugins',
    message:
      'loads plugins, which may listen and send by themselves, also without a section of their own here',
  };
}
