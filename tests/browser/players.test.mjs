// hls.js, dash.js and Shaka Player play the demo from the worker to its end, in a real browser.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { publishDemo } from "../worker/demo.mjs";
import { build, startWorker } from "../worker/worker.mjs";
import { launch, missing, run } from "./browser.mjs";
import { servePages } from "./pages.mjs";

let demo, worker, pages, browser;

before(async () => {
  if (missing) return;
  build();
  demo = publishDemo();
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

const players = [
  ["hls.js", "hls"],
  ["hls.js", "transport streams"],
  ["hls.js", "muxed transport streams"],
  ["dash.js", "dash"],
  ["dash.js", "dash before CMAF"],
  ["dash.js", "dash on demand"],
  ["dash.js", "smooth"],
  ["shaka", "dash"],
  ["shaka", "hls"],
  ["shaka", "transport streams"],
  ["shaka", "muxed transport streams"],
  ["shaka", "dash before CMAF"],
  ["shaka", "dash on demand"],
  ["shaka 4", "smooth"],
];

const addresses = {
  hls: ({ hls }) => hls,
  dash: ({ dash }) => dash,
  "dash before CMAF": ({ dash }) =>
    dash.replace("mpd-time-cmaf", "mpd-time-csf,trick-mode=true"),
  "dash on demand": ({ dash }) =>
    dash.replace("mpd-time-cmaf", "mpd-time-cmaf,profile=on-demand"),
  smooth: ({ smooth }) => smooth,
  "transport streams": ({ hls }) => hls.replace("m3u8-cmaf", "m3u8-aapl"),
  "muxed transport streams": ({ hls }) => hls.replace("m3u8-cmaf", "m3u8-aapl-v3"),
};

/** The asset players choose among: several heights, several languages. */
const film = () => demo.assets.find(({ heights }) => heights.length > 2);

const isNear = (time, duration) => Math.abs(time - duration) <= 0.1;

for (const [player, protocol] of players) {
  test(`${player} plays ${protocol} to the end`, { skip: missing }, async () => {
    const { seconds, frames } = film();
    const url = worker.url + addresses[protocol](film());
    const found = await run(browser, pages.url, "wholeMovie", player, url);
    const told = JSON.stringify(found);
    assert.deepEqual(found.faults, [], told);
    assert.deepEqual(found.network, [], told);
    assert.deepEqual(found.stalls, [], told);
    assert.ok(found.ended, told);
    assert.ok(isNear(found.time, found.duration) && isNear(found.duration, seconds), told);
    // One range: no hole anywhere between pictures or sound.
    assert.equal(found.buffered.length, 1, told);
    assert.ok(found.frames >= frames * 0.95, `${found.frames} of ${frames} pictures`);
  });

  test(`${player} jumps and switches in ${protocol}`, { skip: missing }, async () => {
    const url = worker.url + addresses[protocol](film());
    const found = await run(browser, pages.url, "jumpsAndSwitches", player, url);
    const told = JSON.stringify(found);
    assert.deepEqual(found.faults, [], told);
    assert.deepEqual(found.network, [], told);
    assert.deepEqual(found.heights, film().heights, told);
    // Where sound goes with the pictures there is nothing to choose from.
    if (!protocol.startsWith("muxed")) {
      assert.equal(found.languages.length, film().languages.length, told);
    }
    assert.ok(isNear(found.time, found.duration), told);
  });
}

test("shaka winds through the key frames of dash and plays on", { skip: missing }, async () => {
  const url = worker.url + film().dash.replace("mpd-time-cmaf", "mpd-time-cmaf,trick-mode=true");
  const found = await run(browser, pages.url, "winds", "shaka", url);
  const told = JSON.stringify(found);
  assert.deepEqual(found.faults, [], told);
  assert.deepEqual(found.network, [], told);
  assert.ok(found.keyFrames > 0, told);
  assert.ok(isNear(found.time, found.duration), told);
});
