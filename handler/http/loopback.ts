/**
 * Whether a host is this machine itself, by its name alone (RFC 6761: all of `.localhost` is).
 * @param hostname in the form of a URL: an IPv6 address in brackets
 */
export const isLoopback = (hostname: string): boolean => isOwnAddress(hostname) || hostname.endsWith('.localhost');

/** The same for the source of credentials: without names that a resolver might resolve to another machine. */
export const isOwnAddress = (hostname: string): boolean => /^(?:localhost|127(?:\.\d+){3}|\[::1\])$/.test(hostname);
