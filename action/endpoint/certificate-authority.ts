import { X509Certificate } from 'node:crypto';
import type { EndpointSettings } from './endpoint-settings.ts';

/** The certificates of ES_CA in PEM; undefined: none, or the file has problems. */
export function readCertificateAuthority(file: EndpointSettings): string | undefined {
  const text = file.get('ES_CA')?.replaceAll('\\n', '\n');
  if (text === undefined) return undefined;
  if (/-----BEGIN [A-Z ]*PRIVATE KEY-----/.test(text)) {
    file.problem('ES_CA', 'ES_CA contains a private key, which never belongs there; set the certificates of the authority only');
    return undefined;
  }
  const certificates = text.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
  const lines = certificates.map((pem) =>
    pem
      .split('\n')
      .map((line) => line.trim())
      .filter((line) => line !== '')
      .join('\n'),
  );
  if (lines.length === 0 || !lines.every(isCertificate)) {
    file.problem('ES_CA', 'ES_CA contains no readable certificate; set it in PEM, with \\n for line ends');
    return undefined;
  }
  return `${lines.join('\n')}\n`;
}

function isCertificate(pem: string): boolean {
  try {
    return new X509Certificate(pem).raw.length > 0;
  } catch {
    return false;
  }
}
