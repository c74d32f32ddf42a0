/** A value as plans show it: never a secret. */
export type Shown = string | number | boolean | null | readonly Shown[] | { readonly [key: string]: Shown };
