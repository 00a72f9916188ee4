/** Everything that ends, the first to end first: certificates, CAs, revocation lists, entries. */
import type { CertificatesReport } from '../admin/pageReport';
import { daysUntil } from '../text/moments';
import type { Tone } from './health';
import { useAnswer } from './live';
import { Mark, Nothing, usePage, Waiting, WideTable } from './parts';
import { momentText, titleText, untilText } from './words';

const REFRESH_MS = 60_000;
/** As the health of a modality counts it. */
const SOON_DAYS = 30;

export function CertificatesPage() {
  const { version, nowMs } = usePage();
  const { answer, failure } = useAnswer<CertificatesReport>(
    '/api/v1/certificates',
    `${version} ${Math.floor(nowMs / REFRESH_MS)}`,
  );
  return (
    <>
      <h1>Certificates by expiry</h1>
      <p class="lead">Also CAs, revocation lists and entries that end. What ends first comes first.</p>
      {answer === undefined ? <Waiting failure={failure} /> : null}
      {answer?.certificates.length === 0 ? <Nothing>Nothing ends.</Nothing> : null}
      {answer === undefined || answer.certificates.length === 0 ? null : (
        <WideTable title="Certificates by expiry">
          <thead>
            <tr>
              <th scope="col">Name</th>
              <th scope="col">Kind</th>
              <th scope="col">Ends</th>
              <th scope="col">Day</th>
            </tr>
          </thead>
          <tbody>
            {answer.certificates.map(({ kind, name, notAfter }) => (
              <tr key={`${kind} ${name}`}>
                <th scope="row">
                  <Mark tone={toneOf(notAfter, nowMs)} />
                  {titleText(name)}
                </th>
                <td>{kind}</td>
                <td>{untilText(notAfter, nowMs)}</td>
                <td>{momentText(notAfter)}</td>
              </tr>
            ))}
          </tbody>
        </WideTable>
      )}
    </>
  );
}

function toneOf(notAfter: string, nowMs: number): Tone {
  const days = daysUntil(new Date(notAfter), new Date(nowMs));
  if (days < 0) return 'alarm';
  return days < SOON_DAYS ? 'attention' : 'ok';
}
