// What a transport stream costs the worker beside CMAF.  In: the built worker, ffmpeg.
// Out: a table, on standard output and in bench/record/transport.md with --record.
//
//     cargo xtask bench
//
// CPU time is that of the workerd process, all threads, from /proc. Formats are asked by turns, so
// that what else the machine does falls on all. A CMAF segment passes the worker untouched: what
// a transport stream costs more is what writing it costs.

import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { secret, serveNatively } from "../../tests/worker/demo.mjs";
import { repository, startWorker } from "../../tests/worker/worker.mjs";
import { cpuSeconds, workerdBelow } from "./process.mjs";

const ROUNDS = 9;
const REQUESTS = 100; // of each format, each round
const MOST_MILLISECONDS = 6; // to write a segment of 3 MB

const store = mkdtempSync(join(tmpdir(), "selvedge-bench-"));
const run = ["run", "--quiet", "--release", "--package", "selvedge-bench", "--bin", "bench_store"];
const told = execFileSync("cargo", [...run, "--", store], { cwd: repository, encoding: "utf8" });
const { binary, heavy } = JSON.parse(told);
const native = await serveNatively({ store, binary });
const signed = { STORE: "origin", ORIGIN_URL: native.url, ORIGIN_SECRET: secret };
const worker = await startWorker(signed);
const workerd = workerdBelow(process.pid);
const formats = [
  ["CMAF, pictures", "m3u8-cmaf"],
  ["transport stream, pictures", "m3u8-aapl"],
  ["transport stream, pictures and sound", "m3u8-aapl-v3"],
].map(([what, format]) => ({ what, format, rounds: [], bytes: 0 }));

try {
  for (const one of formats) one.segments = await segments(one.format);
  for (const one of formats) await ask(one);
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const one of formats) one.rounds.push(await ask(one));
  }
  report();
} finally {
  await worker.close();
  native.close();
  rmSync(store, { recursive: true });
}

/** Whole segments of the film's pictures; the last is shorter. */
async function segments(format) {
  const master = heavy.hls.replace("m3u8-cmaf", format);
  const lines = async (path) => (await (await fetch(native.url + path)).text()).split("\n");
  const folder = (path) => path.slice(0, path.lastIndexOf("/") + 1);
  const media = (await lines(master)).find((line) => line.startsWith("QualityLevels"));
  const playlist = folder(master) + media;
  const found = (await lines(playlist)).filter((line) => line.startsWith("Fragments"));
  return found.slice(0, -1).map((line) => folder(playlist) + line);
}

async function ask(one) {
  const before = cpuSeconds(workerd);
  let bytes = 0;
  for (let n = 0; n < REQUESTS; n += 1) {
    const response = await fetch(worker.url + one.segments[n % one.segments.length]);
    if (response.status !== 200) throw new Error(await response.text());
    bytes += (await response.arrayBuffer()).byteLength;
  }
  one.bytes = Math.round(bytes / REQUESTS);
  return ((cpuSeconds(workerd) - before) * 1000) / REQUESTS;
}

function report() {
  const median = (values) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];
  for (const one of formats) one.cpu = median(one.rounds);
  const [untouched] = formats;
  const row = ({ what, bytes, cpu }) =>
    `| ${what} | ${bytes} | ${cpu.toFixed(2)} | ${(cpu - untouched.cpu).toFixed(2)} |`;
  const text = `# What a transport stream costs

\`cargo xtask bench -- --record\` printed this, on ${cpus().length} × ${cpus()[0].model.trim()},
${new Date().toISOString().slice(0, 10)}.

Segments of six seconds of H.264 at 4 Mbit/s, AAC at 128 kbit/s beside it, asked of the worker in
workerd over an HTTP origin, ${ROUNDS} rounds of ${REQUESTS} of each format, by turns. CPU is that
of the whole workerd process, HTTP and streams included; medians of the rounds. The last column is
what writing the segment adds to passing the same media on.

| segment | bytes | CPU a request, ms | more than CMAF, ms |
|---|---|---|---|
${formats.map(row).join("\n")}
`;
  process.stdout.write(text);
  if (process.argv.includes("--record")) {
    const record = fileURLToPath(new URL("../record/", import.meta.url));
    mkdirSync(record, { recursive: true });
    writeFileSync(join(record, "transport.md"), text);
  }
  const worst = Math.max(...formats.map(({ cpu }) => cpu - untouched.cpu));
  if (worst > MOST_MILLISECONDS) throw new Error(`${worst} ms to write a segment of 3 MB`);
}
