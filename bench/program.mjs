// The program.  In: nothing.  Out: its path, built for speed.

import { execFileSync } from "node:child_process";
import { repository } from "../tests/worker/worker.mjs";

/** The program, built for speed unless a build was named. */
export function built() {
  if (process.env.SELVEDGE_BINARY !== undefined) return process.env.SELVEDGE_BINARY;
  const told = execFileSync("cargo", [
    "build", "--quiet", "--release", "--package", "selvedge-origin", "--bin", "selvedge",
    "--message-format", "json-render-diagnostics",
  ], {
    cwd: repository, encoding: "utf8", maxBuffer: 1 << 28, stdio: ["ignore", "pipe", "inherit"],
  });
  const messages = told.split("\n").filter((line) => line !== "").map((line) => JSON.parse(line));
  return messages.find(({ executable }) => typeof executable === "string").executable;
}
