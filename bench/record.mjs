// A benchmark's table.  In: its text.  Out: standard output, and bench/record with --record.

import { mkdirSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { fileURLToPath } from "node:url";

/** What stands in the middle of `values`. */
export function median(values) {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];
}

/** Prints `body` under a title that says where and when it was measured; keeps it as `name`. */
export function record(name, title, body) {
  const machine = `${cpus().length} × ${cpus()[0].model.trim()}`;
  const text = `# ${title}

\`cargo xtask bench ${name} -- --record\` printed this, on ${machine},
${new Date().toISOString().slice(0, 10)}.

${body}`;
  process.stdout.write(text);
  if (process.argv.includes("--record")) {
    mkdirSync(new URL("record", import.meta.url), { recursive: true });
    writeFileSync(fileURLToPath(new URL(`record/${name}.md`, import.meta.url)), text);
  }
}
