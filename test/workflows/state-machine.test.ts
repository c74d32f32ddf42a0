// The template of the state machine: its definition, and what its role may do.
import { createRequire } from 'node:module';
import { describe, expect, test } from '@jest/globals';
import { MAX_AGE_MS } from '../../action/apply/slices/trigger-lag.ts';
import { allows, type Policy } from '../stack/policy.ts';
import { accepts, resolved, stateMachine, template, type Values } from './cloudformation.ts';

/** The linter, which brings no types. */
const lint = createRequire(import.meta.url)('asl-validator') as (definition: object) => { isValid: boolean; errorsText: () => string };
const machine = template('state-machine.yml');
const VALUES = { FunctionName: 'DynamoToES', CodeBucketName: 'my-code-bucket', StateMachineName: 'DynamoToES-slices' } as const;
const ALIAS = { ...VALUES, AliasName: 'live' } as const;
const LOOK = 'arn:aws:states:::aws-sdk:cloudwatch:getMetricData';
const FUNCTION = 'arn:aws:lambda:eu-west-1:123456789012:function:DynamoToES';

const properties = (resource: string, values: Values = VALUES): Readonly<Record<string, unknown>> =>
  resolved(machine, machine.Resources[resource]?.Properties, values) as Readonly<Record<string, unknown>>;

interface State {
  readonly Type: string;
  readonly Resource?: string;
  readonly Parameters?: { readonly FunctionName?: string };
  readonly Arguments?: {
    readonly MetricDataQueries: readonly { readonly MetricStat: { readonly Metric: object; readonly Stat: string } }[];
  };
  readonly Next?: string;
  readonly Catch?: readonly { readonly ErrorEquals: readonly string[]; readonly Next: string }[];
  readonly Retry?: readonly { readonly MaxAttempts: number; readonly JitterStrategy: string }[];
  readonly Choices?: readonly { readonly Variable: string; readonly NumericGreaterThan?: number; readonly Next: string }[];
}
interface Definition {
  readonly States: Readonly<Record<string, State>> & {
    readonly Slices: State & {
      readonly ToleratedFailurePercentage: number;
      readonly ItemProcessor: { readonly States: Readonly<Record<string, State>> };
    };
  };
}
const definition = (values: Values = VALUES): Definition => JSON.parse(stateMachine(values).definition) as Definition;

describe('docs/cloudformation/state-machine.yml', () => {
  test.each([
    ['a function', VALUES],
    ['an alias', ALIAS],
  ])('its definition for %s is valid', (_, values) => {
    const { isValid, errorsText } = lint(definition(values));
    expect({ isValid, errors: isValid ? '' : errorsText() }).toEqual({ isValid: true, errors: '' });
    const { States: states } = definition(values);
    expect(lint({ ...definition(values), States: { ...states, Count: { ...states.Count, Next: 'Nowhere' } } }).isValid).toBe(false);
  });

  test('all tasks but the look at the triggers invoke the function, or the alias that serves', () => {
    for (const [values, arn] of [
      [VALUES, FUNCTION],
      [ALIAS, `${FUNCTION}:live`],
    ] as const) {
      const { States: states } = definition(values);
      const tasks = [...Object.values(states), ...Object.values(states.Slices.ItemProcessor.States)].filter(
        ({ Type, Resource }) => Type === 'Task' && Resource !== LOOK,
      );
      expect(tasks.map(({ Parameters }) => Parameters?.FunctionName)).toEqual([arn, arn]);
    }
  });

  test('a slice ends before its history has 25,000 events, however often its invocations are retried, and no slice stops another', () => {
    const { States: states } = definition();
    const { Invoke: invoke, 'Current?': choice } = states.Slices.ItemProcessor.States;
    const rounds = choice?.Choices?.find(({ Next }) => Next === 'Parked')?.NumericGreaterThan ?? Infinity;
    const retries = invoke?.Retry?.reduce((sum, { MaxAttempts }) => sum + MaxAttempts, 0) ?? Infinity;
    // The look and the invocation entered, scheduled, started, succeeded, exited; two choices and the next round entered and exited. A retry:
    // scheduled, started, failed.
    expect(rounds * (16 + 3 * retries) + 20).toBeLessThan(24_000);
    expect(invoke?.Retry?.every(({ JitterStrategy }) => JitterStrategy === 'FULL')).toBe(true);
    expect(states.Slices.ToleratedFailurePercentage).toBe(100);
  });

  test('each invocation waits for triggers that are behind, by the metric and the limit of the action, and goes on where nobody may read it', () => {
    for (const values of [VALUES, ALIAS]) {
      const { Begin, Look, Behind, 'Current?': choice, 'Next round': next } = definition(values).States.Slices.ItemProcessor.States;
      expect([Begin?.Next, next?.Next, Look?.Resource, Look?.Next, Behind?.Next]).toEqual(['Look', 'Look', LOOK, 'Current?', 'Next round']);
      // The metric has the name of the function, whichever alias its triggers invoke.
      expect(Look?.Arguments?.MetricDataQueries.map(({ MetricStat: { Metric, Stat } }) => [Metric, Stat])).toEqual([
        [{ Namespace: 'AWS/Lambda', MetricName: 'IteratorAge', Dimensions: [{ Name: 'FunctionName', Value: 'DynamoToES' }] }, 'Maximum'],
      ]);
      expect(choice?.Choices?.find(({ Next }) => Next === 'Behind')).toMatchObject({ Variable: '$.age', NumericGreaterThan: MAX_AGE_MS });
      expect(Look?.Catch).toMatchObject([{ ErrorEquals: ['States.ALL'], Next: 'Current?' }]);
    }
  });

  test('its role invokes one function, reads the lists of slices, and uses executions of its own machine alone', () => {
    const policyOf = (values: Values): Policy => {
      const { Policies: policies } = properties('StateMachineRole', values) as { Policies: { PolicyDocument: Policy }[] };
      return { Version: '2012-10-17', Statement: policies.flatMap(({ PolicyDocument }) => PolicyDocument.Statement) };
    };
    const may = (action: string, resource: string, values: Values = VALUES): boolean => allows(policyOf(values), { action, resource });
    const states = 'arn:aws:states:eu-west-1:123456789012';
    const run = 'arn:aws:s3:::my-code-bucket/runs/DynamoToES/backfill/Orders/7';
    for (const [action, resource] of [
      ['lambda:InvokeFunction', FUNCTION],
      ['cloudwatch:GetMetricData', '*'],
      ['s3:GetObject', `${run}/executions/x-scan-1.json`],
      ['states:StartExecution', `${states}:stateMachine:DynamoToES-slices`],
      ['states:DescribeExecution', `${states}:execution:DynamoToES-slices/Slices:1`],
      ['states:StopExecution', `${states}:execution:DynamoToES-slices:1`],
    ] as const)
      expect([action, may(action, resource)]).toEqual([action, true]);
    for (const [action, resource] of [
      ['lambda:InvokeFunction', `${FUNCTION}2`],
      ['lambda:InvokeFunction', `${FUNCTION}:live`],
      ['lambda:UpdateFunctionCode', FUNCTION],
      ['s3:GetObject', `${run}/slices/scan-1.json`],
      ['s3:GetObject', 'arn:aws:s3:::my-code-bucket/PROD_es_creds'],
      ['s3:PutObject', `${run}/executions/x-scan-1.json`],
      ['states:StartExecution', `${states}:stateMachine:other`],
      ['states:StopExecution', `${states}:execution:other:1`],
    ] as const)
      expect([action, resource, may(action, resource)]).toEqual([action, resource, false]);
    expect([may('lambda:InvokeFunction', `${FUNCTION}:live`, ALIAS), may('lambda:InvokeFunction', FUNCTION, ALIAS)]).toEqual([true, false]);
  });

  test('Step Functions assumes the role for this state machine alone', () => {
    const { AssumeRolePolicyDocument: trust } = properties('StateMachineRole') as {
      AssumeRolePolicyDocument: { Statement: [{ Principal: object; Condition: object }] };
    };
    expect(trust.Statement).toHaveLength(1);
    expect(trust.Statement[0]).toMatchObject({
      Principal: { Service: 'states.amazonaws.com' },
      Condition: {
        StringEquals: { 'aws:SourceAccount': '123456789012' },
        ArnLike: { 'aws:SourceArn': 'arn:aws:states:eu-west-1:123456789012:stateMachine:DynamoToES-slices' },
      },
    });
  });

  test('a name of a bucket or a machine is no pattern', () => {
    for (const [name, value] of [
      ['CodeBucketName', 'my-*'],
      ['StateMachineName', '*'],
      ['FunctionName', 'Dynamo*'],
      ['AliasName', '*'],
    ] as const)
      expect(accepts(machine, name, value)).toBe(false);
  });
});
