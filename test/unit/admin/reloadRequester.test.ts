import { expect, it } from '@jest/globals';
import { reloadRequester, requesterHeaders } from '../../../src/admin/reloadRequester';

const admin = { host: '127.0.0.1', port: 9762, tokenFile: '/etc/aegis/admin.token' };

it('takes what the command line says of itself, whatever letters an account has', () => {
  const headers = requesterHeaders({ by: 'admin', command: 'modality set', systemUser: 'jürg as root' });
  expect(reloadRequester({ headers, ip: '127.0.0.1' }, admin)).toEqual({
    by: 'admin',
    token: 'admin.tokenFile',
    sourceAddress: '127.0.0.1',
    command: 'modality set',
    systemUser: 'jürg as root',
  });
});

it.each([{}, { 'aegis-command': '%zz', 'aegis-user': '' }])(
  'goes without what is missing or odd: %j',
  (headers) => {
    expect(reloadRequester({ headers, ip: '::1' }, { ...admin, tokenFile: undefined })).toEqual({
      by: 'admin',
      token: 'admin.token',
      sourceAddress: '::1',
    });
  },
);

it('cuts what is long', () => {
  const headers = { 'aegis-command': 'x'.repeat(5000) };
  expect(reloadRequester({ headers, ip: '::1' }, admin).command).toHaveLength(64);
});
