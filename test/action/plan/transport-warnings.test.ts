import { describe, expect, test } from '@jest/globals';
import { CLEAR } from '../../../action/inputs/inputs.ts';
import { functionWarnings, plainEndpoints, runWarnings, variablesAfter } from '../../../action/plan/transport-warnings.ts';

describe('variables that weaken the way to AWS or to the cluster', () => {
  test.each([
    ['http://emulator:4566', true],
    ['HTTP://10.0.0.7', true],
    ['http://127.0.0.1.example.com', true],
    ['http://127.0.0.1:4566', false],
    ['http://[::1]:4566', false],
    ['http://s3.localhost:4566', false],
    ['https://vpce-1.s3.eu-west-1.vpce.amazonaws.com', false],
    ['', false],
    ['no url', false],
  ])('an address %j of AWS is plain http to another machine: %s', (value, expected) => {
    for (const name of ['AWS_ENDPOINT_URL', 'AWS_ENDPOINT_URL_S3', 'AWS_ENDPOINT_URL_SECRETS_MANAGER'])
      expect(plainEndpoints({ [name]: value, AWS_ENDPOINT_URLS: value, OTHER: value })).toEqual(expected ? [name] : []);
  });

  test('draw a warning of the run that names them and no value', () => {
    expect(runWarnings({ AWS_REGION: 'eu-west-1', AWS_ENDPOINT_URL: 'http://127.0.0.1:1' })).toEqual([]);
    const [tls, plain] = runWarnings({ NODE_TLS_REJECT_UNAUTHORIZED: '1', AWS_ENDPOINT_URL: 'http://u:secret@emulator:1' });
    expect(tls?.message).toContain('NODE_TLS_REJECT_UNAUTHORIZED is set where the action runs, and has no effect');
    expect(plain?.message).toContain('unencrypted to another machine, as AWS_ENDPOINT_URL says');
    expect(plain?.message).not.toMatch(/secret|emulator:|u:/);
  });

  test('draw a warning of the function, whatever their value', () => {
    expect(functionWarnings('Fn', { LEVEL: 'x' })).toEqual([]);
    const [tls, plain] = functionWarnings('Fn', { NODE_TLS_REJECT_UNAUTHORIZED: '', AWS_ENDPOINT_URL_S3: 'http://emulator' });
    expect(tls?.message).toContain('Function Fn has the variable NODE_TLS_REJECT_UNAUTHORIZED');
    expect(plain?.message).toContain('as its variable AWS_ENDPOINT_URL_S3 says');
  });

  test('are those that the function has once the run is done', () => {
    const deployed = { A: '1', B: '1' };
    expect(variablesAfter({ environmentVariables: undefined, envStrategy: 'merge' }, deployed)).toEqual(deployed);
    expect(variablesAfter({ environmentVariables: { B: '2' }, envStrategy: 'merge' }, deployed)).toEqual({ A: '1', B: '2' });
    expect(variablesAfter({ environmentVariables: { B: '2' }, envStrategy: 'overwrite' }, deployed)).toEqual({ B: '2' });
    expect(variablesAfter({ environmentVariables: CLEAR, envStrategy: 'merge' }, deployed)).toEqual({});
    expect(variablesAfter({ environmentVariables: undefined, envStrategy: 'merge' }, undefined)).toEqual({});
  });
});
