/**
 * Structured log lines, one JSON object each. No document bodies and no secrets: callers pass names, counts and reasons without
 * values.
 */
export interface Log {
  info(message: string, fields?: Readonly<Record<string, unknown>>): void;
  warn(message: string, fields?: Readonly<Record<string, unknown>>): void;
  error(message: string, fields?: Readonly<Record<string, unknown>>): void;
}

/** Logs through the console, to which Lambda adds time and request id. */
export function consoleLog(console: Pick<Console, 'info' | 'warn' | 'error'>): Log {
  const line =
    (level: 'info' | 'warn' | 'error') =>
    (message: string, fields: Readonly<Record<string, unknown>> = {}) => {
      console[level](JSON.stringify({ level, message, ...fields }));
    };
  return { info: line('info'), warn: line('warn'), error: line('error') };
}
