// Tests of policies whose keys an OpenID provider keeps.  In: servers that run, see keys.test.mjs.

import assert from "node:assert/strict";
import { test } from "node:test";
import { jwt } from "./mint.mjs";
import { claims, keys, locatorLike, policyOf, put, restriction, tokenSecret } from "./protect.mjs";
import { signed } from "./provider.mjs";

/** Registers them. */
export function openid(at) {
  /** The address of a key whose policy names the provider's `tenant`. */
  function guarded(tenant) {
    const { demo, locator, provider } = at;
    put(demo.store, `policies/contentkey/${tenant}.json`, policyOf(["ClearKey", restriction({
      primaryVerificationKey: null,
      alternateVerificationKeys: [],
      openIdConnectDiscoveryDocument: provider.discovery(tenant),
    })]));
    const id = locatorLike(demo.store, locator, { defaultContentKeyPolicyName: tenant });
    return `/?KID=${keys.cbc.id}&locator=${id}`;
  }
  const asked = (path) => at.provider.asked.filter((one) => one === `/openid/${path}`).length;
  const discovery = ".well-known/openid-configuration";

  test("a token by a key of an OpenID provider opens a key, and none by another does", async () => {
    const path = guarded("good");
    const [rsa, ec] = at.provider.keys;
    await at.opens(signed(rsa, claims), path);
    await at.opens(signed(ec, claims), path);
    // Keys without a name in the token are all tried.
    await at.opens(signed({ ...rsa, kid: undefined }, claims), path);
    const { n } = rsa.publicKey.export({ format: "jwk" });
    for (const token of [
      signed({ ...ec, kid: rsa.kid }, claims),
      signed({ ...rsa, kid: ec.kid }, claims),
      signed(rsa, { ...claims, iss: "them" }),
      signed(rsa, { ...claims, exp: 1 }),
      jwt(claims, { secret: tokenSecret }),
      jwt(claims, { secret: rsa.publicKey.export({ type: "spki", format: "pem" }) }),
      jwt(claims, { secret: Buffer.from(n, "base64url"), header: { kid: rsa.kid } }),
      jwt(claims, { header: { alg: "none", kid: rsa.kid } }),
    ]) {
      await at.refuses(token, path);
    }
    // Once for each of the two servers.
    assert.deepEqual([asked(`good/${discovery}`), asked("good/keys")], [2, 2]);
  });

  test("keys that are changed are found, and asked for no more often than allowed", async () => {
    const path = guarded("good");
    const [old] = at.provider.keys;
    at.provider.rotate();
    await at.opens(signed(old, claims), path);
    assert.equal(asked("good/keys"), 2);
    await at.opens(signed(at.provider.keys[1], claims), path);
    await at.opens(signed(at.provider.keys[0], claims), path);
    await at.refuses(signed(old, claims), path);
    assert.equal(asked("good/keys"), 4);
    at.provider.rotate();
    for (const key of at.provider.keys) await at.refuses(signed(key, claims), path);
    assert.equal(asked("good/keys"), 4);
  });

  test("a provider that fails is our trouble, and the client is told no more", async () => {
    const token = signed(at.provider.keys[0], claims);
    for (const [tenant, status] of Object.entries({
      down: 502, big: 502, junk: 502, moved: 502, other: 502, outside: 502, late: 504,
    })) {
      const path = guarded(tenant);
      const found = await at.ask(path, { headers: at.bearer(token) });
      assert.equal(found.status, status, tenant);
      const { error } = JSON.parse(found.bytes);
      assert.equal(error.message, "the keys that verify tokens cannot be had", tenant);
      // It is not asked again at once.
      await at.ask(path, { headers: at.bearer(token) });
      assert.equal(asked(`${tenant}/${discovery}`), 2, tenant);
    }
    for (const log of Object.values(at.logs)) {
      for (const words of [
        "down/.well-known/openid-configuration: it answered 503",
        "big/.well-known/openid-configuration: its answer is too long",
        "its issuer is another than the policy's",
        "address: its scheme is not https",
        "late/.well-known/openid-configuration: it did not answer in time",
      ]) {
        assert.ok(log.includes(words), words);
      }
    }
  });
}
