/** `s3://bucket/prefix` → its parts, the prefix without slashes at its ends. */
export function parseS3Uri(uri: string): { bucket: string; prefix: string } | undefined {
  const match = /^s3:\/\/([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:\/(.*))?$/s.exec(uri);
  return match?.[1] === undefined ? undefined : { bucket: match[1], prefix: (match[2] ?? '').replace(/^\/+|(?<!\/)\/+$/g, '') };
}
