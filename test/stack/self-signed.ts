// A certificate that nobody trusts, for localhost.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Key and certificate in PEM, made by openssl; the certificate is its own authority and is good for a day. */
export function selfSigned(subject = '/CN=127.0.0.1'): { readonly key: string; readonly cert: string } {
  const folder = mkdtempSync(join(tmpdir(), 'ca-'));
  try {
    const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')];
    const made = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', key, '-out', cert, '-days', '1'];
    execFileSync('openssl', ['req', '-x509', ...made, '-subj', subject, '-addext', 'subjectAltName=IP:127.0.0.1'], { stdio: 'ignore' });
    return { key: readFileSync(key, 'utf8'), cert: readFileSync(cert, 'utf8') };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
