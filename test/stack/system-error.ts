/** Whether an error of Node's has this code. Not by `instanceof`: jest's files have an `Error` of their own, which Node's are none of. */
export const hasCode = (error: unknown, code: string): boolean =>
  typeof error === 'object' && error !== null && 'code' in error && error.code === code;
