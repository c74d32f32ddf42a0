// Variables of the function's environment that make connections insecure.
import { isLoopback } from '../http/loopback.ts';
import type { Log } from '../telemetry/log.ts';

/** Warns, once per start, of a switch against TLS and of AWS addresses without it. Addresses are shown as hosts: they may contain a password. */
export function warnOfEnvironment(env: NodeJS.ProcessEnv, log: Log): void {
  if (env.NODE_TLS_REJECT_UNAUTHORIZED !== undefined) {
    log.warn(
      'NODE_TLS_REJECT_UNAUTHORIZED is in the environment: the function checks certificates anyway, but a transform with its own connections may not; remove the variable, and name a private authority with ES_CA',
    );
  }
  const hosts = plainEndpoints(env);
  if (Object.keys(hosts).length > 0) {
    log.warn(
      'requests to AWS leave without TLS, so dead letters and credentials can be read in transit; use https in these variables, and http only for emulators',
      { hosts },
    );
  }
}

/** The variables that set an AWS address of plain http on another machine, with its host. */
function plainEndpoints(env: NodeJS.ProcessEnv): Record<string, string> {
  if (env.AWS_IGNORE_CONFIGURED_ENDPOINT_URLS?.toLowerCase() === 'true') return {};
  return Object.fromEntries(
    Object.entries(env)
      .filter(([name]) => name === 'AWS_ENDPOINT_URL' || name.startsWith('AWS_ENDPOINT_URL_'))
      .map(([name, value = '']) => [name, URL.parse(value)] as const)
      .flatMap(([name, url]) => (url?.protocol === 'http:' && !isLoopback(url.hostname) ? [[name, url.host] as const] : [])),
  );
}
