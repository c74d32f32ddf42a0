/**
 * The index of a table where no option names one: the table's name in lower case without leading `_`, `-` and `+` (which no engine
 * takes). Undefined where nothing is left.
 */
export function defaultIndex(table: string): string | undefined {
  const index = table.toLowerCase().replace(/^[_\-+]+/, '');
  return index === '' || index === '.' || index === '..' ? undefined : index;
}

/**
 * Why `index` is no legal name of an index or alias, or undefined where it is one.
 * Rules: the engines' MetadataCreateIndexService.validateIndexOrAliasName.
 */
export function indexNameProblem(index: string): string | undefined {
  if (index === '' || index === '.' || index === '..') return 'an index name must not be empty, "." or ".."';
  if (index !== index.toLowerCase()) return 'an index name must be in lower case';
  if (/^[_\-+]/.test(index)) return 'an index name must not begin with _, - or +';
  if (/[\\/*?"<>| ,#:]/.test(index)) return 'an index name must not hold a space or any of \\ / * ? " < > | , # :';
  if (!index.isWellFormed()) return 'an index name must be whole characters';
  if (Buffer.byteLength(index) > 255) return 'an index name must not be longer than 255 bytes';
  return undefined;
}
