/**
 * What a first configuration has to know: from options, from questions to the person at the terminal, or by default.
 * Judges each answer as it comes. Writes nothing.
 */
import { aeTitleAsKey } from '../../config/schemaValues';
import { OperatorError } from '../../errors';
import { parseSubjectNames } from '../../pki/subjectNames';
import type { CommandContext, GlobalOptions } from '../../terminal/command';
import { type Check, canAsk, Questions } from '../../terminal/questions';
import { isLoopback, parseHostAndPort } from '../../text/hostAndPort';
import { escapeUnsafe } from '../../text/quote';
import { checkServer } from '../../verification/serverCheck';
import { readCertificates } from '../../x509/tlsFiles';
import {
  archiveFault,
  faultBy,
  folderFault,
  kindFault,
  namesFault,
  ownNames,
  portFault,
  readFault,
  refuseOtherKey,
  refuseStateDirectory,
  wordsOf,
} from './checks';

export interface InitOptions extends GlobalOptions {
  readonly archive?: string;
  readonly called?: string;
  readonly allowRemotePlaintext?: boolean;
  readonly name?: readonly string[];
  readonly certificates?: CertificateKind;
  readonly certificate?: string;
  readonly privateKey?: string;
  readonly ca?: string;
  /** false: none. */
  readonly admin: boolean;
  readonly adminPort?: string;
  /** false: none. */
  readonly auditFile?: string | false;
  readonly stateDirectory?: string;
  readonly port: string;
  readonly dir: string;
  readonly offline?: boolean;
  readonly yes?: boolean;
}

export type CertificateKind = 'new' | 'files' | 'later';

export interface Answers {
  /** `host:port`. */
  readonly archive: string;
  readonly calledAeTitle: string;
  readonly isArchiveRemote: boolean;
  readonly names: readonly string[];
  readonly certificates: CertificateKind;
  /** With `files`. */
  readonly files: { readonly certificate: string; readonly privateKey: string; readonly ca: string };
  readonly port: number;
  readonly adminPort: number | undefined;
  readonly auditFile: string | undefined;
  readonly stateDirectory: string | undefined;
}

const KINDS = [
  '    new    make a small CA and certificates here',
  '    files  you have them',
  '    later  the CA of the hospital will send them',
];

/** An answer that means "without it". */
const NONE = 'none';

/** Throws OperatorError where an answer is wrong and cannot be asked for again, and on Ctrl-C and Ctrl-D. */
export async function answersFor(context: CommandContext, options: InitOptions): Promise<Answers> {
  if (options.yes !== true && !canAsk()) {
    throw new OperatorError(
      'there is no terminal to ask at; add --yes, and options for what is not to have its default (aegis init --help)',
    );
  }
  const questions = options.yes === true ? undefined : new Questions();
  /** What the option says, else the answer, else the default. */
  const answerTo = async (
    option: string,
    given: string | undefined,
    question: string,
    byDefault: string,
    check: Check,
  ) => {
    if (given === undefined && questions !== undefined) return questions.ask(question, byDefault, check);
    const problem = check(given ?? byDefault);
    if (problem !== undefined) throw new OperatorError(`--${option} ${problem}`);
    return given ?? byDefault;
  };
  const say = (text: string) => context.printError(`  ${escapeUnsafe(text)}\n`);

  try {
    let archive: string;
    let calledAeTitle: string;
    let isGood: boolean;
    do {
      archive = await answerTo(
        'archive',
        options.archive,
        '1/5 archive, host:port',
        '127.0.0.1:4242',
        archiveFault,
      );
      calledAeTitle = await answerTo(
        'called',
        options.called,
        '    its AE title, as modalities call it',
        'ORTHANC',
        faultBy((title) => aeTitleAsKey.safeParse(title)),
      );
      const fault = options.offline === true ? undefined : await tryArchive(archive, calledAeTitle, say);
      const isFixed = options.archive !== undefined && options.called !== undefined;
      isGood =
        fault === undefined ||
        questions === undefined ||
        isFixed ||
        (await questions.confirm('    use it all the same'));
    } while (!isGood);
    const isArchiveRemote = !isLoopback(parseHostAndPort(archive).host);
    if (isArchiveRemote && options.allowRemotePlaintext !== true) await acceptPlaintext(archive, questions);

    const names = parseSubjectNames(
      wordsOf(
        await answerTo(
          'name',
          options.name?.join(' '),
          '2/5 names or addresses by which modalities dial this machine',
          ownNames().join(' '),
          namesFault,
        ),
      ),
    );

    if (questions !== undefined && options.certificates === undefined) {
      context.printError(KINDS.map((line) => `${line}\n`).join(''));
    }
    const certificates = (await answerTo(
      'certificates',
      options.certificates,
      '3/5 certificates',
      'new',
      (answer) => kindFault(answer, options.dir),
    )) as CertificateKind;
    const fileAnswer = (
      option: string,
      given: string | undefined,
      question: string,
      read: (file: string) => unknown,
    ) => (certificates === 'files' ? answerTo(option, given, question, '', readFault(read)) : '');
    const certificate = await fileAnswer(
      'certificate',
      options.certificate,
      '    PEM file of the certificate and its chain',
      readCertificates,
    );
    const files = {
      certificate,
      privateKey: await fileAnswer(
        'private-key',
        options.privateKey,
        '    PEM file of its private key',
        (file) => refuseOtherKey(file, certificate),
      ),
      ca: await fileAnswer(
        'ca',
        options.ca,
        '    PEM file of the CA that signs the certificates of modalities',
        readCertificates,
      ),
    };

    const port = Number(await answerTo('port', options.port, '', '', portFault));
    const admin = await answerTo(
      'admin-port',
      options.admin ? options.adminPort : NONE,
      '4/5 port for status and reload, on this machine only (none: without)',
      '9762',
      (answer) => {
        if (answer === NONE) return undefined;
        const isTaken = Number(answer) === port && port !== 0;
        return isTaken ? `${port} is the port for modalities; choose another one` : portFault(answer);
      },
    );
    const auditFile = await answerTo(
      'audit-file',
      options.auditFile === false ? NONE : options.auditFile,
      '5/5 file for the audit log (none: on stdout only)',
      'audit.jsonl',
      (answer) => (answer === NONE ? undefined : folderFault(answer)),
    );
    const { stateDirectory } = options;
    if (stateDirectory !== undefined) refuseStateDirectory(stateDirectory);
    return {
      ...{ archive, calledAeTitle, isArchiveRemote, names, certificates, files, port },
      adminPort: admin === NONE ? undefined : Number(admin),
      auditFile: auditFile === NONE ? undefined : auditFile,
      stateDirectory,
    };
  } finally {
    questions?.close();
  }
}

/** Long enough for an archive that is busy, short enough for a person who waits. */
const ECHO_DEADLINE_MS = 5000;

/** Says what it found; returns what is wrong, or undefined. */
async function tryArchive(
  server: string,
  calledAeTitle: string,
  say: (text: string) => void,
): Promise<string | undefined> {
  const { isUp, detail, failed } = await checkServer({
    server,
    calledAeTitle,
    check: 'echo',
    deadlineMs: ECHO_DEADLINE_MS,
  });
  const fault = isUp ? failed?.text : detail;
  if (fault === undefined) say(`${server} answered the C-ECHO to ${calledAeTitle}`);
  else if (isUp) say(`${server} speaks DICOM, but did not answer the C-ECHO to ${calledAeTitle}: ${fault}`);
  else say(`${server} is not reached: ${fault}`);
  return fault;
}

async function acceptPlaintext(archive: string, questions: Questions | undefined): Promise<void> {
  const why = `${archive} is another machine: DICOM would cross the network between here and there in the clear`;
  if (questions === undefined) {
    throw new OperatorError(`${why}; add --allow-remote-plaintext to accept that`);
  }
  if (await questions.confirm(`    ${why}. Accept that`, 'n')) return;
  throw new OperatorError(
    'nothing was written; put the gateway on the machine of the archive, and dial 127.0.0.1 there',
  );
}
