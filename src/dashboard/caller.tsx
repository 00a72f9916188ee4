/** A pending caller in one line, and with all that is known of it. Text of the device is escaped. */
import type { PendingPageCaller } from '../admin/pageReport';
import { Facts, Moment } from './parts';
import { countText, momentText, sentence, titleText } from './words';

/** Of SOP classes; what is longer is opened by a click. */
const MAX_LISTED = 12;

/** `CT9 @ 10.1.2.9 → ORTHANC`; of a refused certificate, only the address is known. */
export function pendingTitle({ callingAeTitle, sourceAddress, calledAeTitle }: PendingPageCaller): string {
  return callingAeTitle === ''
    ? sourceAddress
    : `${titleText(callingAeTitle)} @ ${sourceAddress} → ${titleText(calledAeTitle)}`;
}

export function CallerFacts({ caller }: { readonly caller: PendingPageCaller }) {
  const { certificate, listener, isTls, implementationVersionName, implementationClassUid } = caller;
  return (
    <Facts
      rows={[
        [
          'refused',
          <>
            {caller.count === 1 ? 'once' : `${countText(caller.count)} times`}, last{' '}
            <Moment time={caller.lastSeen} />, first <Moment time={caller.firstSeen} />
          </>,
        ],
        ['listener', `${titleText(listener)} (${isTls ? 'TLS' : 'plain'})`],
        [
          'certificate',
          certificate === undefined
            ? ''
            : `${titleText(certificate.subject)}, issued by ${titleText(certificate.issuer)}${
                certificate.notAfter === undefined
                  ? ''
                  : `, until ${momentText(certificate.notAfter).slice(0, 10)}`
              }`,
        ],
        ['not trusted', certificate?.untrusted === undefined ? '' : sentence(certificate.untrusted)],
        ['key', certificate?.key ?? ''],
        ['SHA-256', certificate === undefined ? '' : <code class="long">{certificate.fingerprint256}</code>],
        [
          'SHA-256 of the key',
          certificate?.spkiSha256 === undefined ? '' : <code class="long">{certificate.spkiSha256}</code>,
        ],
        [
          'device',
          [implementationVersionName, implementationClassUid]
            .filter((text) => text !== undefined)
            .map(titleText)
            .join(', '),
        ],
        [
          'proposes',
          caller.proposedSopClasses.length === 0 ? '' : <Proposed sopClasses={caller.proposedSopClasses} />,
        ],
        ['refused commands', caller.commands.map(titleText).join(', ')],
      ]}
    />
  );
}

/** A workstation can propose everything there is. */
function Proposed({ sopClasses }: { readonly sopClasses: readonly string[] }) {
  const text = sopClasses.map(titleText).join(', ');
  if (sopClasses.length <= MAX_LISTED) return <>{text}</>;
  return (
    <details>
      <summary>{countText(sopClasses.length)} SOP classes</summary>
      {text}
    </details>
  );
}
