// Markdown as GitHub shows it, as a picture: GitHub's own style sheet, rendered by a headless browser.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { marked } from 'marked';

const BROWSERS = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];
/** px */
const WIDTH = 1012;

/** The browser that CHROMIUM names, or one on the path. @throws {Error} with one sentence where there is none */
export function findBrowser(): string {
  const names = process.env.CHROMIUM === undefined ? BROWSERS : [process.env.CHROMIUM];
  for (const name of names) {
    try {
      execFileSync(name, ['--version'], { stdio: 'ignore' });
      return name;
    } catch {
      // The next one.
    }
  }
  throw new Error(
    `None of these browsers runs here: ${names.join(', ')}. Install Chromium (on Debian: the package chromium), or name one by CHROMIUM`,
  );
}

/** Renders Markdown into a PNG. @param author shown above it as that of a comment; undefined: it is none */
export function renderMarkdown(browser: string, markdown: string, picture: string, author?: string): void {
  const style = readFileSync(join(import.meta.dirname, '../../node_modules/github-markdown-css/github-markdown-light.css'), 'utf8');
  const head = author === undefined ? '' : `<div class="head"><b>${author}</b> commented</div>`;
  const html = `<!doctype html><meta charset="utf-8"><style>${style}
body{margin:16px;background:#fff;font-family:-apple-system,BlinkMacSystemFont,"Segoe UI","Noto Sans",Helvetica,Arial,sans-serif}
.box{border:1px solid #d1d9e0;border-radius:6px}.head{padding:8px 16px;background:#f6f8fa;border-bottom:1px solid #d1d9e0;font-size:14px}
.markdown-body{padding:16px;font-size:14px}.markdown-body td{overflow-wrap:anywhere}.markdown-body td:first-child{white-space:nowrap}</style>
<div class="box">${head}<article class="markdown-body">${marked.parse(markdown, { async: false, gfm: true })}</article></div>
<script>document.title = String(Math.ceil(document.documentElement.getBoundingClientRect().height))</script>`;
  const folder = mkdtempSync(join(tmpdir(), 'picture-'));
  try {
    const page = join(folder, 'page.html');
    writeFileSync(page, html);
    const run = (height: number, ...args: string[]): string =>
      execFileSync(
        browser,
        [
          ...['--headless', '--no-sandbox', '--disable-gpu', '--hide-scrollbars', `--user-data-dir=${join(folder, 'profile')}`],
          ...[`--window-size=${WIDTH},${height}`, ...args, `file://${page}`],
        ],
        { stdio: ['ignore', 'pipe', 'ignore'], encoding: 'utf8' },
      );
    const [, height = '800'] = /<title>(\d+)<\/title>/.exec(run(800, '--dump-dom')) ?? [];
    run(Number(height) + 32, `--screenshot=${picture}`);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
