/**
 * The index of a table for which no option names one: the table's name in lower case without leading `_`, `-` and `+` (which no engine
 * accepts). Undefined if nothing is left.
 */
export function defaultIndex(table: string): string | undefined {
  const index = table.toLowerCase().replace(/^[_\-+]+/, '');
  return index === '' || index === '.' || index === '..' ? undefined : index;
}

/**
 * Why `index` is not a legal name of an index or alias, or undefined if it is one.
 * Rules: the engines' MetadataCreateIndexService.validateIndexOrAliasName.
 */
export function indexNameProblem(index: string): string | undefined {
  if (index === '' || index === '.' || index === '..') return 'an index name must not be empty, "." or ".."';
  if (index !== index.toLowerCase()) return 'an index name must be in lower case';
  if (/^[_\-+]/.test(index)) return 'an index name must not begin with _, - or +';
  if (/[\\/*?"<>| ,#:]/.test(index)) return 'an index name must not contain a space or any of \\ / * ? " < > | , # :';
  if (!index.isWellFormed()) return 'an index name must be whole characters';
  if (Buffer.byteLength(index) > 255) return 'an index name must not be longer than 255 bytes';
  return undefined;
}
