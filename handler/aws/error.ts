import type { HttpResponse } from '../http/connection.ts';

/** An error response of AWS. The message quotes no secret. */
export class AwsError extends Error {
  /** AWS's error code: `AccessDenied`. */
  override readonly name: string;
  /** A retry may succeed. */
  readonly transient: boolean;
  /** The bucket's region, if S3 names it. */
  readonly bucketRegion: string | undefined;

  constructor(code: string, status: number, message: string, bucketRegion?: string) {
    super(message);
    this.name = code;
    this.bucketRegion = bucketRegion;
    this.transient = status >= 500 || status === 429 || /Throttl|TooManyRequests|SlowDown|RequestTimeout|RequestLimitExceeded/.test(code);
  }
}

/** Whether AWS said that the function's role may not. */
export const isDenied = ({ name }: AwsError): boolean => /AccessDenied|NotAuthorized|Unauthorized|HTTP 403/.test(name);

/** Reads the error in a response of S3 or Secrets Manager. */
export function errorOf({ status, headers, text }: HttpResponse): AwsError {
  const [code, message] = text.trimStart().startsWith('{') ? inJson(text) : inXml(text);
  const region = headers['x-amz-bucket-region'] ?? /<Region>([^<]+)</.exec(text)?.[1];
  return new AwsError(code ?? `HTTP ${status}`, status, message ?? '', typeof region === 'string' ? region : undefined);
}

type CodeAndMessage = readonly [code: string | undefined, message: string | undefined];

/** S3's form of an error. */
const inXml = (text: string): CodeAndMessage => [/<Code>([^<]+)</.exec(text)?.[1], /<Message>([^<]+)</.exec(text)?.[1]];

/** The form of all services whose protocol is JSON: `{"__type":"namespace#Code","message":"…"}`. */
function inJson(text: string): CodeAndMessage {
  try {
    const { __type: type, message, Message } = JSON.parse(text) as Record<string, unknown>;
    const words = message ?? Message;
    return [typeof type === 'string' ? type.replace(/^.*#/, '') : undefined, typeof words === 'string' ? words : undefined];
  } catch {
    return [undefined, undefined];
  }
}
