// What a transport stream costs the worker beside CMAF.  In: the built worker, ffmpeg.
// Out: a table, on standard output and in bench/record/transport.md with --record.
//
//     cargo xtask bench
//
// A CMAF segment passes the worker untouched: what a transport stream costs more is what writing
// it costs.

import { median, record } from "../record.mjs";
import { askSegments, byTurns, onStage, segmentsOf } from "./stage.mjs";

const ROUNDS = 9;
const REQUESTS = 100; // of each format, each round
const MOST_MILLISECONDS = 6; // to write a segment of 3 MB

const formats = [
  ["CMAF, pictures", "m3u8-cmaf"],
  ["transport stream, pictures", "m3u8-aapl"],
  ["transport stream, pictures and sound", "m3u8-aapl-v3"],
].map(([what, format]) => ({ what, format }));

await onStage(async ({ heavy, native, worker }) => {
  for (const one of formats) {
    one.segments = await segmentsOf(native, heavy.hls.replace("m3u8-cmaf", one.format));
  }
  await byTurns(worker, formats, ROUNDS, (one) => askSegments(worker, one, REQUESTS));
});
report();

function report() {
  for (const one of formats) one.cpu = median(one.rounds);
  const [untouched] = formats;
  const row = ({ what, bytes, cpu }) =>
    `| ${what} | ${bytes} | ${cpu.toFixed(2)} | ${(cpu - untouched.cpu).toFixed(2)} |`;
  record("transport", "What a transport stream costs", `\
Segments of six seconds of H.264 at 4 Mbit/s, AAC at 128 kbit/s beside it, asked of the worker in
workerd over an HTTP origin, ${ROUNDS} rounds of ${REQUESTS} of each format, by turns. CPU is that
of the whole workerd process, HTTP and streams included; medians of the rounds. The last column is
what writing the segment adds to passing the same media on.

| segment | bytes | CPU a request, ms | more than CMAF, ms |
|---|---|---|---|
${formats.map(row).join("\n")}
`);
  const worst = Math.max(...formats.map(({ cpu }) => cpu - untouched.cpu));
  if (worst > MOST_MILLISECONDS) throw new Error(`${worst} ms to write a segment of 3 MB`);
}
