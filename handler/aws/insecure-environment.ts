// Variables of the function's environment that take the safety from connections.
import { isLoopback } from '../http/loopback.ts';
import type { Log } from '../telemetry/log.ts';

/** Warns, once per start, of a switch against TLS and of addresses of AWS without it. The addresses are shown as hosts: they may hold a password. */
export function warnOfEnvironment(env: NodeJS.ProcessEnv, log: Log): void {
  if (env.NODE_TLS_REJECT_UNAUTHORIZED !== undefined) {
    log.warn(
      'NODE_TLS_REJECT_UNAUTHORIZED is in the environment: the function checks certificates all the same, and a transform that connects by itself may not; remove the variable, and name a private authority with ES_CA',
    );
  }
  const hosts = plainEndpoints(env);
  if (Object.keys(hosts).length > 0) {
    log.warn(
      'requests to AWS leave without TLS, where dead letters and credentials can be read on their way; use https in these variables, and http for emulators alone',
      { hosts },
    );
  }
}

/** The variables that give AWS an address of plain http on another machine, with its host. */
function plainEndpoints(env: NodeJS.ProcessEnv): Record<string, string> {
  if (env.AWS_IGNORE_CONFIGURED_ENDPOINT_URLS?.toLowerCase() === 'true') return {};
  return Object.fromEntries(
    Object.entries(env)
      .filter(([name]) => name === 'AWS_ENDPOINT_URL' || name.startsWith('AWS_ENDPOINT_URL_'))
      .map(([name, value = '']) => [name, URL.parse(value)] as const)
      .flatMap(([name, url]) => (url?.protocol === 'http:' && !isLoopback(url.hostname) ? [[name, url.host] as const] : [])),
  );
}
