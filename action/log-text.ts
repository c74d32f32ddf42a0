/** A newline of any kind, the two of Unicode included. */
const NEWLINES = /\r\n|[\n\r\v\f\u0085\u2028\u2029]/g;
// eslint-disable-next-line no-control-regex -- control characters are what is looked for
const CONTROL_SEQUENCES = /(?:\u001b\[|\u009b)[0-?]*[ -/]*[@-~]|(?:\u001b\]|\u009d)[^\u0007\u001b\u009c\u009d]*(?:\u0007|\u001b\\|\u009c)/g;
/** Control and format characters: also those that turn the direction of text, and those that nobody sees. Newline and tab stay. */
const UNSEEN = /(?![\n\t])[\p{Cc}\p{Cf}]/gu;

/** The text without ANSI escape sequences and control characters; every kind of newline becomes `\n`. */
export function withoutControls(text: string): string {
  return text.replace(NEWLINES, '\n').replace(CONTROL_SEQUENCES, '').replace(UNSEEN, '');
}

/**
 * The one door for text that comes from outside (AWS, the cluster, a deployed package, the user's files) on its way to a log. GitHub's
 * runner reads commands from a log: `::…` at the beginning of a line, white space before it included, and `##[…]` anywhere
 * (https://github.com/actions/runner, ActionCommand.cs). A space breaks both, and no reader is misled.
 */
export function logText(text: string): string {
  return withoutControls(text)
    .replace(/^([^\S\n]*):(?=:)/gm, '$1: ')
    .replace(/##(?=\[)/g, '## ');
}
