/**
 * OpenSSL as the CA of a hospital: a root, an issuing CA below it, and the forms that AD CS sends certificates back in. Knows
 * nothing of the code under test.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { runProcess, temporaryFolder } from './processes';

export interface SignOptions {
  /** As OpenSSL writes them: `DNS:aegis.hospital.example,IP:127.0.0.1`. Empty: no subjectAltName. */
  readonly names?: string;
  readonly extendedKeyUsage?: string;
  readonly isAuthority?: boolean;
  /** `-sha1`, for example. */
  readonly digest?: string;
}

const AUTHORITY_EXTENSIONS =
  'basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign\nsubjectKeyIdentifier=hash\n';

export class HospitalCa {
  readonly folder = temporaryFolder();
  #count = 0;

  private constructor() {}

  static async create(): Promise<HospitalCa> {
    const ca = new HospitalCa();
    const root = ['-subj', '/DC=example/CN=Hospital Root CA', '-days', '3650', '-out', ca.file('root.crt')];
    await ca.openssl('req', '-x509', ...ca.#newKey('root.key'), ...root);
    await ca.#below('root', 'policy', '/DC=example/CN=Hospital Policy CA');
    await ca.#below('policy', 'issuing', '/DC=example/CN=Hospital Issuing CA 1');
    return ca;
  }

  file(name: string): string {
    return join(this.folder, name);
  }

  async openssl(...arguments_: readonly string[]): Promise<void> {
    const { exitCode, output } = await runProcess('openssl', arguments_);
    if (exitCode !== 0) throw new Error(`openssl ${arguments_.join(' ')}: ${output}`);
  }

  /** The certificate for a request, as PEM. Names are those that AD CS takes from the request. */
  async sign(request: string, options: SignOptions = {}): Promise<string> {
    const {
      names = 'DNS:aegis.hospital.example,IP:127.0.0.1',
      extendedKeyUsage = 'serverAuth',
      isAuthority = false,
    } = options;
    const extensions = isAuthority ? AUTHORITY_EXTENSIONS : `extendedKeyUsage=${extendedKeyUsage}\n`;
    return this.#issue(
      'issuing',
      request,
      `${extensions}${names === '' ? '' : `subjectAltName=${names}\n`}`,
      options.digest,
    );
  }

  /** The same in DER, as `certreq` and the web page offer it. */
  async der(certificate: string): Promise<string> {
    const file = `${certificate}.cer`;
    await this.openssl('x509', '-in', certificate, '-outform', 'DER', '-out', file);
    return file;
  }

  /** A .p7b with these certificates, in their order. */
  async pkcs7(form: 'DER' | 'PEM', ...certificates: readonly string[]): Promise<string> {
    const file = this.#newFile('p7b');
    const each = certificates.flatMap((certificate) => ['-certfile', certificate]);
    await this.openssl('crl2pkcs7', '-nocrl', ...each, '-outform', form, '-out', file);
    return file;
  }

  /** A .pfx with a key that the people of the CA have made, its certificate and the chain. */
  async pfx(password: string, ...options: readonly string[]): Promise<string> {
    const [key, request, file] = [this.#newFile('key'), this.#newFile('csr'), this.#newFile('pfx')];
    await this.openssl('req', ...this.#newKey(key), '-subj', '/CN=aegis.hospital.example', '-out', request);
    const certificate = await this.sign(request);
    const chain = ['-certfile', this.file('issuing.crt'), '-passout', `pass:${password}`];
    await this.openssl(
      'pkcs12',
      '-export',
      ...options,
      '-inkey',
      key,
      '-in',
      certificate,
      ...chain,
      '-out',
      file,
    );
    return file;
  }

  /** A key and certificate of a device. */
  async device(name: string): Promise<{ readonly certificateFile: string; readonly privateKeyFile: string }> {
    const [privateKeyFile, request] = [this.#newFile('key'), this.#newFile('csr')];
    await this.openssl('req', ...this.#newKey(privateKeyFile), '-subj', `/CN=${name}`, '-out', request);
    const certificateFile = await this.sign(request, {
      names: `DNS:${name}`,
      extendedKeyUsage: 'clientAuth',
    });
    return { certificateFile, privateKeyFile };
  }

  async #below(issuer: string, name: string, subject: string): Promise<void> {
    const request = this.#newFile('csr');
    await this.openssl('req', ...this.#newKey(`${name}.key`), '-subj', subject, '-out', request);
    await this.#issue(issuer, request, AUTHORITY_EXTENSIONS, undefined, this.file(`${name}.crt`));
  }

  async #issue(
    issuer: string,
    request: string,
    extensions: string,
    digest = '-sha256',
    file = this.#newFile('pem'),
  ): Promise<string> {
    const extensionFile = this.#newFile('cnf');
    writeFileSync(extensionFile, `${extensions}authorityKeyIdentifier=keyid\n`);
    const by = ['-CA', this.file(`${issuer}.crt`), '-CAkey', this.file(`${issuer}.key`), '-CAcreateserial'];
    const how = ['-days', '365', digest, '-extfile', extensionFile, '-out', file];
    await this.openssl('x509', '-req', '-in', request, ...by, ...how);
    return file;
  }

  #newKey(file: string): string[] {
    return ['-newkey', 'rsa:2048', '-nodes', '-keyout', file.includes('/') ? file : this.file(file)];
  }

  #newFile(extension: string): string {
    this.#count += 1;
    return this.file(`${this.#count}.${extension}`);
  }
}
