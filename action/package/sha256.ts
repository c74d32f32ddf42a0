// SHA-256 of a package: Lambda and S3 show it in base64, keys of the code bucket and users in hexadecimal digits.

/** @param base64 as Lambda shows it; '' gives '' */
export const sha256Hex = (base64: string): string => Buffer.from(base64, 'base64').toString('hex');

/** @param hex 64 digits */
export const sha256Base64 = (hex: string): string => Buffer.from(hex, 'hex').toString('base64');
