/**
 * Structured log lines, one JSON object each. No document bodies and no secrets: callers pass names, counts and reasons without
 * values.
 */
export interface Log {
  info(message: string, fields?: Readonly<Record<string, unknown>>): void;
  warn(message: string, fields?: Readonly<Record<string, unknown>>): void;
  error(message: string, fields?: Readonly<Record<string, unknown>>): void;
}

/**
 * Logs through the console, to which Lambda adds time and request id.
 * @param format of Lambda's logs (AWS_LAMBDA_LOG_FORMAT): with `JSON`, Lambda writes level and fields itself
 */
export function consoleLog(console: Pick<Console, 'info' | 'warn' | 'error'>, format: string | undefined): Log {
  const structured = format?.toUpperCase() === 'JSON';
  const line =
    (level: 'info' | 'warn' | 'error') =>
    (message: string, fields: Readonly<Record<string, unknown>> = {}) => {
      console[level](structured ? { message, ...fields } : JSON.stringify({ level, message, ...fields }));
    };
  return { info: line('info'), warn: line('warn'), error: line('error') };
}
