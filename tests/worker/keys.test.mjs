// Keys: who gets them, and what forgers try, at the worker and at the native server. Nothing of a
// key, a token or a licence is ever logged.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createHmac } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { attacks, hostileHeaders } from "./attacks.mjs";
import { publishDemo, secret, serveNatively } from "./demo.mjs";
import { jwt, now } from "./mint.mjs";
import { licences } from "./licences.mjs";
import { openid } from "./openid.mjs";
import {
  certificate, claims, keys, locatorLike, policyOf, protect, put, restriction, rotating, rs256,
  tokenSecret,
} from "./protect.mjs";
import { licence, signed, startProvider } from "./provider.mjs";
import { build, startWorker } from "./worker.mjs";

const master = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
const stored = "60606060-6060-6060-6060-606060606060";
const tampered = "60606060-6060-6060-6060-606060606061";
const absent = "60606060-6060-6060-6060-606060606062";
const policed = "urn:microsoft:azure:mediaservices:contentkeyidentifier";
const serverSecret = "what the licence server wants to hear";

const bearer = (token) => ({ Authorization: `Bearer ${token}` });

/** What the tests of the other files have of these servers, too. */
const at = { servers: {}, logs: { native: "", worker: "" }, ask, opens, refuses, bearer };
const { servers, logs } = at;
let demo, film, locator;

before(async () => {
  build();
  const provider = await startProvider();
  demo = publishDemo();
  film = demo.assets.find(({ name }) => name === "film");
  locator = protect(demo.store, film.hls);
  Object.assign(at, { demo, film, locator, provider });
  storeKeys();
  const headers = JSON.stringify({ [provider.host]: { "X-Key": serverSecret } });
  const env = {
    SELVEDGE_MASTER_KEY: master, SELVEDGE_LOG: "trace", SELVEDGE_LICENSE_HEADERS: headers,
  };
  const flags = ["--call-private", "--call-timeout", "500"];
  const told = (name) => (text) => (logs[name] += text);
  servers.native = await serveNatively(demo, flags, { env, told: told("native") });
  servers.worker = await startWorker({
    STORE: "origin", ORIGIN_URL: servers.native.url, ORIGIN_SECRET: secret, MASTER_KEY: master,
    CALL_PRIVATE: true, CALL_TIMEOUT_MS: 500, LICENSE_HEADERS: headers,
  }, undefined, told("worker"));
});

after(async () => {
  await servers.worker?.close();
  servers.native?.close();
  at.provider?.close();
  demo?.remove();
});

/** `openssl enc -id-aes256-wrap` of the key "sixteen bytes ok", which names its policy itself. */
function storeKeys() {
  const wrapped = readFileSync(new URL("../vectors/wrapped.hex", import.meta.url), "utf8");
  const bytes = Buffer.from(wrapped.trim(), "hex");
  const document = (id) => ({
    id, alg: "A256KW", encryptedKey: bytes.toString("base64"), policyName: "strict",
  });
  put(demo.store, `keys/${stored}.json`, document(stored));
  bytes[20] ^= 1;
  put(demo.store, `keys/${tampered}.json`, document(tampered));
}

const origin = "https://films.example";
const good = () => jwt(claims, { secret: tokenSecret });
const address = (id = keys.cbc.id, of = locator) => `/?KID=${id}&locator=${of}`;

/** Asks both servers; gives the worker's answer after seeing that they are the same. */
async function ask(path, init = {}) {
  const one = async ({ url }) => {
    const headers = { "Accept-Encoding": "identity", Origin: origin, ...init.headers };
    const response = await fetch(url + path, { ...init, headers });
    const bytes = Buffer.from(await response.arrayBuffer());
    return { status: response.status, headers: response.headers, bytes };
  };
  const found = await Promise.all(Object.values(servers).map(one));
  const [native, worker] = found;
  assert.equal(native.status, worker.status, `${path}: ${native.bytes} ${worker.bytes}`);
  assert.equal(Buffer.compare(native.bytes, worker.bytes), 0, path);
  for (const { headers } of found) {
    assert.equal(headers.get("cache-control"), "no-store", path);
    assert.equal(headers.get("access-control-allow-origin"), origin, path);
    assert.equal(headers.get("access-control-allow-credentials"), "true", path);
    assert.match(headers.get("vary"), /Origin/, path);
  }
  return worker;
}

async function opens(token, path = address(), value = keys.cbc.value) {
  const { status, bytes } = await ask(path, { headers: bearer(token) });
  assert.equal(status, 200, `${bytes}`);
  assert.deepEqual(bytes, value);
}

async function refuses(token, path = address(), status = 403, what = "") {
  const found = await ask(path, { headers: bearer(token) });
  assert.equal(found.status, status, `${what} ${found.bytes}`);
  // Nothing that would help to guess.
  if (status === 403) {
    const { error } = JSON.parse(found.bytes);
    assert.deepEqual([error.code, error.message], ["MPE_UNAUTHORIZED", "access denied"], what);
  }
}

test("a good token opens a key wherever it is shown", async () => {
  await opens(good());
  for (const header of [`bearer ${good()}`, `Bearer=${good()}`]) {
    const { status } = await ask(address(), { headers: { Authorization: header } });
    assert.equal(status, 200, header);
  }
  assert.equal((await ask(`${address()}&token=${good()}`)).status, 200);
  const posted = await ask(address(), { method: "POST", headers: bearer(good()) });
  assert.deepEqual(posted.bytes, keys.cbc.value);
});

test("a token signed by the policy's RSA key opens a key", async () => {
  await opens(rs256(claims));
  await refuses(rs256({ ...claims, iss: "them" }));
});

test("a token signed for a certificate of the policy opens a key", async () => {
  const [ec, rsa] = ["ES256", "RS256"].map(certificate);
  put(demo.store, "policies/contentkey/certified.json", policyOf(["ClearKey", restriction({
    primaryVerificationKey: ec.verifies, alternateVerificationKeys: [rsa.verifies],
  })]));
  const other = locatorLike(demo.store, locator, { defaultContentKeyPolicyName: "certified" });
  const path = address(keys.cbc.id, other);
  for (const one of [ec, rsa]) {
    const token = signed(one, claims);
    await opens(token, path);
    const [head, , signature] = token.split(".");
    const more = Buffer.from(JSON.stringify({ ...claims, exp: now + 9999 })).toString("base64url");
    for (const [what, forged] of [
      ["another issuer", signed(one, { ...claims, iss: "them" })],
      ["expired", signed(one, { ...claims, exp: now - 1 })],
      ["other claims", `${head}.${more}.${signature}`],
      ["half a signature", token.slice(0, -40)],
      ["nobody's key", signed({ ...certificate(one.alg), alg: one.alg }, claims)],
      ["HMAC under the certificate", jwt(claims, { secret: one.rawBody })],
      ["HMAC under it, and its algorithm", jwt(claims, {
        secret: one.rawBody, header: { alg: one.alg },
      })],
      ["the policy's secret is another's", good()],
    ]) {
      await refuses(forged, path, 403, `${one.alg} ${what}`);
    }
  }
  await refuses(signed({ ...ec, alg: "RS256" }, claims), path);
  await refuses(signed({ ...rsa, alg: "ES256" }, claims), path);
});

test("whatever is wrong with a token, it opens nothing and nobody learns why", async () => {
  for (const [what, token] of attacks(claims)) {
    await refuses(token, address(), 403, what);
    const shown = `${address()}&token=${encodeURIComponent(token)}`;
    assert.equal((await ask(shown)).status, 403, `${what}, in the query`);
  }
  for (const [what, headers] of hostileHeaders(good())) {
    assert.equal((await ask(address(), { headers })).status, 403, what);
  }
});

test("a token for another key opens this one no more than none", async () => {
  const path = `/?kid=${stored}`;
  const named = (id) => jwt({ ...claims, [policed]: id }, { secret: tokenSecret });
  await opens(named(stored), path, Buffer.from("sixteen bytes ok"));
  await refuses(named(keys.cbc.id), path);
  await refuses(good(), path);
});

test("what the command line mints for a policy opens its keys", async () => {
  const mint = (...more) => execFileSync(demo.binary,
    ["token", "key", ...more, "--store", demo.store], { encoding: "utf8", stdio: "pipe" }).trim();
  await opens(mint("tests"));
  await opens(mint("strict", "--kid", stored), `/?kid=${stored}`, Buffer.from("sixteen bytes ok"));
  await refuses(mint("strict", "--kid", keys.cbc.id), `/?kid=${stored}`);
  await refuses(mint("tests", "--not-before", `${now + 300}`));
  assert.throws(() => mint("strict"), /--kid GUID/);
  assert.throws(() => mint("nothing"), /not in the store/);
});

test("a key that was changed, or is missing, is our fault and told by its name alone", async () => {
  const token = jwt({ ...claims, [policed]: tampered }, { secret: tokenSecret });
  const contentKeys = [{ id: absent, labelReferenceInStreamingPolicy: "aesDefaultKey" }];
  const without = locatorLike(demo.store, locator, { contentKeys });
  for (const [path, words] of [
    [`/?kid=${tampered}`, `content key ${tampered}: it does not unwrap`],
    [address(absent, without), `content key ${absent}: it is not stored`],
  ]) {
    const found = await ask(path, { headers: bearer(token) });
    assert.equal(found.status, 500, path);
    assert.match(`${found.bytes}`, new RegExp(words));
  }
  const manifest = film.hls.replace(locator, without).replace(/\)(\.m3u8)?$/, ",encryption=cbc)$1");
  const listed = await (await fetch(servers.worker.url + manifest)).text();
  const [, level, track] = /^(QualityLevels\(\d+\))\/Manifest\((\w+)/m.exec(listed) ?? [];
  const fragment = `${level}/Fragments(${track}=0,format=m3u8-cmaf,encryption=cbc)`;
  for (const { url } of Object.values(servers)) {
    const response = await fetch(url + manifest.replace(/manifest\(.*/, fragment));
    assert.equal(response.status, 500);
    assert.match(await response.text(), new RegExp(`content key ${absent}: it is not stored`));
  }
});

test("media that is encrypted already is refused with the code AMS gave it", async () => {
  const folder = join(demo.store, "assets/sealed");
  mkdirSync(folder);
  const input = ["-f", "lavfi", "-i", "testsrc2=size=64x64:rate=25", "-t", "2"];
  execFileSync("ffmpeg", ["-nostdin", "-loglevel", "error", ...input, "-c:v", "libx264",
    "-encryption_scheme", "cenc-aes-ctr", "-encryption_key", "00".repeat(16),
    "-encryption_kid", "11".repeat(16), join(folder, "a.mp4")]);
  writeFileSync(join(folder, "a.ism"), `<smil xmlns="http://www.w3.org/2001/SMIL20/Language">
    <head><meta name="formats" content="mp4"/></head><body><switch>
    <video src="a.mp4" systemBitrate="1000"/></switch></body></smil>`);
  const id = locatorLike(demo.store, locator, { assetName: "sealed" });
  for (const { url } of Object.values(servers)) {
    const path = `/${id}/a.ism/manifest(format=m3u8-cmaf,encryption=cbc)`;
    const response = await fetch(url + path);
    const { error } = await response.json();
    assert.equal(response.status, 415);
    assert.equal(error.code, "MPE_ENC_ALREADY_ENCRYPTED");
  }
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
    method: "POST", body, headers: bearer(token),
  });
  const { status, bytes } = await post(JSON.stringify({ kids: [kid], type: "temporary" }));
  assert.equal(status, 200, `${bytes}`);
  const k = value.toString("base64url");
  assert.deepEqual(JSON.parse(bytes).keys, [{ kty: "oct", kid, k }]);
  assert.equal((await post(JSON.stringify({ kids: [kid] }), "nonsense")).status, 403);
  for (const bad of ["{", "{}", '{"kids":["x"]}', JSON.stringify({ kids: Array(33).fill(kid) })]) {
    assert.equal((await post(bad)).status, 400, bad);
  }
});

test("a licence brings the keys of other crypto periods, as far as the token allows", async () => {
  const rotated = rotating(demo.store, locator, "PT10S");
  const asked = async (of, token, { id } = keys.cenc) => {
    const { status, bytes } = await ask(`/ClearKey/?KID=${id}&locator=${of}`, {
      method: "POST", headers: bearer(token),
    });
    assert.equal(status, 200, `${bytes}`);
    return JSON.parse(bytes).keys.map(({ kid }) => Buffer.from(kid, "base64url").toString("hex"));
  };
  const hex = (id) => id.replaceAll("-", "");
  const next = keys.cenc.id.replace("60", "61");
  assert.deepEqual(await asked(rotated, good()), [keys.cenc.id, next].map(hex));
  assert.deepEqual(await asked(rotated, good(), { id: next }), [next, keys.cenc.id].map(hex));
  await opens(good(), address(keys.cbc.id, rotated));
  // Where the policy wants a token to name the key, one for a key brings that.
  const strict = locatorLike(demo.store, rotated, { defaultContentKeyPolicyName: "strict" });
  const one = jwt({ ...claims, [policed]: next }, { secret: tokenSecret });
  assert.deepEqual(await asked(strict, one, { id: next }), [hex(next)]);
  await refuses(one, `/ClearKey/?KID=${keys.cenc.id}&locator=${strict}`);
  // Values may lie wrapped under keys/; one that is not there is left out.
  const label = { labelReferenceInStreamingPolicy: "cencDefaultKey" };
  const contentKeys = [
    { id: keys.cenc.id, value: keys.cenc.value.toString("base64"), ...label },
    { id: stored, cryptoPeriodStart: "PT10S", ...label },
    { id: absent, cryptoPeriodStart: "PT20S", ...label },
  ];
  const wrapped = locatorLike(demo.store, locator, { contentKeys });
  assert.deepEqual(await asked(wrapped, good()), [keys.cenc.id, stored].map(hex));
});

test("a body longer than any challenge is not read", async () => {
  for (const { url } of Object.values(servers)) {
    const response = await fetch(`${url}/ClearKey/`, { method: "POST", body: "x".repeat(70_000) });
    assert.equal(response.status, 413);
    await response.arrayBuffer();
  }
});

test("a manifest hands its token on to the keys, and names no key's value", async () => {
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

openid(at);
licences(at, serverSecret);

test("no log holds a key, a token, a licence or another secret", async () => {
  const secrets = [tokenSecret, master, secret, serverSecret, "eyJ", "sixteen bytes ok"];
  secrets.push("secret words", "a challenge", licence.subarray(0, 20).toString());
  for (const { value } of Object.values(keys)) {
    secrets.push(...["hex", "base64", "base64url"].map((form) => value.toString(form)));
  }
  secrets.push(createHmac("sha256", tokenSecret).update("x").digest("base64url"));
  for (const [name, log] of Object.entries(logs)) {
    assert.match(log, /token: its MAC does not match/, `${name} tells the operator of refusals`);
    for (const one of secrets) assert.ok(!log.includes(one), `${name} logs ${one}`);
  }
});
