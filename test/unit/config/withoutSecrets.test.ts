/** What of a configuration a stranger may see. */
import { expect, it } from '@jest/globals';
import { withoutSecrets } from '../../../src/config/withoutSecrets';

it('has no token, no password and nothing of a URL but its host, and keeps all else', () => {
  const shown = withoutSecrets({
    admin: { host: '127.0.0.1', token: '0123456789abcdef', tokenFile: '/etc/aegis/token' },
    alerts: {
      webhook: { url: 'https://hooks.example/T0/B0/xyz?key=1', hmacSecret: 'abc' },
      smtpPassword: 'pw',
    },
    listeners: [{ tls: { crl: ['http://user:pw@crl.example:8080/a.crl', 'ca.crl', 'auto'] } }],
    modalities: { ct1: { callingAeTitle: 'CT1', from: ['10.0.0.1'], passUserIdentity: false } },
    workers: 2,
    nothing: null,
  });
  expect(shown).toEqual({
    admin: { host: '127.0.0.1', token: '(removed)', tokenFile: '/etc/aegis/token' },
    alerts: {
      webhook: { url: 'https://hooks.example/(removed)', hmacSecret: '(removed)' },
      smtpPassword: '(removed)',
    },
    listeners: [{ tls: { crl: ['http://crl.example:8080/(removed)', 'ca.crl', 'auto'] } }],
    modalities: { ct1: { callingAeTitle: 'CT1', from: ['10.0.0.1'], passUserIdentity: false } },
    workers: 2,
    nothing: null,
  });
});
