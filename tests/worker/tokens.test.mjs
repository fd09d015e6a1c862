// Player tokens: each claim right and wrong, in the path and in the query, at the worker and at
// the native server; and what forgers try. Every refusal looks the same.

import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { crawl } from "./crawl.mjs";
import { publishDemo, secret, serveNatively } from "./demo.mjs";
import { jwt, keySet, mint, now, publicKey, ring, signed } from "./mint.mjs";
import { build, startWorker } from "./worker.mjs";

let demo, film, news, locator;
const servers = {};
let log = "";

before(async () => {
  build();
  demo = publishDemo();
  [film, news] = ["film", "news"].map((name) => demo.assets.find((one) => one.name === name));
  locator = film.hls.split("/")[1];
  mkdirSync(join(demo.store, "tokens"));
  writeFileSync(join(demo.store, "tokens/revoked.txt"), "# stolen\nsession-9\r\ntoken-9\n");
  const place = join(demo.store, "locators", `${news.hls.split("/")[1]}.json`);
  const document = JSON.parse(readFileSync(place));
  document.properties.playerTokenRequired = false;
  writeFileSync(place, JSON.stringify(document));
  writeFileSync(join(demo.store, "tokens/keys.json"), keySet);
  const flags = [
    "--require-token", "--token-keys", join(demo.store, "tokens/keys.json"),
    "--revoked", "tokens/revoked.txt", "--token-issuer", "films",
    "--trust-proxy", "127.0.0.0/8", "--country-header", "CF-IPCountry",
  ];
  const env = { SELVEDGE_TOKEN_SECRETS: ring, SELVEDGE_LOG: "info" };
  servers.native = await serveNatively(demo, flags, { env, told: (text) => (log += text) });
  servers.worker = await startWorker({
    STORE: "origin", ORIGIN_URL: servers.native.url, ORIGIN_SECRET: secret,
    TOKEN_SECRETS: ring, TOKEN_REQUIRED: true, TOKEN_REVOKED: "tokens/revoked.txt",
    TOKEN_ISSUER: "films", TOKEN_KEYS: keySet,
  });
});

after(async () => {
  await servers.worker?.close();
  servers.native?.close();
  demo?.remove();
});

/** Who asks, unless a row says otherwise. */
const viewer = { ip: "203.0.113.7", country: "SE", origin: "https://films.example" };

const carriers = {
  none: (path) => path,
  path: (path, token) => `/~${token}${path}`,
  query: (path, token) => `${path}?token=${token}`,
};

async function ask(server, path, { ip, country, origin, referer } = {}) {
  const headers = { "Accept-Encoding": "identity" };
  if (ip) Object.assign(headers, { "CF-Connecting-IP": ip, "X-Forwarded-For": ip });
  // Cloudflare's own word about the request, as its simulator takes it.
  if (country) headers["CF-IPCountry"] = country;
  headers["MF-CF-Blob"] = JSON.stringify({ country });
  if (origin) headers.Origin = origin;
  if (referer) headers.Referer = referer;
  const response = await fetch(server.url + path, { headers });
  return { status: response.status, headers: response.headers, body: await response.text() };
}

const refused =
  '{"error":{"code":"MPE_UNAUTHORIZED","message":"access denied","value":"0x80890244"}}';

/** Asks both servers with both carriers; `good` says whether the token opens. */
async function check(token, good, { path = film.hls, by = viewer, only } = {}) {
  for (const carrier of only ?? ["path", "query"]) {
    for (const [name, server] of Object.entries(servers)) {
      const { status, headers, body } = await ask(server, carriers[carrier](path, token), by);
      const place = `${name}, ${carrier}: ${body.slice(0, 200)}`;
      assert.equal(status, good ? 200 : 403, place);
      if (!good) {
        assert.deepEqual(JSON.parse(body), JSON.parse(refused), place);
        assert.equal(headers.get("cache-control"), "no-store", place);
        continue;
      }
      assert.match(headers.get("cache-control"), /^private, max-age=\d+$/, place);
      const [life] = /\d+/.exec(headers.get("cache-control")).map(Number);
      assert.ok(life <= 900, `kept longer than the token lives: ${life}`);
    }
  }
}

/** claim: values that open, values that do not. `$` stands for the film's locator. */
const claims = {
  exp: [[now + 600, now + 900], [now - 1, 0]],
  nbf: [[0, now - 1], [now + 500]],
  loc: [["$", ["7ae5ae3e-9dd1-4ad3-9a5c-3f5d1f6f1a0e", "$"]],
    ["7ae5ae3e-9dd1-4ad3-9a5c-3f5d1f6f1a0e"]],
  path: [["/$", "/$/film.ism", "/$/film.ism/", "/"], ["/$/fil", "/$/film.ism/QualityLevels"]],
  ip: [["203.0.113.7", "203.0.113.0/24", ["::/0", "203.0.113.7"]],
    ["203.0.113.8", "203.0.112.0/24", "::/0"]],
  country: [["SE", "se", ["NO", "SE"]], ["NO"]],
  origin: [["https://films.example"], ["https://films.example.evil", "http://films.example"]],
  sid: [["session-1"], ["session-9"]],
  jti: [["token-1"], ["token-9"]],
};

const put = (value) => JSON.parse(JSON.stringify(value).replaceAll("$", locator));

for (const [claim, [good, bad]] of Object.entries(claims)) {
  test(`claim ${claim}`, async () => {
    for (const [values, opens] of [[good, true], [bad, false]]) {
      for (const value of values) {
        await check(mint({ [claim]: put(value) }), opens);
        await check(jwt({ iss: "films", [claim]: put(value) }), opens);
        const alg = opens ? "RS256" : "ES256";
        await check(signed({ iss: "films", [claim]: put(value) }, alg), opens);
      }
    }
  });
}

test("an address of version 6", async () => {
  const by = { ...viewer, ip: "2001:db8:1::7" };
  await check(mint({ ip: "2001:db8:1::/48" }), true, { by });
  await check(mint({ ip: "2001:db8:2::/48" }), false, { by });
});

test("what is not known of the viewer is no match", async () => {
  await check(mint({ country: "SE" }), false, { by: { ip: viewer.ip } });
  await check(mint({ origin: "https://films.example" }), false, { by: { ip: viewer.ip } });
});

test("a referer stands in for an origin that is not sent", async () => {
  const by = { ip: viewer.ip, referer: "https://films.example/watch?v=1" };
  await check(mint({ origin: "https://films.example" }), true, { by });
  await check(mint({ origin: "https://films.exampl" }), false, { by });
});

test("the secret before the newest still opens, an unknown one does not", async () => {
  await check(mint({}, "a"), true);
  await check(mint({}, "b", "another secret than that"), false);
  await check(mint({}, "c", "the_newer_secret_of_the_tests"), false);
});

test("forgeries", async () => {
  const good = mint({ ip: viewer.ip });
  const [version, id, payload, mac] = good.split(".");
  const other = Buffer.from('{"exp":9999999999}').toString("base64url");
  for (const token of [
    good.slice(0, -1), good.slice(0, -20), `${version}.${id}.${payload}`, `${version}..${mac}`,
    `${version}.${id}.${other}.${mac}`, `${version}.a.${payload}.${mac}`, `${good}.`, `${good}A`,
    "p1", "x", "%00", "%ff%fe", "%F0%9F%98%80", "A".repeat(8000), "p1.b." + "A".repeat(6000),
    jwt({ iss: "films" }, { header: { alg: "none" } }),
    jwt({ iss: "films" }, { header: { alg: "HS512" } }),
    jwt({ iss: "films" }, { header: { alg: "RS256" } }),
    jwt({ iss: "films" }, { secret: "another secret than that" }),
    jwt({ iss: "films", aud: "others" }), jwt({ iss: "others" }), jwt({}),
  ]) {
    await check(token, false);
  }
  await check("", false, { only: ["none"] });
  await check(good, true);
});

test("signatures of RS256 and ES256: right, wrong, and taken for something else", async () => {
  const claims = { iss: "films" };
  const others = {
    RS256: generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey,
    ES256: generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey,
  };
  for (const alg of ["RS256", "ES256"]) {
    await check(signed(claims, alg), true);
    await check(signed(claims, alg, { header: { kid: undefined } }), true);
    await check(signed(claims, alg, { header: { kid: "nobody knows" } }), true);
    const good = signed(claims, alg);
    const [header, payload, signature] = good.split(".");
    const claimed = Buffer.from('{"exp":9999999999,"iss":"films"}').toString("base64url");
    const swapped = alg === "RS256" ? "ES256" : "RS256";
    const key = publicKey(alg);
    const pem = key.export({ format: "pem", type: "spki" });
    const der = key.export({ format: "der", type: "spki" });
    for (const token of [
      signed(claims, alg, { by: others[alg] }),
      signed({ ...claims, aud: "others" }, alg), signed({ iss: "others" }, alg),
      `${header}.${claimed}.${signature}`, `${header}.${payload}.`, good.slice(0, -2),
      `${header}.${payload}.${"A".repeat(signature.length)}`,
      signed(claims, alg, { header: { alg: swapped, kid: `key of ${swapped}` } }),
      signed(claims, alg, { header: { alg: "none" } }),
      signed(claims, alg, { header: { alg: "PS256" } }),
      signed(claims, alg, { header: { kid: `key of ${swapped}` } }),
      // The public key as if it were a secret (8725 §2.1).
      ...[pem, pem.trim(), der, JSON.stringify(key.export({ format: "jwk" })), keySet].map(
        (secret) => jwt(claims, { secret, header: { kid: `key of ${alg}` } })),
    ]) {
      await check(token, false);
    }
  }
  await check(signed(claims, "ES256", { dsaEncoding: "der" }), false);
});

test("a token is replayed neither on another path nor from another address", async () => {
  const token = mint({ loc: locator, ip: viewer.ip });
  await check(token, true);
  await check(token, false, { path: demo.assets.find(({ name }) => name === "clip").hls });
  await check(token, false, { by: { ...viewer, ip: "203.0.113.8" } });
});

test("a locator that is not there looks like one that is", async () => {
  const path = "/7ae5ae3e-9dd1-4ad3-9a5c-3f5d1f6f1a0e/film.ism/manifest(format=m3u8-cmaf)";
  await check("x", false, { path });
});

test("a locator may need no token", async () => {
  for (const server of Object.values(servers)) {
    const { status, headers } = await ask(server, news.hls);
    assert.equal(status, 200);
    assert.match(headers.get("cache-control"), /^public/);
    assert.equal((await ask(server, carriers.path(news.hls, "x"))).status, 200);
  }
});

test("a manifest hands its token on to everything it lists, by both carriers", async () => {
  const token = mint({ loc: locator });
  const hls = film.hls.replace("m3u8-cmaf", "m3u8-aapl");
  for (const carrier of ["path", "query"]) {
    const paths = [film.hls, film.dash, hls].map((path) => carriers[carrier](path, token));
    const all = await crawl(servers.worker.url, paths);
    assert.ok(all.length > 80, `${all.length} addresses`);
    for (const path of all) {
      assert.ok(path.includes(token), path);
      for (const server of Object.values(servers)) {
        const response = await fetch(server.url + path);
        assert.equal(response.status, 200, path);
        await response.body.cancel();
      }
    }
  }
});

test("captions are behind the token too", async () => {
  const paths = Object.values(demo.texts.imsc);
  const token = mint();
  const all = await crawl(servers.worker.url, paths.map((path) => carriers.path(path, token)));
  const texts = all.filter((path) => /Fragments\(subt/.test(path));
  assert.ok(texts.length > 2, `${texts.length} addresses of text`);
  for (const path of texts) {
    for (const server of Object.values(servers)) {
      assert.equal((await ask(server, path)).status, 200, path);
      assert.equal((await ask(server, path.replace(`/~${token}`, ""))).status, 403, path);
    }
  }
});

test("segments of all viewers have one entity tag", async () => {
  const tags = new Set();
  const all = await crawl(servers.worker.url, [carriers.path(film.hls, mint())]);
  const segment = all.find((path) => /Fragments\(video=\d/.test(path)).replace(/^\/~[^/]*/, "");
  for (const token of [mint({ sid: "x" }), mint({ sid: "y" }), signed({ iss: "films" }, "ES256")]) {
    for (const carrier of ["path", "query"]) {
      for (const server of Object.values(servers)) {
        const { status, headers } = await ask(server, carriers[carrier](segment, token));
        assert.equal(status, 200);
        tags.add(headers.get("etag"));
      }
    }
  }
  assert.equal(tags.size, 1, [...tags].join());
});

test("the log names the rule and holds no token", async () => {
  const token = mint({ ip: "198.51.100.1", sid: "told-to-nobody" });
  log = "";
  for (const carrier of ["path", "query"]) {
    await ask(servers.native, carriers[carrier](film.hls, token), viewer);
    await ask(servers.native, carriers[carrier](film.hls, mint()), viewer);
  }
  assert.match(log, /403 MPE_UNAUTHORIZED access denied: player token: another address/);
  assert.doesNotMatch(log, /p1\.|eyJ|told-to-nobody/);
});
