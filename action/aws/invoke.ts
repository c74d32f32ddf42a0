import { InvokeCommand } from '@aws-sdk/client-lambda';
import { PATIENCE, type Aws } from './session.ts';

/** What came of an invocation. */
export interface Invocation {
  /** The function's response: JSON, if it has not thrown or been ended. */
  readonly payload: string;
  /** What Lambda says where the function threw or was ended (`Unhandled`). */
  readonly functionError: string | undefined;
}

/** Invokes the function and waits for its response. @param qualifier version to invoke; absent: `$LATEST` @throws {AwsError} */
export async function invoke(aws: Aws, name: string, event: object, qualifier?: string): Promise<Invocation> {
  const response = await aws.call('lambda:InvokeFunction', `function ${name}${qualifier === undefined ? '' : `:${qualifier}`}`, () =>
    aws.lambda.send(
      new InvokeCommand({
        FunctionName: name,
        ...(qualifier === undefined ? {} : { Qualifier: qualifier }),
        Payload: Buffer.from(JSON.stringify(event)),
      }),
      { requestTimeout: PATIENCE.invocation },
    ),
  );
  return { payload: Buffer.from(response.Payload ?? []).toString('utf8'), functionError: response.FunctionError };
}
