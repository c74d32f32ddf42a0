// The key of a search server that speaks HTTPS, with a certificate that is its own authority.
import { join } from 'node:path';
import { prepared } from './cache.ts';
import { type Jdk, jdkTool } from './java.ts';
import { runCommand } from './processes.ts';

export interface ServerKeys {
  /** PKCS #12, with the key and, as an authority, its certificate. */
  readonly store: string;
  readonly password: string;
  /** The certificate alone, PEM. */
  readonly certificate: string;
}

const PASSWORD = 'changeit';
const SUBJECT = ['-dname', 'CN=localhost', '-ext', 'san=dns:localhost,ip:127.0.0.1', '-ext', 'bc:c=ca:true', '-validity', '3650'];

/** Made once per machine by the JDK's own tool, for localhost only. */
export async function serverKeys(jdk: Jdk): Promise<ServerKeys> {
  const at = (folder: string): ServerKeys => ({
    store: join(folder, 'keys.p12'),
    password: PASSWORD,
    certificate: join(folder, 'cert.pem'),
  });
  const folder = await prepared('server-keys', SUBJECT, async (unfinished) => {
    const { store, certificate } = at(unfinished);
    const keytool = (command: string, alias: string, ...more: string[]): Promise<string> =>
      runCommand(jdkTool(jdk, 'keytool'), [
        command,
        '-alias',
        alias,
        '-keystore',
        store,
        '-storetype',
        'PKCS12',
        '-storepass',
        PASSWORD,
        ...more,
      ]);
    await keytool('-genkeypair', 'node', '-keyalg', 'EC', '-groupname', 'secp256r1', ...SUBJECT);
    await keytool('-exportcert', 'node', '-rfc', '-file', certificate);
    // OpenSearch reads authorities from entries of their own.
    await keytool('-importcert', 'ca', '-noprompt', '-file', certificate);
  });
  return at(folder);
}
