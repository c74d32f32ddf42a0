// Recorded lines of a terminal as an animated SVG, without scripts: one group of lines that moves up, line by line.

/** A line, and when it was printed. */
export interface RecordedLine {
  /** ms since the beginning */
  readonly at: number;
  readonly text: string;
}

const [COLUMNS, ROWS] = [110, 30];
/** px */
const [FONT, LINE, MARGIN] = [13, 18, 14];
/** ms: a longer pause is shown as this, and a shorter one, between lines that came at once, as the other. */
const [LONGEST, SHORTEST] = [900, 90];
/** ms for which a step's title and the end are shown. */
const [TITLE, END] = [1_600, 6_000];

/** The lines that begin a step, by which the recording pauses. */
const isTitle = (text: string): boolean => text.startsWith('== ');

/** @param label read out to those who do not see the picture */
export function terminalSvg(lines: readonly RecordedLine[], label: string): string {
  const times: number[] = [];
  let [time, former] = [0, 0];
  for (const { at, text } of lines) {
    time += isTitle(text) ? TITLE : Math.min(LONGEST, Math.max(SHORTEST, at - former));
    former = at;
    times.push(time);
  }
  const whole = time + END;
  const percent = (ms: number): string => `${((ms / whole) * 100).toFixed(2)}%`;
  const [width, height] = [Math.round(COLUMNS * FONT * 0.602) + 2 * MARGIN, ROWS * LINE + 2 * MARGIN];
  // The newest line is the lowest.
  const shift = (count: number): string => `transform:translateY(${(ROWS - count) * LINE}px)`;
  const steps = times.map((at, line) => `${percent(at)}{${shift(line + 1)}}`);
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-label="${escaped(label)}">
<style>
text{font:${FONT}px ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;fill:#c9d1d9;white-space:pre}
.t{fill:#58a6ff;font-weight:bold}.d{fill:#8b949e}.a{fill:#7ee787}.w{fill:#e3b341}.e{fill:#ff7b72}
#lines{animation:up ${(whole / 1000).toFixed(1)}s step-end infinite}
@keyframes up{0%{${shift(0)}}${steps.join('')}100%{${shift(lines.length)}}}
@media (prefers-reduced-motion:reduce){#lines{animation:none;${shift(lines.length)}}}
</style>
<rect width="100%" height="100%" rx="8" fill="#0d1117"/>
<svg x="${MARGIN}" y="${MARGIN}" width="${width - 2 * MARGIN}" height="${ROWS * LINE}"><g id="lines">
${lines.map(({ text }, line) => row(text, line)).join('\n')}
</g></svg>
</svg>
`;
}

function row(text: string, line: number): string {
  const shown = text.length > COLUMNS ? `${text.slice(0, COLUMNS - 1)}…` : text;
  const kind = isTitle(text)
    ? 't'
    : /^ {3}\S/.test(text)
      ? 'd'
      : /^\s+\+ /.test(text)
        ? 'a'
        : /^\s+warning: /.test(text)
          ? 'w'
          : /^\s+error: /.test(text)
            ? 'e'
            : '';
  return `<text y="${(line + 1) * LINE - 5}"${kind === '' ? '' : ` class="${kind}"`}>${escaped(shown)}</text>`;
}

const escaped = (text: string): string => text.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/"/g, '&quot;');
