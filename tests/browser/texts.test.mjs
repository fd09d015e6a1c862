// hls.js, dash.js and Shaka Player show every cue at its time, in each form text is carried in.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { publishDemo, serveNatively } from "../worker/demo.mjs";
import { launch, missing, run } from "./browser.mjs";
import { servePages } from "./pages.mjs";

let demo, server, pages, browser;

before(async () => {
  if (missing) return;
  demo = publishDemo();
  server = await serveNatively(demo);
  pages = await servePages();
  browser = await launch();
});

after(async () => {
  await browser?.close();
  pages?.close();
  server?.close();
  demo?.remove();
});

// `webvtt` is `wvtt` in DASH, and segments of text beside transport streams in HLS.
const forms = [
  ["hls.js", "imsc", "hls"],
  ["hls.js", "webvtt", "hls"],
  ["dash.js", "imsc", "dash"],
  ["dash.js", "webvtt", "dash"],
  // Shaka Player 4 plays Smooth Streaming without its text.
  ["dash.js", "imsc", "smooth"],
  ["shaka", "imsc", "hls"],
  ["shaka", "webvtt", "hls"],
  ["shaka", "imsc", "dash"],
  ["shaka", "webvtt", "dash"],
  ["shaka's own", "imsc", "hls"],
  ["shaka's own", "webvtt", "hls"],
  ["shaka's own", "imsc", "dash"],
  ["shaka's own", "webvtt", "dash"],
];

for (const [player, form, protocol] of forms) {
  for (const language of ["en", "fr"]) {
    test(`${player} shows ${form} of ${protocol}, ${language}`, { skip: missing }, async () => {
      const url = server.url + demo.texts[form][protocol];
      const cues = demo.texts[language];
      const found = await run(browser, pages.url, "texts", player, url, { language, cues });
      const told = JSON.stringify(found);
      // hls.js 1.7.4 wonders at sound that comes before its pictures, text or not, and goes on.
      const faults = found.faults.filter((fault) => !fault.includes("bufferAppendNoProgress"));
      assert.deepEqual(faults, [], told);
      assert.deepEqual(found.network, [], told);
      assert.equal(found.languages.length, 2, told);
      assert.ok(found.quiet >= 2, told);
    });
  }
}
