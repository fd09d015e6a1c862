// What a segment costs, in a short film and in a long one.  In: the built worker, ffmpeg.
// Out: a table, on standard output and in bench/record/segments.md with --record.
//
//     cargo xtask bench
//
// The films differ in length alone.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { filesBelow, repository } from "../../tests/worker/worker.mjs";
import { median, record } from "../record.mjs";
import { byTurns, get, onStage, segmentsOf } from "./stage.mjs";

const ROUNDS = 12;
const REQUESTS = 250; // of each film, each round

let films;
await onStage(async (stage) => {
  films = stage.films;
  for (const film of films) film.segments = await segmentsOf(stage.native, film.hls);
  for (const film of films) film.cold = await cold(stage.worker, film);
  // The heads are cached by now; the first round, before the clock runs, reads the pages.
  await byTurns(stage.worker, films, ROUNDS, (film) => ask(stage.worker, film));
});
report();

/** The first request of a film: nothing of its index is cached. */
async function cold(worker, film) {
  return cost(await get(worker, film.segments[Math.floor(film.segments.length / 2)]));
}

/** Asks for segments spread over the film, and notes what each read. */
async function ask(worker, film) {
  film.costs ??= [];
  for (let n = 0; n < REQUESTS; n += 1) {
    const place = Math.floor(((n + 0.5) * film.segments.length) / REQUESTS);
    film.costs.push(cost(await get(worker, film.segments[place])));
  }
  return REQUESTS;
}

/** Reads and bytes of the index, and media bytes that entered WebAssembly, from Server-Timing. */
function cost({ timing, bytes }) {
  const [, reads, index] = /index;desc="(\d+) reads, (\d+) bytes"/.exec(timing).map(Number);
  const documents = Number(/documents;desc="(\d+) reads/.exec(timing)[1]);
  const wasm = Number(/wasm-media;desc="(\d+)"/.exec(timing)[1]);
  return { reads, index, documents, wasm, bytes };
}

function report() {
  const [short, long] = films.map((film) => {
    const { costs } = film;
    // Locator and head expire after a minute; a request that reads them again is a cold one.
    const warm = costs.filter(({ documents, reads }) => documents === 0 && reads <= 1);
    return {
      segments: film.segments.length,
      head: film.cold,
      page: Math.max(...warm.map(({ index }) => index)),
      cold: (100 * (costs.length - warm.length)) / costs.length,
      wasm: Math.max(film.cold.wasm, ...costs.map(({ wasm }) => wasm)),
      bytes: median(costs.map(({ bytes }) => bytes)),
      cpu: median(film.rounds),
    };
  });
  const row = (what, pick, digits = 0) => {
    const [a, b] = [short, long].map(pick);
    const ratio = a === 0 ? "" : (b / a).toFixed(2);
    return `| ${what} | ${a.toFixed(digits)} | ${b.toFixed(digits)} | ${ratio} |`;
  };
  record("segments", "What a segment costs", `\
Two films of one picture and sound, H.264 at 640×360 with AAC in one file, differ in length alone.
Segments of video are asked of the worker in workerd over an HTTP origin, spread over the film,
${ROUNDS} rounds of ${REQUESTS}, both films by turns. CPU is that of the whole workerd process,
HTTP and streams included; the median of the rounds.

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
`);
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
