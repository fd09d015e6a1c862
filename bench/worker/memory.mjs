// What a segment that waits for its client takes of the worker's memory.  In: the built worker,
// ffmpeg.  Out: a table, on standard output and in bench/record/memory.md with --record.
//
//     cargo xtask bench
//
// Memory is what is resident of the workerd process, from /proc: the most of it while several
// clients wait with a segment each, less what there is before, shared among them. What a process
// once had it does not give back, so each case has a worker of its own, warmed up with the first
// segment.

import { once } from "node:events";
import { get } from "node:http";
import { median, record } from "../record.mjs";
import { residentBytes } from "./process.mjs";
import { encryptable, get as fetched, onStage, segmentsOf, withWorker } from "./stage.mjs";

const ROUNDS = 3; // the median counts
const SECONDS = 3; // each client waits
const MOST_MEGABYTES = 4; // of a request

const cases = [
  ["CMAF, pictures", "m3u8-cmaf"],
  ["CMAF, pictures, cenc", "m3u8-cmaf,encryption=cenc"],
  ["CMAF, pictures, AES-128", "m3u8-cmaf,encryption=cbc"],
  ["transport stream, pictures and sound", "m3u8-aapl-v3"],
].flatMap(([what, format]) => ["heavy", "heaviest"].map((film) => ({ what, format, film })));

await onStage(async (stage) => {
  for (const one of cases) {
    const film = encryptable(stage.store, stage[one.film].hls);
    const master = film.replace("m3u8-cmaf", one.format);
    const segments = await segmentsOf(stage.native, master);
    one.rounds = [];
    for (let round = 0; round < ROUNDS; round += 1) {
      const measure = (worker) => crowd(worker, one, segments);
      one.rounds.push(await withWorker(stage.native, measure));
    }
  }
});
report();

/** The memory a client takes where each of several asks for a segment that nobody had before. */
async function crowd(worker, one, [first, ...segments]) {
  for (let n = 0; n < 20; n += 1) await fetched(worker, first);
  const { workerd } = worker;
  const before = residentBytes(workerd);
  let most = before;
  const looking = setInterval(() => { most = Math.max(most, residentBytes(workerd)); }, 10);
  const whole = segments.slice(0, -1); // the last is shorter
  const sizes = await Promise.all(whole.map((path) => waiting(worker.url + path)));
  clearInterval(looking);
  one.bytes = Math.round(sizes.reduce((sum, size) => sum + size, 0) / sizes.length);
  return (most - before) / sizes.length;
}

/** Asks for what is at `url`, and takes none of it for [`SECONDS`]; how many bytes it is. */
async function waiting(url) {
  const request = get(url, { agent: false });
  const [response] = await once(request, "response");
  if (response.statusCode !== 200) throw new Error(`${url}: ${response.statusCode}`);
  await new Promise((done) => setTimeout(done, SECONDS * 1000));
  request.destroy();
  return Number(response.headers["content-length"]);
}

function report() {
  const megabytes = (bytes) => bytes / 1_000_000;
  for (const one of cases) one.memory = megabytes(median(one.rounds));
  const row = ({ what, bytes, memory }) => `| ${what} | ${bytes} | ${memory.toFixed(2)} |`;
  record("memory", "What a segment takes of the worker's memory", `\
Several clients at once ask for a segment each and take nothing of it for ${SECONDS} s, of the
worker in workerd over an HTTP origin, media cached as it passes. Memory is what is resident of the
workerd process at most while they wait, less what is before, shared among them; medians of
${ROUNDS} rounds, each with a worker of its own. At most ${MOST_MEGABYTES} MB are allowed, whatever
the segment's size.

| segment | bytes | memory a request, MB |
|---|---|---|
${cases.map(row).join("\n")}
`);
  const worst = Math.max(...cases.map(({ memory }) => memory));
  if (worst > MOST_MEGABYTES) throw new Error(`${worst} MB for a segment on its way`);
}
