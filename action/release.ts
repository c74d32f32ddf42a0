import manifest from '../package.json' with { type: 'json' };

/** The release of this action, for `FunctionConfig.release`. */
export const RELEASE = manifest.version;
