/** The onboarding sheet of a modality, to print. The gateway fills it in; here it only gets its place on the paper. */
import type { SheetReport } from '../admin/pageReport';
import type { SheetSection } from '../onboarding/sheetMarkdown';
import { modalityHref } from './health';
import { useAnswer } from './live';
import { usePage, Waiting } from './parts';
import { blockText, sentence, titleText } from './words';

export function SheetPage({ name }: { readonly name: string }) {
  const { version } = usePage();
  const { answer, failure } = useAnswer<SheetReport>(
    `/api/v1/modalities/${encodeURIComponent(name)}/sheet`,
    version,
  );
  return (
    <>
      <div class="title-row no-print">
        <p class="crumb">
          <a href="#/modalities">Modalities</a> / <a href={modalityHref(name)}>{titleText(name)}</a>
        </p>
        <button type="button" class="primary" onClick={() => print()}>
          Print
        </button>
      </div>
      {answer === undefined ? (
        <Waiting failure={failure} />
      ) : (
        <>
          {answer.warnings.map((warning) => (
            <p key={warning} class="failure no-print">
              {sentence(warning)}
            </p>
          ))}
          <article class="sheet">
            <header>
              <h1>{titleText(answer.sheet.title)}</h1>
              <p>{titleText(answer.sheet.subtitle)}</p>
            </header>
            {answer.sheet.sections.map((part) => (
              <section key={part.title} class={part.isHalf === true ? 'half' : ''}>
                {part.kind === 'form' ? null : <h2>{titleText(part.title)}</h2>}
                <Part part={part} />
                {part.note === undefined ? null : <p class="note">{titleText(part.note)}</p>}
              </section>
            ))}
          </article>
        </>
      )}
    </>
  );
}

function Part({ part }: { readonly part: SheetSection }) {
  switch (part.kind) {
    case 'facts':
      return (
        <table>
          <tbody>
            {part.rows.map(({ label, values, isKey }) => (
              <tr key={label}>
                <th scope="row">{titleText(label)}</th>
                <td>
                  {isKey === true
                    ? values.map((value) => <b key={value}>{titleText(value)} </b>)
                    : values.map(titleText).join('; ')}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      );
    case 'table':
      return (
        <table>
          <thead>
            <tr>
              {part.header.map((cell) => (
                <th scope="col" key={cell}>
                  {titleText(cell)}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {part.rows.map((cells) => (
              <tr key={cells.join()}>
                {cells.map((cell) => (
                  <td key={cell} class="lines">
                    {blockText(cell)}
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      );
    case 'commands':
      return (
        <ol>
          {part.steps.map(({ words, commands = [] }) => (
            <li key={words}>
              {titleText(words)}
              {commands.length === 0 ? null : <pre>{blockText(commands.join('\n'))}</pre>}
            </li>
          ))}
        </ol>
      );
    case 'form':
      return (
        <dl>
          {part.fields.map((field) => (
            <div key={field}>
              <dt>{titleText(field)}</dt>
              <dd />
            </div>
          ))}
        </dl>
      );
  }
}
