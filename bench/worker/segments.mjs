// What a segment costs, in a short film and in a long one.  In: the built worker, ffmpeg.
// Out: a table, on standard output and in bench/record/segments.md with --record.
//
//     cargo xtask bench
//
// The films differ in length alone. CPU time is that of the workerd process, all threads, from
// /proc; both films are asked by turns, so that what else the machine does falls on both.

import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { secret, serveNatively } from "../../tests/worker/demo.mjs";
import { filesBelow, repository, startWorker } from "../../tests/worker/worker.mjs";
import { cpuSeconds, workerdBelow } from "./process.mjs";

const ROUNDS = 12;
const REQUESTS = 250; // of each film, each round

const store = mkdtempSync(join(tmpdir(), "selvedge-bench-"));
const run = ["run", "--quiet", "--release", "--package", "selvedge-bench", "--bin", "bench_store"];
const told = execFileSync("cargo", [...run, "--", store], { cwd: repository, encoding: "utf8" });
const { binary, films } = JSON.parse(told);
const native = await serveNatively({ store, binary });
const signed = { STORE: "origin", ORIGIN_URL: native.url, ORIGIN_SECRET: secret };
const worker = await startWorker(signed);
const workerd = workerdBelow(process.pid);

try {
  for (const film of films) await learn(film);
  for (const film of films) film.cold = await cold(film);
  // The heads are cached by now; this round reads the pages.
  for (const film of films) film.fresh = (await ask(film, REQUESTS)).costs;
  for (let round = 0; round < ROUNDS; round += 1) {
    const order = round % 2 ? films : [...films].reverse();
    for (const film of order) film.rounds.push(await ask(film, REQUESTS));
  }
  report();
} finally {
  await worker.close();
  native.close();
  rmSync(store, { recursive: true });
}

/** Finds the segments of a film's video. */
async function learn(film) {
  const folder = (url) => url.slice(0, url.lastIndexOf("/") + 1);
  const lines = async (path) => (await (await fetch(native.url + path)).text()).split("\n");
  const media = (await lines(film.hls)).find((line) => line.startsWith("QualityLevels"));
  const playlist = folder(film.hls) + media;
  const segments = (await lines(playlist)).filter((line) => line.startsWith("Fragments"));
  film.segments = segments.map((line) => folder(playlist) + line);
  film.rounds = [];
}

/** The first request of a film: nothing of its index is cached. */
async function cold(film) {
  return cost(await get(film.segments[Math.floor(film.segments.length / 2)]));
}

/** Asks for segments spread over the film: CPU a request, and what it read for a new page. */
async function ask(film, count) {
  const before = cpuSeconds(workerd);
  const costs = [];
  for (let n = 0; n < count; n += 1) {
    const place = Math.floor(((n + 0.5) * film.segments.length) / count);
    costs.push(cost(await get(film.segments[place])));
  }
  return { milliseconds: ((cpuSeconds(workerd) - before) * 1000) / count, costs };
}

async function get(path) {
  const response = await fetch(worker.url + path);
  const { status } = response;
  if (status !== 200) throw new Error(`${path}: ${status} ${await response.text()}`);
  const bytes = (await response.arrayBuffer()).byteLength;
  return { timing: response.headers.get("Server-Timing"), bytes };
}

/** Reads and bytes of the index, and media bytes that entered WebAssembly, from Server-Timing. */
function cost({ timing, bytes }) {
  const [, reads, index] = /index;desc="(\d+) reads, (\d+) bytes"/.exec(timing).map(Number);
  const documents = Number(/documents;desc="(\d+) reads/.exec(timing)[1]);
  const wasm = Number(/wasm-media;desc="(\d+)"/.exec(timing)[1]);
  return { reads, index, documents, wasm, bytes };
}

function report() {
  const median = (values) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];
  const [short, long] = films.map((film) => {
    const costs = [...film.fresh, ...film.rounds.flatMap((round) => round.costs)];
    // Locator and head expire after a minute; a request that reads them again is a cold one.
    const warm = costs.filter(({ documents, reads }) => documents === 0 && reads <= 1);
    return {
      segments: film.segments.length,
      head: film.cold,
      page: Math.max(...warm.map(({ index }) => index)),
      cold: (100 * (costs.length - warm.length)) / costs.length,
      wasm: Math.max(film.cold.wasm, ...costs.map(({ wasm }) => wasm)),
      bytes: median(costs.map(({ bytes }) => bytes)),
      cpu: Math.min(...film.rounds.map(({ milliseconds }) => milliseconds)),
    };
  });
  const row = (what, pick, digits = 0) => {
    const [a, b] = [short, long].map(pick);
    const ratio = a === 0 ? "" : (b / a).toFixed(2);
    return `| ${what} | ${a.toFixed(digits)} | ${b.toFixed(digits)} | ${ratio} |`;
  };
  const text = `# What a segment costs

\`cargo xtask bench -- --record\` printed this, on ${cpus().length} × ${cpus()[0].model.trim()},
${new Date().toISOString().slice(0, 10)}.

Two films of one picture and sound, H.264 at 640×360 with AAC in one file, differ in length alone.
Segments of video are asked of the worker in workerd over an HTTP origin, spread over the film,
${ROUNDS} rounds of ${REQUESTS}, both films by turns. CPU is that of the whole workerd process,
HTTP and streams included; the best round, which the machine's other work disturbed least.

| | 10 minutes | 2 hours | ratio |
|---|---|---|---|
${row("video segments", (film) => film.segments)}
${row("bytes of a segment", (film) => film.bytes)}
${row("index bytes read, nothing cached (head and page)", (film) => film.head.index)}
${row("index reads, nothing cached (head, then page)", (film) => film.head.reads)}
${row("index bytes read in one read, head cached (the page), at most", (film) => film.page)}
${row("media bytes through WebAssembly", (film) => film.wasm)}
${row("CPU a request, ms", (film) => film.cpu, 3)}

Dependent reads of a segment: the page, then the media. A cached page leaves the media alone;
nothing cached puts locator and head before them (${short.cold.toFixed(1)} % and
${long.cold.toFixed(1)} % of the requests, as they expire after a minute).

The worker's modules are ${workerBytes()} bytes after gzip -9.
`;
  process.stdout.write(text);
  if (process.argv.includes("--record")) {
    mkdirSync(new URL("../record", import.meta.url), { recursive: true });
    writeFileSync(fileURLToPath(new URL("../record/segments.md", import.meta.url)), text);
  }
  const close = (a, b) => Math.abs(b / a - 1) <= 0.1;
  const holds =
    close(short.head.index, long.head.index) && close(short.page, long.page) &&
    close(short.cpu, long.cpu) && short.wasm + long.wasm === 0;
  if (!holds) throw new Error("a segment's cost depends on the length of the film, or is too high");
}

function workerBytes() {
  const built = join(repository, "edge/build");
  const modules = filesBelow(built).filter((name) => /\.(js|wasm)$/.test(name));
  const packed = (name) => gzipSync(readFileSync(join(built, name)), { level: 9 }).length;
  return modules.reduce((sum, name) => sum + packed(name), 0);
}
