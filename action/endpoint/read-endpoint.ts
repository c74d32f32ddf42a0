// Where the endpoint comes from: the input, else the endpoint file in S3.
import { readEndpointFile } from '../aws/code-bucket.ts';
import type { Aws } from '../aws/session.ts';
import { InputError, UserError } from '../errors.ts';
import { parseObjectLocation } from '../inputs/aws-rules.ts';
import { fileText } from '../inputs/file-text.ts';
import type { Inputs } from '../inputs/inputs.ts';
import type { Report } from '../report/report.ts';
import { encodedSecretsOf } from './auth-secrets.ts';
import { parseEndpoint, type Endpoint } from './endpoint-file.ts';

/** The endpoint: of the input, else of the file in S3. Its secrets are masked before anything else. @throws {UserError} */
export async function readEndpoint(aws: Aws, inputs: Inputs, report: Report): Promise<Endpoint> {
  const endpoint =
    inputs.endpoint === undefined ? await endpointInBucket(aws, inputs) : parseEndpoint(inputs.endpoint, { source: 'input endpoint' });
  report.mask(...endpoint.secrets, ...encodedSecretsOf(endpoint.auth));
  return endpoint;
}

async function endpointInBucket(aws: Aws, { endpointFile, codeBucket, environment }: Inputs): Promise<Endpoint> {
  const location = parseObjectLocation(endpointFile);
  const bucket = location?.bucket ?? codeBucket;
  if (location === undefined || bucket === undefined) {
    throw new UserError(
      `code-bucket: it is required to read the endpoint file ${endpointFile} of ${environment}`,
      'Set it (AWS_BUCKET_CODE), or set the input endpoint',
    );
  }
  const source = location.bucket === undefined ? location.key : endpointFile;
  const file = fileText(await readEndpointFile(aws, bucket, location.key));
  if ('text' in file) return parseEndpoint(file.text, { source });
  const place = { file: source, ...(file.line === undefined ? {} : { line: file.line }) };
  throw new InputError([{ where: 'endpoint-file', message: `endpoint-file: ${file.problem}`, place }]);
}
