// Keys: who gets them, and what forgers try, at the worker and at the native server. Nothing of a
// key or a token is ever logged.

import assert from "node:assert/strict";
import { createHmac, randomBytes } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { publishDemo, secret, serveNatively } from "./demo.mjs";
import { jwt, now } from "./mint.mjs";
import { claims, keys, protect, publicPem, rs256, tokenSecret } from "./protect.mjs";
import { build, startWorker } from "./worker.mjs";

const master = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
const stored = "60606060-6060-6060-6060-606060606060";
const tampered = "60606060-6060-6060-6060-606060606061";
const policed = "urn:microsoft:azure:mediaservices:contentkeyidentifier";

let demo, locator;
const servers = {};
let log = "";

before(async () => {
  build();
  demo = publishDemo();
  locator = protect(demo.store, demo.assets.find(({ name }) => name === "film").hls);
  mkdirSync(join(demo.store, "keys"));
  // `openssl enc -id-aes256-wrap` of the key "sixteen bytes ok", which names its policy itself.
  const wrapped = readFileSync(new URL("../vectors/wrapped.hex", import.meta.url), "utf8");
  const bytes = Buffer.from(wrapped.trim(), "hex");
  const put = (id, bytes) => writeFileSync(join(demo.store, `keys/${id}.json`), JSON.stringify({
    id, alg: "A256KW", encryptedKey: bytes.toString("base64"), policyName: "strict",
  }));
  put(stored, bytes);
  bytes[20] ^= 1;
  put(tampered, bytes);
  const env = { SELVEDGE_MASTER_KEY: master, SELVEDGE_LOG: "trace" };
  servers.native = await serveNatively(demo, [], { env, told: (text) => (log += text) });
  servers.worker = await startWorker({
    STORE: "origin", ORIGIN_URL: servers.native.url, ORIGIN_SECRET: secret, MASTER_KEY: master,
  });
});

after(async () => {
  await servers.worker?.close();
  servers.native?.close();
  demo?.remove();
});

const origin = "https://films.example";
const good = () => jwt(claims, { secret: tokenSecret });
const address = (id = keys.cbc.id) => `/?KID=${id}&locator=${locator}`;

/** Asks both servers; gives the worker's answer after seeing that they are the same. */
async function ask(path, init = {}) {
  const found = [];
  for (const { url } of Object.values(servers)) {
    const headers = { "Accept-Encoding": "identity", Origin: origin, ...init.headers };
    const response = await fetch(url + path, { ...init, headers });
    const bytes = Buffer.from(await response.arrayBuffer());
    found.push({ status: response.status, headers: response.headers, bytes });
  }
  const [one, other] = found;
  assert.equal(one.status, other.status, `${path}: ${one.bytes} ${other.bytes}`);
  assert.equal(Buffer.compare(one.bytes, other.bytes), 0, path);
  for (const { headers } of found) {
    assert.equal(headers.get("cache-control"), "no-store", path);
    assert.equal(headers.get("access-control-allow-origin"), origin, path);
    assert.equal(headers.get("access-control-allow-credentials"), "true", path);
    assert.match(headers.get("vary"), /Origin/, path);
  }
  return other;
}

async function opens(token, path = address(), value = keys.cbc.value) {
  const { status, bytes } = await ask(path, { headers: { Authorization: `Bearer ${token}` } });
  assert.equal(status, 200, `${bytes}`);
  assert.deepEqual(bytes, value);
}

async function refuses(token, path = address(), status = 403) {
  const found = await ask(path, { headers: { Authorization: `Bearer ${token}` } });
  assert.equal(found.status, status, `${found.bytes}`);
  // Nothing that would help to guess.
  if (status === 403) assert.match(`${found.bytes}`, /"access denied"/);
}

test("a good token opens a key wherever it is shown", async () => {
  await opens(good());
  for (const header of [`bearer ${good()}`, `Bearer=${good()}`]) {
    const { status } = await ask(address(), { headers: { Authorization: header } });
    assert.equal(status, 200, header);
  }
  assert.equal((await ask(`${address()}&token=${good()}`)).status, 200);
  const posted = await ask(address(), {
    method: "POST", headers: { Authorization: `Bearer ${good()}` },
  });
  assert.deepEqual(posted.bytes, keys.cbc.value);
});

test("a token signed by the policy's RSA key opens a key", async () => {
  await opens(rs256(claims));
  await refuses(rs256({ ...claims, iss: "them" }));
  const [head, , signature] = rs256(claims).split(".");
  const other = Buffer.from(JSON.stringify({ ...claims, exp: now + 9999 })).toString("base64url");
  await refuses(`${head}.${other}.${signature}`);
});

test("tokens that are wrong, late, early, unsigned or too long open nothing", async () => {
  const signed = (more, options) =>
    jwt({ ...claims, ...more }, { secret: tokenSecret, ...options });
  for (const token of [
    "",
    "nonsense",
    signed({}, { secret: "another secret, as long as it is" }),
    signed({ exp: now - 1 }),
    signed({ exp: undefined }),
    signed({ nbf: now + 300 }),
    signed({ iss: "them" }),
    signed({ aud: ["them"] }),
    signed({}, { header: { alg: "none" } }),
    signed({}, { header: { alg: "HS512" } }),
    signed({}, { header: { crit: ["exp"] } }),
    signed({}, { secret: publicPem }),
    signed({ "urn:microsoft:azure:mediaservices:maxuses": 1 }),
  ]) {
    await refuses(token);
  }
  const huge = signed({ pad: randomBytes(5000).toString("base64") });
  await refuses(huge.slice(0, 8200));
});

test("a token for another key opens this one no more than none", async () => {
  const path = `/?kid=${stored}`;
  const named = (id) => jwt({ ...claims, [policed]: id }, { secret: tokenSecret });
  await opens(named(stored), path, Buffer.from("sixteen bytes ok"));
  await refuses(named(keys.cbc.id), path);
  await refuses(good(), path);
});

test("a wrapped key that was changed is refused, by its name alone", async () => {
  const token = jwt({ ...claims, [policed]: tampered }, { secret: tokenSecret });
  const found = await ask(`/?kid=${tampered}`, { headers: { Authorization: `Bearer ${token}` } });
  assert.equal(found.status, 500);
  assert.match(`${found.bytes}`, new RegExp(`content key ${tampered}: it does not unwrap`));
});

test("keys the locator does not have, and no keys at all, are not found", async () => {
  await refuses(good(), address(stored), 404);
  await refuses(good(), `/?KID=60000000-0000-0000-0000-00000000000f`, 404);
  await refuses(good(), `/?KID=nonsense&locator=${locator}`, 400);
});

test("a Clear Key licence holds the keys it was asked for", async () => {
  const { id, value } = keys.cenc;
  const kid = Buffer.from(id.replaceAll("-", ""), "hex").toString("base64url");
  const post = (body, token = good()) => ask(`/ClearKey/?locator=${locator}`, {
    method: "POST", body, headers: { Authorization: `Bearer ${token}` },
  });
  const { status, bytes } = await post(JSON.stringify({ kids: [kid], type: "temporary" }));
  assert.equal(status, 200, `${bytes}`);
  const k = value.toString("base64url");
  assert.deepEqual(JSON.parse(bytes).keys, [{ kty: "oct", kid, k }]);
  assert.equal((await post(JSON.stringify({ kids: [kid] }), "nonsense")).status, 403);
  for (const bad of ["{", "{}", '{"kids":["x"]}', JSON.stringify({ kids: Array(17).fill(kid) })]) {
    assert.equal((await post(bad)).status, 400, bad);
  }
});

test("a body longer than any challenge is not read", async () => {
  for (const { url } of Object.values(servers)) {
    const response = await fetch(`${url}/ClearKey/`, { method: "POST", body: "x".repeat(70_000) });
    assert.equal(response.status, 413);
    await response.arrayBuffer();
  }
});

test("a manifest hands its token on to the keys, and names no key's value", async () => {
  const film = demo.assets.find(({ name }) => name === "film");
  const token = good();
  for (const { url } of Object.values(servers)) {
    const master = `${film.hls.replace(/\)(\.m3u8)?$/, ",encryption=cbc)$1")}?token=${token}`;
    const text = await (await fetch(url + master)).text();
    const [, key] = /EXT-X-SESSION-KEY:METHOD=AES-128,URI="([^"]+)"/.exec(text) ?? [];
    assert.ok(key?.includes(`token=${token}`), text);
    const response = await fetch(new URL(key, url + master));
    assert.deepEqual(Buffer.from(await response.arrayBuffer()), keys.cbc.value);
  }
});

test("no log holds a key or a token", async () => {
  assert.match(log, /access denied|token: /, "the operator is told of refusals");
  const secrets = [tokenSecret, master, "eyJ", "sixteen bytes ok"];
  for (const { value } of Object.values(keys)) {
    secrets.push(...["hex", "base64", "base64url"].map((form) => value.toString(form)));
  }
  const mac = createHmac("sha256", tokenSecret).update("x").digest("base64url");
  assert.ok(!log.includes(mac));
  for (const one of secrets) assert.ok(!log.includes(one), `the log holds ${one}`);
});
