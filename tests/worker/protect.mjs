// Encrypts an asset of the demo.  In: a published demo. Out: its documents with keys and policies
// beside them, and what the tests need to know of those.

import { execFileSync } from "node:child_process";
import { createPrivateKey, createSign, generateKeyPairSync, randomUUID } from "node:crypto";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { now } from "./mint.mjs";

/** What verifies the tokens of the tests. */
export const tokenSecret = "0123456789abcdef0123456789abcdef";
const { publicKey, privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
export { publicKey };

/** One key a scheme, by its value of `encryption=`. */
export const keys = {
  cbc: { id: "60000000-0000-0000-0000-000000000001", label: "aesDefaultKey" },
  cenc: { id: "60000000-0000-0000-0000-000000000002", label: "cencDefaultKey" },
  "cbcs-aapl": { id: "60000000-0000-0000-0000-000000000003", label: "cbcsDefaultKey" },
};
Object.values(keys).forEach((key, at) => {
  key.value = Buffer.from(Array.from({ length: 16 }, (_, byte) => 16 * (at + 1) + byte));
});

const enabledProtocols = { download: false, dash: true, hls: true, smoothStreaming: true };
const scheme = (label, more) =>
  ({ enabledProtocols, contentKeys: { defaultKey: { label } }, ...more });
const streaming = {
  name: "tests",
  properties: {
    envelopeEncryption: scheme("aesDefaultKey"),
    commonEncryptionCenc: scheme("cencDefaultKey", { clearKeyEncryptionConfiguration: {} }),
    commonEncryptionCbcs: scheme("cbcsDefaultKey", { clearKeyEncryptionConfiguration: {} }),
  },
};

/** An object of AMS's kind `name`. */
export const kind = (name, more = {}) =>
  ({ "@odata.type": `#Microsoft.Media.ContentKeyPolicy${name}`, ...more });
const { n, e } = publicKey.export({ format: "jwk" });
const standard = (text) => Buffer.from(text, "base64url").toString("base64");
const contentKey = {
  name: "tests",
  properties: {
    options: [{
      name: "jwt",
      configuration: kind("ClearKeyConfiguration"),
      restriction: kind("TokenRestriction", {
        issuer: "us",
        audience: "you",
        restrictionTokenType: "Jwt",
        primaryVerificationKey: kind("SymmetricTokenKey", {
          keyValue: Buffer.from(tokenSecret).toString("base64"),
        }),
        alternateVerificationKeys: [
          kind("RsaTokenKey", { modulus: standard(n), exponent: standard(e) }),
        ],
        requiredClaims: [],
      }),
    }],
  },
};

const strict = structuredClone(contentKey);
strict.properties.options[0].restriction.requiredClaims = [
  { claimType: "urn:microsoft:azure:mediaservices:contentkeyidentifier", claimValue: null },
];

/** Puts keys and policies into the store, and the asset at `manifest` under them. */
export function protect(store, manifest) {
  const id = manifest.split("/")[1];
  const place = join(store, "locators", `${id}.json`);
  const locator = JSON.parse(readFileSync(place));
  Object.assign(locator.properties, {
    streamingPolicyName: "tests",
    defaultContentKeyPolicyName: "tests",
    contentKeys: Object.values(keys).map(({ id, label, value }) => ({
      id, labelReferenceInStreamingPolicy: label, value: value.toString("base64"),
    })),
  });
  writeFileSync(place, JSON.stringify(locator));
  put(store, "policies/streaming/tests.json", streaming);
  put(store, "policies/contentkey/tests.json", contentKey);
  put(store, "policies/contentkey/strict.json", strict);
  return id;
}

/** Puts a document into the store. */
export function put(store, object, document) {
  mkdirSync(dirname(join(store, object)), { recursive: true });
  writeFileSync(join(store, object), JSON.stringify(document));
}

/** The locator `id` once more, with these `properties` changed. Gives its name. */
export function locatorLike(store, id, properties) {
  const locator = JSON.parse(readFileSync(join(store, "locators", `${id}.json`)));
  Object.assign(locator.properties, properties);
  const other = randomUUID();
  put(store, `locators/${other}.json`, locator);
  return other;
}

/** A locator like `id` whose samples have vectors of 16 bytes under `cenc`. Gives its name. */
export function longer(store, id) {
  const policy = structuredClone(streaming);
  Object.assign(policy.properties.commonEncryptionCenc, { perSampleIVSize: 16 });
  put(store, "policies/streaming/longer.json", { ...policy, name: "longer" });
  return locatorLike(store, id, { streamingPolicyName: "longer" });
}

/** A locator like `id` whose keys change at `border`, written like `PT10S`. Gives its name. */
export function rotating(store, id, border) {
  const contentKeys = Object.values(keys).flatMap(({ id, label, value }) => {
    const labelReferenceInStreamingPolicy = label;
    const next = { id: id.replace("60", "61"), value: Buffer.from(value).reverse() };
    return [{ id, value }, { ...next, cryptoPeriodStart: border }].map(({ value, ...key }) =>
      ({ ...key, labelReferenceInStreamingPolicy, value: value.toString("base64") }));
  });
  return locatorLike(store, id, { contentKeys });
}

/** A content key policy of these `[configuration, restriction]`. */
export const policyOf = (...options) => ({
  properties: {
    options: options.map(([configuration, restriction]) =>
      ({ configuration: kind(`${configuration}Configuration`), restriction })),
  },
});

/** Lets in whom the tests' secret or what is `more` says. */
export const restriction = (more) =>
  ({ ...contentKey.properties.options[0].restriction, ...more });

/** What the policy lets in. */
export const claims = { iss: "us", aud: "you" };

/** A token signed by the policy's RSA key. */
export function rs256(claims) {
  const part = (object) => Buffer.from(JSON.stringify(object)).toString("base64url");
  const text = `${part({ alg: "RS256" })}.${part({ exp: now + 600, ...claims })}`;
  return `${text}.${createSign("sha256").update(text).sign(privateKey).toString("base64url")}`;
}

const newKeys = {
  RS256: ["rsa:2048"],
  ES256: ["ec", "-pkeyopt", "ec_paramgen_curve:P-256"],
};

/** A certificate by openssl: `verifies`, as a policy has it, and what signs for it. */
export function certificate(alg) {
  const folder = mkdtempSync(join(tmpdir(), "selvedge-certificate-"));
  const [cer, pem] = ["cer", "pem"].map((name) => join(folder, name));
  execFileSync("openssl", ["req", "-x509", "-newkey", ...newKeys[alg], "-nodes", "-subj",
    "/CN=tests", "-keyout", pem, "-outform", "DER", "-out", cer], { stdio: "ignore" });
  const [rawBody, key] = [readFileSync(cer), readFileSync(pem)];
  rmSync(folder, { recursive: true });
  const verifies = kind("X509CertificateTokenKey", { rawBody: rawBody.toString("base64") });
  return { alg, rawBody, verifies, privateKey: createPrivateKey(key) };
}
