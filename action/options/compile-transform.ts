import { builtinModules, isBuiltin, stripTypeScriptTypes } from 'node:module';
import { extname } from 'node:path';
import { parse } from 'es-module-lexer/js';
import { nearest } from '../../formats/nearest.ts';
import type { Problem } from '../errors.ts';

/** Names that a transform may have. */
export const TRANSFORM_EXTENSIONS = ['.ts', '.mts', '.js', '.mjs'];

export interface CompiledTransform {
  /** An ES module that Node runs as it is. */
  readonly text: string;
  readonly problems: readonly Problem[];
}

/**
 * Prepares one transform for the package: types are blanked out, so that lines and columns stay those of the source. It must
 * have a default export and may import Node's own modules alone, because nothing else is in the package.
 * @param file its path as problems name it
 */
export function compileTransform(source: string, file: string): CompiledTransform {
  const problems: Problem[] = [];
  const problem = (message: string, line: number): void => {
    problems.push({ where: 'transform', message, place: { file, line } });
  };
  const stripped = withoutTypes(source);
  if ('line' in stripped) {
    problem(stripped.message, stripped.line);
    return { text: '', problems };
  }
  // A .js file is parsed as TypeScript too, to find errors of syntax, but goes out as it was written.
  const text = extname(file).endsWith('ts') ? stripped.text : source;
  const lineAt = (offset: number): number => text.slice(0, offset).split('\n').length;
  let module: ReturnType<typeof parse>;
  try {
    module = parse(text);
  } catch (error) {
    const offset = error instanceof Error && 'idx' in error && typeof error.idx === 'number' ? error.idx : 0;
    problem('it is not a valid ES module', lineAt(offset));
    return { text: '', problems };
  }
  const [imports, exports] = module;
  for (const { type, specifier, importStart } of imports) {
    if (type === 'import-meta') continue;
    const found = importProblem(specifier ?? undefined);
    if (found !== undefined) problem(found, lineAt(importStart));
  }
  if (!exports.some((one) => 'name' in one && one.name === 'default')) {
    const commonJs = /\b(?:module\.exports|exports\.\w+)\s*=/.test(text) ? '; module.exports does not count in an ES module' : '';
    problem(`it has no default export; write export default (document) => document${commonJs}`, 1);
  }
  return { text, problems };
}

/** Why a module may not be imported, or undefined where it may. @param specifier undefined where it is computed */
function importProblem(specifier: string | undefined): string | undefined {
  if (specifier === undefined)
    return 'it imports a module whose name is computed; a transform may import node: modules alone, by their names';
  if (specifier.startsWith('node:')) {
    if (isBuiltin(specifier)) return undefined;
    const near = nearest(specifier.slice('node:'.length), builtinModules);
    return `it imports ${JSON.stringify(specifier)}, which Node does not have${near === undefined ? '' : `; did you mean node:${near}?`}`;
  }
  if (isBuiltin(specifier)) return `it imports ${JSON.stringify(specifier)}; write "node:${specifier}"`;
  return `it imports ${JSON.stringify(specifier)}; a transform is one file, which may import node: modules alone`;
}

/** The source with blanks for its types, or the first error of syntax. */
function withoutTypes(source: string): { text: string } | { message: string; line: number } {
  // Node says on every first use that the function is experimental. That is for whoever chose it, not for the user's log.
  const emitWarning = process.emitWarning.bind(process);
  process.emitWarning = () => undefined;
  try {
    return { text: stripTypeScriptTypes(source) };
  } catch (error) {
    const { message = 'it cannot be parsed', stack = '' } = error as Partial<Error>;
    const hint = message.includes('not supported in strip-only mode') ? '; use what Node can run by leaving the types out' : '';
    return { message: `${message.split('\n')[0] ?? ''}${hint}`, line: Number(/^:(\d+)/.exec(stack)?.[1] ?? 1) };
  } finally {
    process.emitWarning = emitWarning;
  }
}
