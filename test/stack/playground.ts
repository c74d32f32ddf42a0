// The output of `npm run demo -- --keep`: addresses and commands to play with.
import type { Scenario } from './scenario.ts';

export function playground(scenario: Scenario): string {
  const { search, dynamodb, aws, env } = scenario.stack;
  const item = JSON.stringify({
    TableName: scenario.customers,
    Item: { id: { S: 'dave' }, name: { S: 'Dave Dörig' }, since: { N: '2026' } },
  });
  const variables = Object.entries(env).map(([name, value]) => `${name}=${value}`);
  return `
  OpenSearch       ${search.url}
  DynamoDB Local   ${dynamodb.url}
  moto (S3, Lambda, …)  ${aws.url}

  # write an item …
  curl -s ${dynamodb.url} -H 'Content-Type: application/x-amz-json-1.0' -H 'X-Amz-Target: DynamoDB_20120810.PutItem' \\
    -H 'Authorization: AWS4-HMAC-SHA256 Credential=local/20260101/${scenario.stack.region}/dynamodb/aws4_request, SignedHeaders=host, Signature=0' \\
    -d '${item}'

  # … and find it
  curl -s '${search.url}/${scenario.index(scenario.customers)}/_search?pretty&q=name:dave'

  # all documents, their number, the index that was made for them
  curl -s '${search.url}/_all/_search?pretty'
  curl -s '${search.url}/_cat/indices?v'
  curl -s '${search.url}/${scenario.index(scenario.orders)}?pretty'

  # for the AWS CLI or an SDK
  export ${variables.join(' ')}
  aws lambda list-event-source-mappings --function-name ${scenario.functionName}
  aws s3 ls s3://${scenario.bucket} --recursive
`;
}
