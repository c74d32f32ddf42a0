export const handler = async (): Promise<unknown> => {
  const { S3Client } = await import(/* webpackMode: "eager" */ '@aws-sdk/client-s3');
  const { SecretsManagerClient } = await import(/* webpackMode: "eager" */ '@aws-sdk/client-secrets-manager');
  const { SignatureV4 } = await import(/* webpackMode: "eager" */ '@smithy/signature-v4');
  return [S3Client, SecretsManagerClient, SignatureV4];
};
