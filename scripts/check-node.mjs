// Loaded before the scripts that newcomers run first, on whatever Node they have: an older one cannot even read them.
import { readFileSync } from 'node:fs';

const [, needed = ''] = /using: node(\d+)/.exec(readFileSync(new URL('../action.yml', import.meta.url), 'utf8')) ?? [];
if (Number.parseInt(process.versions.node, 10) < Number(needed)) {
  console.error(
    `This needs Node ${needed}, and this is Node ${process.versions.node}. On Linux (x86-64), npm ci installs it beside the other packages; elsewhere, install it from https://nodejs.org`,
  );
  process.exit(1);
}
