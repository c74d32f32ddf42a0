// Warnings about variables that weaken the way to AWS or to the cluster. Pure; no value of a variable is shown.
import { TLS_SWITCH } from '../inputs/aws-rules.ts';
import type { Warning } from './change.ts';
import { CLEAR, type Inputs } from '../inputs/inputs.ts';
import { isLoopback } from '../loopback.ts';

type Variables = Readonly<Record<string, string | undefined>>;

/** Names of the variables `AWS_ENDPOINT_URL…` that send requests to AWS unencrypted to another machine. */
export function plainEndpoints(variables: Variables): string[] {
  return Object.keys(variables)
    .filter((name) => /^AWS_ENDPOINT_URL(?:_|$)/.test(name))
    .filter((name) => {
      const url = URL.parse((variables[name] ?? '').trim());
      return url?.protocol === 'http:' && !isLoopback(url.hostname);
    })
    .sort();
}

const PLAIN = 'Only an emulator in a network of its own needs that: use https://, or remove it';

/** Of the run's own environment. */
export function runWarnings(env: Variables): Warning[] {
  const names = plainEndpoints(env);
  return [
    ...(env[TLS_SWITCH] === undefined
      ? []
      : [
          {
            title: 'A switch against TLS',
            message: `${TLS_SWITCH} is set where the action runs, and has no effect: the action always checks certificates. Remove it`,
          },
        ]),
    ...(names.length === 0
      ? []
      : [
          {
            title: 'AWS by plain http',
            message: `The run sends its requests to AWS unencrypted to another machine, as ${names.join(', ')} ${names.length === 1 ? 'says' : 'say'}. ${PLAIN}`,
          },
        ]),
  ];
}

/** Of the function's environment. @param variables that it has once the run is done */
export function functionWarnings(functionName: string, variables: Variables): Warning[] {
  const names = plainEndpoints(variables);
  return [
    ...(variables[TLS_SWITCH] === undefined
      ? []
      : [
          {
            title: 'A switch against TLS',
            message: `Function ${functionName} has the variable ${TLS_SWITCH}, which turns the checks of certificates off for all code in it that does not ask for them itself. Remove it in the console, or name all variables in environment-variables with env-strategy overwrite`,
          },
        ]),
    ...(names.length === 0
      ? []
      : [
          {
            title: 'AWS by plain http',
            message: `Function ${functionName} sends its requests to AWS unencrypted to another machine, as its ${names.length === 1 ? 'variable' : 'variables'} ${names.join(', ')} ${names.length === 1 ? 'says' : 'say'}. ${PLAIN}`,
          },
        ]),
  ];
}

/** The function's variables as a deploy leaves them. @param deployed those that it has; undefined where AWS could not decrypt them */
export function variablesAfter(
  { environmentVariables: wanted, envStrategy: strategy }: Pick<Inputs, 'environmentVariables' | 'envStrategy'>,
  deployed: Variables | undefined,
): Variables {
  if (wanted === undefined) return deployed ?? {};
  if (wanted === CLEAR) return {};
  return strategy === 'overwrite' ? wanted : { ...deployed, ...wanted };
}
