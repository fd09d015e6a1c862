// Players fetch keys from the worker with a JSON Web Token and play what it encrypts, start and
// end: AES-128 by hls.js, Common Encryption by the browser's own Clear Key (EME) under Shaka Player
// and dash.js. Without the token each says why it does not play.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { publishDemo } from "../worker/demo.mjs";
import { jwt } from "../worker/mint.mjs";
import { claims, longer, protect, rotating, tokenSecret } from "../worker/protect.mjs";
import { build, startWorker } from "../worker/worker.mjs";
import { launch, missing, run } from "./browser.mjs";
import { servePages } from "./pages.mjs";

let demo, film, changing, long, worker, pages, browser;

before(async () => {
  if (missing) return;
  build();
  demo = publishDemo();
  film = demo.assets.find(({ heights }) => heights.length > 2);
  const id = protect(demo.store, film.hls);
  changing = film.hls.replace(id, rotating(demo.store, id, "PT10S"));
  long = film.hls.replace(id, longer(demo.store, id));
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

const manifest = (format, encryption, url = film.hls) => {
  const [path] = url.split("/manifest(");
  const ending = format.startsWith("mpd") ? ".mpd" : ".m3u8";
  return `${worker.url}${path}/manifest(format=${format},encryption=${encryption})${ending}`;
};

const isNear = (time, duration) => Math.abs(time - duration) <= 0.1;

// Four seconds before the end the keys that change have not changed yet: the border is at 12 s.
const last = 4;

async function plays(player, url) {
  const token = jwt(claims, { secret: tokenSecret });
  const at = `${url}?token=${token}`;
  const found = await run(browser, pages.url, "startAndEnd", player, at, { last });
  const told = JSON.stringify(found);
  assert.deepEqual(found.faults, [], told);
  assert.deepEqual(found.network, [], told);
  assert.ok(found.ended && isNear(found.time, found.duration), told);
  assert.ok(Math.abs(found.duration - film.seconds) < 0.5, told);
}

// What a player says of a key it does not get.
const complaints = { "hls.js": /keyLoadError/, shaka: /6007/, "dash.js": /licen[cs]e/i };

for (const [player, format, encryption] of [
  ["hls.js", "m3u8-aapl", "cbc"],
  ["hls.js", "m3u8-cmaf", "cbc"],
  ["hls.js", "m3u8-aapl-v3", "cbcs-aapl"],
  ["shaka", "mpd-time-cmaf", "cenc"],
  ["shaka", "mpd-time-cmaf", "cbcs-aapl"],
  ["dash.js", "mpd-time-cmaf", "cenc"],
  ["dash.js", "mpd-time-cmaf", "cbcs-aapl"],
]) {
  const what = `${format} under ${encryption}`;

  test(`${player} plays ${what} with a token`, { skip: missing }, async () => {
    await plays(player, manifest(format, encryption));
  });

  test(`${player} says why it has no key of ${what}`, { skip: missing }, async () => {
    const url = manifest(format, encryption);
    const found = await run(browser, pages.url, "complains", player, url);
    assert.match(found.faults.join("\n"), complaints[player]);
    assert.equal(found.frames, 0, "nothing of it was shown");
  });
}

for (const [player, format, encryption] of [
  ["hls.js", "m3u8-aapl", "cbc"],
  ["hls.js", "m3u8-aapl-v3", "cbcs-aapl"],
  ["shaka", "mpd-time-cmaf", "cenc"],
  ["shaka", "mpd-time-cmaf", "cbcs-aapl"],
  ["dash.js", "mpd-time-cmaf", "cenc"],
]) {
  const what = `${format} across a change of ${encryption} keys`;

  test(`${player} plays ${what}`, { skip: missing }, async () => {
    await plays(player, manifest(format, encryption, changing));
  });
}

test("shaka plays cenc with vectors of 16 bytes", { skip: missing }, async () => {
  await plays("shaka", manifest("mpd-time-cmaf", "cenc", long));
});
