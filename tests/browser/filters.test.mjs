// hls.js, dash.js and Shaka Player play what filters leave of the demo, to its end and in step.

import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { publishDemo } from "../worker/demo.mjs";
import { build, startWorker } from "../worker/worker.mjs";
import { launch, missing, run } from "./browser.mjs";
import { servePages } from "./pages.mjs";

let demo, worker, pages, browser;

/** From 7 s on, which lies in the second fragment of 6 s; two qualities, one language. */
const filter = {
  name: "late",
  properties: {
    presentationTimeRange: { startSeconds: 7 },
    tracks: [
      [["Type", "Video"], ["Bitrate", "0-2147483647"]],
      [["Type", "Audio"], ["Language", "fr"]],
    ].map((conditions) => ({
      trackSelections: conditions.map(
        ([property, value]) => ({ property, operation: "Equal", value })),
    })),
  },
};

const film = () => demo.assets.find(({ heights }) => heights.length > 2);
const SKIPPED = 6; // seconds: the first fragment

before(async () => {
  if (missing) return;
  build();
  demo = publishDemo();
  mkdirSync(join(demo.store, "filters"), { recursive: true });
  writeFileSync(join(demo.store, "filters/late.json"), JSON.stringify(filter));
  worker = await startWorker({ STORE: "r2", CHECK_ETAGS: false }, demo.store);
  pages = await servePages();
  browser = await launch();
});

after(async () => {
  await browser?.close();
  pages?.close();
  await worker?.close();
  demo?.remove();
});

const filtered = (path) => path.replace(/\)(\.\w+)?$/, ",filter=late)$1");
const transport = ({ hls }) => hls.replace("m3u8-cmaf", "m3u8-aapl");

/** The same filter on what was packaged before: `kind` is a folder of the asset. */
const stored = (kind, ending) => {
  const is = (path) => path.includes(`/${kind}/`) && path.endsWith(ending);
  const path = demo.stored.paths.find(is);
  return { url: path.replace(/(?=\.\w+$)/, "(filter=late)"), ...demo.stored };
};

for (const [player, kind, ending] of [
  ["hls.js", "many", "m3u8"],
  ["hls.js", "single", "m3u8"],
  ["dash.js", "single", "mpd"],
  ["shaka", "many", "mpd"],
]) {
  const title = `${player} plays a filtered view of a stored ${ending}, ${kind} files a track`;
  test(title, { skip: missing }, async () => {
    const { url, seconds, frames } = stored(kind, ending);
    await plays(player, worker.url + url, { seconds, frames });
  });
}

for (const [player, protocol, address] of [
  ["hls.js", "HLS", ({ hls }) => hls],
  ["hls.js", "transport streams", transport],
  ["dash.js", "DASH", ({ dash }) => dash],
  ["shaka", "DASH", ({ dash }) => dash],
  ["shaka", "HLS", ({ hls }) => hls],
]) {
  test(`${player} plays a filtered view in ${protocol}`, { skip: missing }, async () => {
    await plays(player, worker.url + filtered(address(film())), film());
  });
}

/** What is left of a film plays to its end, in step. */
async function plays(player, url, { seconds, frames }) {
  const found = await run(browser, pages.url, "wholeMovie", player, url);
  const told = JSON.stringify(found);
  const left = seconds - SKIPPED;
  assert.deepEqual([found.faults, found.network, found.stalls], [[], [], []], told);
  assert.ok(found.ended && Math.abs(found.duration - left) <= 0.1, told);
  assert.ok(Math.abs(found.time - found.duration) <= 0.1, told);
  // One range: pictures and sound begin and end together, without a hole.
  assert.equal(found.buffered.length, 1, told);
  const expected = (frames * left) / seconds;
  assert.ok(found.frames >= expected * 0.95, `${found.frames} of ${expected} pictures`);
}
