/**
 * Whether a host is this machine itself, by its name alone (RFC 6761: all of `.localhost` is).
 * @param hostname as a URL has it: an IPv6 address in brackets
 */
export const isLoopback = (hostname: string): boolean => isOwnAddress(hostname) || hostname.endsWith('.localhost');

/** The same for what credentials are fetched from: without the names that a resolver might take for others. */
export const isOwnAddress = (hostname: string): boolean => /^(?:localhost|127(?:\.\d+){3}|\[::1\])$/.test(hostname);
