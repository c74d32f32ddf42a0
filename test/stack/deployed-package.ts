// The package that a function really has: read back from AWS, checked, unpacked and run.
import { createHash } from 'node:crypto';
import { rmSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, normalize } from 'node:path';
import { GetFunctionCommand, type GetFunctionResponse, type LambdaClient } from '@aws-sdk/client-lambda';
import { unzipSync } from 'fflate';
import { type LambdaHost, startLambda } from './lambda-host.ts';

export interface DeployedPackage {
  /** Temporary folder with the files. */
  readonly folder: string;
  readonly files: Readonly<Record<string, Uint8Array>>;
  readonly configuration: NonNullable<GetFunctionResponse['Configuration']>;
  /** Removes the folder. */
  remove(): Promise<void>;
}

/**
 * Downloads a function's package from its code location and unpacks it.
 * @throws Error where the download is not what `CodeSha256` says
 */
export async function downloadPackage(lambda: LambdaClient, functionName: string, qualifier?: string): Promise<DeployedPackage> {
  const found = await lambda.send(new GetFunctionCommand({ FunctionName: functionName, ...(qualifier ? { Qualifier: qualifier } : {}) }));
  const { Configuration: configuration, Code: code } = found;
  if (!configuration || !code?.Location) throw new Error(`AWS names no code location of ${functionName}.`);
  const response = await fetch(code.Location);
  if (!response.ok) throw new Error(`The package of ${functionName} could not be downloaded: status ${response.status}.`);
  const zip = new Uint8Array(await response.arrayBuffer());
  const sha256 = createHash('sha256').update(zip).digest('base64');
  if (sha256 !== configuration.CodeSha256)
    throw new Error(`The package of ${functionName} is not the one deployed: its SHA-256 is ${sha256}.`);
  const files = unzipSync(zip);
  const folder = await mkdtemp(join(tmpdir(), 'deployed-'));
  const removeAtExit = (): void => {
    rmSync(folder, { recursive: true, force: true });
  };
  process.once('exit', removeAtExit);
  for (const [name, content] of Object.entries(files)) {
    const path = join(folder, name);
    if (!path.startsWith(normalize(folder)) || name.endsWith('/')) continue;
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, content);
  }
  const remove = async (): Promise<void> => {
    process.removeListener('exit', removeAtExit);
    await rm(folder, { recursive: true, force: true });
  };
  return { folder, files, configuration, remove };
}

/**
 * Runs a deployed function as Lambda would: its package, handler, variables, memory and time-out.
 * @param environment variables that lead the function to the stack's AWS
 */
export async function runDeployed(
  lambda: LambdaClient,
  functionName: string,
  environment: Readonly<Record<string, string>>,
  qualifier?: string,
): Promise<LambdaHost> {
  const { folder, configuration, remove } = await downloadPackage(lambda, functionName, qualifier);
  const {
    FunctionName: name,
    FunctionArn: arn,
    Version: version,
    Handler: handler,
    MemorySize: memorySize,
    Timeout: timeout,
  } = configuration;
  return startLambda({
    folder,
    name: name ?? functionName,
    ...(arn ? { arn } : {}),
    ...(version ? { version } : {}),
    ...(handler ? { handler } : {}),
    ...(memorySize ? { memorySize } : {}),
    ...(timeout ? { timeout } : {}),
    environment: { ...configuration.Environment?.Variables, ...environment },
    cleanUp: remove,
  });
}
