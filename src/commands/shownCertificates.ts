/**
 * Asks the running gateway when the certificates end that modalities have shown to it. Part of `aegis check`: whether a
 * gateway runs is no matter of the configuration, so without one there is nothing to find.
 */

import { AdminClient, adminTarget, UnreachableError } from '../admin/adminClient';
import { type Clock, inspectDates, WARN_CERTIFICATE_DAYS } from '../config/files';
import type { Configuration } from '../config/schema';
import { OperatorError } from '../errors';
import type { Finding } from '../text/problems';

export async function inspectShownCertificates(
  admin: NonNullable<Configuration['admin']>,
  { failWithinDays = 0, now }: Clock,
): Promise<Finding[]> {
  if (admin.port === 0) return [];
  try {
    const { certificates } = await new AdminClient(adminTarget(admin)).status();
    return certificates
      .filter(({ kind }) => kind === 'modality')
      .flatMap(({ name, notAfter }) => [
        ...inspectDates(['modalities', name], {
          what: 'the certificate that it showed last',
          to: new Date(notAfter),
          advice: 'install a new one there, of our own CA from "aegis pki renew NAME"',
          warnWithinDays: Math.max(WARN_CERTIFICATE_DAYS, failWithinDays),
          failWithinDays,
          now,
        }),
      ]);
  } catch (error) {
    if (error instanceof UnreachableError) return [];
    if (!(error instanceof OperatorError)) throw error;
    return [{ path: ['admin'], message: error.message, severity: 'warning', kind: 'file' }];
  }
}
