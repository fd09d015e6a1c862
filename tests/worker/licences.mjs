// Tests of licence servers behind ours.  In: servers that run, see keys.test.mjs.

import assert from "node:assert/strict";
import { test } from "node:test";
import { jwt } from "./mint.mjs";
import { claims, keys, locatorLike, policyOf, put, restriction, tokenSecret } from "./protect.mjs";
import { licence } from "./provider.mjs";

/** Registers them; `secret` is what the licence server is told in `X-Key`. */
export function licences(at, secret) {
  const good = () => jwt(claims, { secret: tokenSecret });
  const [cenc, cbcs] = [keys.cenc.id, keys["cbcs-aapl"].id];

  /** The locator of a film whose licence server is as good as `mode` says. */
  function guarded(mode) {
    const { demo, locator, provider } = at;
    const server = (system) => ({
      customLicenseAcquisitionUrlTemplate:
        `${provider.url}/licence/{AlternativeMediaId}/${system}?kid={ContentKeyId}`,
      proxyLicenses: true,
    });
    const enabledProtocols = { download: false, dash: true, hls: true, smoothStreaming: true };
    const contentKeys = (label) => ({ defaultKey: { label } });
    put(demo.store, "policies/streaming/drm.json", { properties: {
      commonEncryptionCenc: {
        enabledProtocols, contentKeys: contentKeys("cencDefaultKey"),
        drm: { widevine: server("wv"), playReady: server("pr") },
      },
      commonEncryptionCbcs: {
        enabledProtocols, contentKeys: contentKeys("cbcsDefaultKey"),
        drm: { fairPlay: { ...server("fp"), allowPersistentLicense: false } },
      },
    } });
    put(demo.store, "policies/contentkey/drm.json",
      policyOf(...["Widevine", "PlayReady", "FairPlay"].map((form) => [form, restriction()])));
    return locatorLike(demo.store, locator, {
      streamingPolicyName: "drm", defaultContentKeyPolicyName: "drm", alternativeMediaId: mode,
    });
  }
  const challenge = Buffer.from("a challenge \0\xff", "latin1");
  const post = (path, token = good(), headers = {}) => at.ask(path, {
    method: "POST", body: challenge, headers: { ...at.bearer(token), ...headers },
  });

  test("a challenge with a good token reaches the licence server, and its licence us", async () => {
    const id = guarded("good");
    const soap = "http://schemas.microsoft.com/DRM/2007/03/protocols/AcquireLicense";
    for (const [place, kid, system, headers] of [
      ["Widevine", cenc, "wv", { "Content-Type": "application/octet-stream" }],
      ["PlayReady", cenc, "pr", { "Content-Type": "text/xml; charset=utf-8", SOAPAction: soap }],
      ["FairPlay", cbcs, "fp", { "Content-Type": "application/x-www-form-urlencoded" }],
    ]) {
      at.provider.challenges.length = 0;
      const found = await post(`/${place}/?KID=${kid}&locator=${id}`, good(), headers);
      assert.equal(found.status, 200, `${found.bytes}`);
      assert.deepEqual(found.bytes, licence);
      assert.equal(found.headers.get("content-type"), "application/x-licence");
      assert.equal(found.headers.get("set-cookie"), null);
      assert.equal(at.provider.challenges.length, 2);
      for (const one of at.provider.challenges) {
        assert.equal(`${one.method} ${one.url}`, `POST /licence/good/${system}?kid=${kid}`);
        assert.deepEqual(one.body, challenge);
        assert.equal(one.headers["x-key"], secret);
        assert.equal(one.headers["content-type"], headers["Content-Type"]);
        assert.equal(one.headers.soapaction, headers.SOAPAction);
        // Neither the viewer's token nor his page is anybody else's business.
        for (const name of ["authorization", "origin", "cookie"]) {
          assert.equal(one.headers[name], undefined, name);
        }
      }
    }
  });

  test("PlayReady's players may show the token in their custom data, as AMS had it", async () => {
    const path = `/PlayReady/?KID=${cenc}&locator=${guarded("good")}`;
    const namespace =
      "http://schemas.microsoft.com/Azure/MediaServices/KeyDelivery/PlayReadyCustomData/v1";
    const custom = (token) =>
      `<LA><CustomData>&lt;CustomData xmlns=&quot;${namespace}&quot;&gt;&lt;Token&gt;${token}` +
      "&lt;/Token&gt;&lt;/CustomData&gt;</CustomData></LA>";
    const shown = (body) => at.ask(path, { method: "POST", body });
    assert.equal((await shown(custom(good()))).status, 200);
    assert.equal((await shown(custom("nonsense"))).status, 403);
    assert.equal((await shown(challenge)).status, 403);
  });

  test("without a good token no licence server hears of it", async () => {
    const id = guarded("good");
    at.provider.challenges.length = 0;
    const path = `/Widevine/?KID=${cenc}&locator=${id}`;
    for (const [address, token, status] of [
      [path, "nonsense", 403],
      [path, jwt({ ...claims, iss: "them" }, { secret: tokenSecret }), 403],
      [path, jwt({ ...claims, exp: 1 }, { secret: tokenSecret }), 403],
      [`/ClearKey/?KID=${cenc}&locator=${id}`, good(), 400], // a challenge is no Clear Key request
      [`/?KID=${cenc}&locator=${id}`, good(), 403],
      [`/FairPlay/?KID=${cenc}&locator=${id}`, good(), 404],
      [`/Widevine/?KID=60000000-0000-0000-0000-00000000000f&locator=${id}`, good(), 404],
      [`/Widevine/?KID=${cenc}&locator=${at.locator}`, good(), 404],
      [`/Widevine/?KID=${cenc}`, good(), 400],
      [`/Widevine/?locator=${id}`, good(), 400],
    ]) {
      assert.equal((await post(address, token)).status, status, address);
    }
    assert.equal((await at.ask(path, { headers: at.bearer(good()) })).status, 405);
    assert.deepEqual(at.provider.challenges, []);
    const preflight = await at.ask(path, { method: "OPTIONS" });
    assert.equal(preflight.status, 204);
    assert.equal(preflight.headers.get("access-control-allow-methods"), "POST, OPTIONS");
    assert.match(preflight.headers.get("access-control-allow-headers"), /SOAPAction/);
  });

  test("a licence server that fails is told apart from one that refuses", async () => {
    for (const [mode, status, message] of [
      ["refuses", 403, "access denied"],
      ["fails", 502, "the licence server gave no licence"],
      ["big", 502, "the licence server gave no licence"],
      ["moved", 502, "the licence server gave no licence"],
      ["late", 504, "the licence server gave no licence"],
    ]) {
      const found = await post(`/Widevine/?KID=${cenc}&locator=${guarded(mode)}`);
      assert.equal(found.status, status, mode);
      assert.equal(JSON.parse(found.bytes).error.message, message, mode);
    }
    for (const log of Object.values(at.logs)) {
      assert.ok(log.includes(`licence server ${at.provider.host}: it answered 500`));
    }
  });

  test("manifests send players to us, with their token, and not to the server", async () => {
    const id = guarded("good");
    const [path] = at.film.hls.replace(at.locator, id).split("/manifest(");
    const token = good();
    for (const { url } of Object.values(at.servers)) {
      const get = async (params) =>
        (await fetch(`${url}${path}/manifest(${params})?token=${token}`)).text();
      const [mpd, hls] = [
        await get("format=mpd-time-cmaf,encryption=cenc"),
        await get("format=m3u8-cmaf,encryption=cbcs-aapl"),
      ];
      const own = (place, kid) => `${place}/?KID=${kid}&locator=${id}&token=${token}`;
      assert.ok(mpd.includes(`${url}/${own("Widevine", cenc)}`.replaceAll("&", "&amp;")), mpd);
      const [, pro] = /<mspr:pro[^>]*>([^<]+)</.exec(mpd) ?? [];
      const header = Buffer.from(pro, "base64").toString("utf16le");
      const place = `${url}/${own("PlayReady", cenc)}`.replaceAll("&", "&amp;");
      assert.ok(header.includes(place), header);
      const skd = `${url}/${own("FairPlay", cbcs)}`.replace("http:", "skd:");
      assert.ok(hls.includes(`URI="${skd}"`), hls);
      for (const text of [mpd, header, hls]) assert.ok(!text.includes(at.provider.host), text);
    }
  });
}
