// A bad origin gives 502 or 504 or a transfer that visibly fails, and leaves nothing behind: once
// the origin is well, the same worker answers right.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { crawl } from "./crawl.mjs";
import { publishDemo, secret, serveNatively } from "./demo.mjs";
import { startOrigin } from "./origin.mjs";
import { build, startWorker } from "./worker.mjs";

const patience = 400; // milliseconds

let demo, native, origin, manifest, segment;

before(async () => {
  build();
  demo = publishDemo();
  native = await serveNatively(demo);
  origin = await startOrigin(demo.store);
  manifest = demo.assets[0].hls;
  const paths = await crawl(native.url, [manifest]);
  segment = paths.find((path) => /Fragments\(video=\d+/.test(path));
});

after(() => {
  origin?.close();
  native?.close();
  demo?.remove();
});

/** Status and body; the body is an error where the transfer failed. */
async function ask(url) {
  const response = await fetch(url, { signal: AbortSignal.timeout(10 * patience) });
  const { status, headers } = response;
  try {
    return { status, headers, body: Buffer.from(await response.arrayBuffer()) };
  } catch (error) {
    return { status, headers, body: error };
  }
}

/** What each failing gives. `cut`: 200, and a body that ends before its Content-Length. */
const faults = {
  "ignores Range": { document: 502, media: 502 },
  "another range": { document: 502, media: 502 },
  error: { document: 502, media: 502 },
  missing: { media: 502 },
  dead: { document: 502, media: 502 },
  late: { document: 504, media: 504 },
  short: { document: 502, media: "cut" },
  stuck: { document: 504, media: "cut" },
  grown: { media: 502 },
  changed: { media: "etag" },
};

const objects = {
  locator: { is: (name) => name.startsWith("locators/"), kind: "document", path: () => manifest },
  index: { is: (name) => name.endsWith(".index"), kind: "document", path: () => manifest },
  "index, for a segment": {
    is: (name) => name.endsWith(".index"), kind: "document", path: () => segment,
  },
  media: { is: (name) => /\.(mp4|m4a)$/.test(name), kind: "media", path: () => segment },
};

async function check(fault, expected, { is, path }) {
  const worker = await startWorker({
    STORE: "origin", ORIGIN_URL: origin.url, ORIGIN_SECRET: secret,
    ORIGIN_TIMEOUT_MS: patience, CHECK_ETAGS: expected === "etag",
  });
  try {
    let met = false;
    origin.fault = (name) => {
      if (!is(name)) return undefined;
      met = true;
      return fault;
    };
    const bad = await ask(worker.url + path());
    assert.ok(met, "the fault was met");
    if (expected === "cut") {
      assert.ok(bad.body instanceof Error, `a cut body passed as whole: ${bad.status}`);
      assert.notEqual(bad.body.name, "TimeoutError", "the transfer hangs until we give up");
    } else {
      assert.equal(bad.status, expected === "etag" ? 502 : expected, String(bad.body));
      assert.equal(bad.headers.get("cache-control"), "no-store");
      assert.doesNotMatch(String(bad.body), /127\.0\.0\.1|token|localhost/, "names the origin");
    }
    origin.fault = () => undefined;
    if (expected === "etag") return;
    const good = await ask(worker.url + path());
    const want = await ask(native.url + path());
    assert.equal(good.status, 200, String(good.body));
    assert.equal(Buffer.compare(good.body, want.body), 0, "something was left behind");
  } finally {
    await worker.close();
  }
}

for (const [fault, expected] of Object.entries(faults)) {
  for (const [name, object] of Object.entries(objects)) {
    if (expected[object.kind] === undefined) continue;
    test(`${name}: ${fault}`, () => check(fault, expected[object.kind], object));
  }
}

test("nobody there is 502", async () => {
  const away = await startOrigin(demo.store);
  away.close();
  const worker = await startWorker({
    STORE: "origin", ORIGIN_URL: away.url, ORIGIN_SECRET: secret, ORIGIN_TIMEOUT_MS: patience,
  });
  try {
    for (const path of [manifest, segment]) {
      assert.equal((await ask(worker.url + path)).status, 502, path);
    }
  } finally {
    await worker.close();
  }
});
