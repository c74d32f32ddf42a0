// Addresses that no cluster can have, reported before a function is created that cannot reach it. Pure.

/** A part of a URL that somebody was to fill in: `${VAR}`, `$VAR`, `{{ var }}`, `<domain>`, `%VAR%`, `[domain]`, `__VAR__`; or that was empty: `null`, `None`. */
const PLACEHOLDER = /[<>{}$]|%[A-Za-z_]\w*%/;

/**
 * The problem of the text of a URL that begins with `https://` or `http://`, as the end of "ES_ENDPOINT …". Nothing of it is shown:
 * it may contain a password.
 */
export function addressProblem(address: string): string | undefined {
  const rest = address.replace(/^https?:\/\/+/i, '');
  const end = rest.search(/[/?#]/);
  const authority = end < 0 ? rest : rest.slice(0, end);
  const host = authority.slice(authority.lastIndexOf('@') + 1);
  const tail = end < 0 ? '' : rest.slice(end);
  if (/^https?(?::|$)/i.test(host) || tail.includes('://') || (host.endsWith(':') && tail.startsWith('//')))
    return 'has https:// twice, or a second URL; leave one';
  if (
    PLACEHOLDER.test(host) ||
    /[<>{}]/.test(tail) ||
    /^\[(?![\da-f:.]*\])/i.test(host) ||
    /^(?:undefined|null|None|NaN|__\w+__)(?::|$)/.test(host)
  )
    return 'has a placeholder, such as ${VAR} or <domain>, that nobody replaced; write the host itself, because nothing in it is evaluated';
  if (/[,;]/.test(host)) return 'must name one host; remove the others';
  return undefined;
}

/** Why a host cannot be, as the end of "ES_ENDPOINT …". Names without a dot can: they resolve in a VPC or in Docker. */
export function hostProblem({ hostname, port }: URL): string | undefined {
  if (port === '0') return 'names port 0, which no server has';
  if (hostname.startsWith('[')) return undefined;
  const labels = hostname.replace(/\.$/, '').split('.');
  const impossible = 'names a host that cannot be: ';
  if (hostname.length > 253) return `${impossible}it is longer than 253 characters`;
  if (labels.includes('')) return `${impossible}a part between its dots is empty`;
  if (labels.some((label) => label.length > 63)) return `${impossible}a part between its dots is longer than 63 characters`;
  if (labels.some((label) => /[^\w-]/.test(label))) return `${impossible}it has a character that no host has`;
  if (labels.some((label) => /^-|-$/.test(label))) return `${impossible}a part between its dots begins or ends with -`;
  return undefined;
}
