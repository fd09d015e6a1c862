// What forgers try.  In: claims that are good.  Out: tokens and headers, each bad in one way.

import { createHmac, generateKeyPairSync } from "node:crypto";
import { jwt, now } from "./mint.mjs";
import { publicKey, rs256, tokenSecret } from "./protect.mjs";
import { signed } from "./provider.mjs";

const base64url = (text) => Buffer.from(text).toString("base64url");

/** A token of these parts, as they stand, under the policy's own secret. */
function raw(head, body) {
  const text = `${head}.${body}`;
  return `${text}.${createHmac("sha256", tokenSecret).update(text).digest("base64url")}`;
}

/** [what is wrong, token] */
export function attacks(claims) {
  const own = (more = {}, options = {}) =>
    jwt({ ...claims, ...more }, { secret: tokenSecret, ...options });
  const [head, body, signature] = own().split(".");
  const [rsaHead, , rsaSignature] = rs256(claims).split(".");
  const other = base64url(JSON.stringify({ ...claims, exp: now + 9999 }));
  const hs256 = base64url('{"alg":"HS256"}');
  const claimed = base64url(JSON.stringify({ ...claims, exp: now + 600 }));
  const { n } = publicKey.export({ format: "jwk" });
  const der = publicKey.export({ type: "spki", format: "der" });
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const huge = own({ pad: "x".repeat(6100) });
  return [
    ["nothing", ""],
    ["nonsense", "nonsense"],
    ["dots", "..."],
    ["another secret", own({}, { secret: "another secret, as long as it is" })],
    ["expired", own({ exp: now - 1 })],
    ["never expires", own({ exp: undefined })],
    ["expires in words", own({ exp: "tomorrow" })],
    ["not valid yet", own({ nbf: now + 300 })],
    ["another issuer", own({ iss: "them" })],
    ["no issuer", own({ iss: undefined })],
    ["another audience", own({ aud: ["them"] })],
    ["no audience", own({ aud: undefined })],
    ["alg none", own({}, { header: { alg: "none" } })],
    ["alg None, and a signature", own({}, { header: { alg: "None" } })],
    ["alg none, signed", raw(base64url('{"alg":"none"}'), claimed)],
    ["no alg", raw(base64url("{}"), claimed)],
    ["another alg", own({}, { header: { alg: "HS512" } })],
    ["critical extensions", own({}, { header: { crit: ["exp"] } })],
    ["HMAC under the RSA key in PEM", own({}, { secret: pem("spki") })],
    ["HMAC under it in PKCS #1", own({}, { secret: pem("pkcs1") })],
    ["HMAC under it in DER", own({}, { secret: der })],
    ["HMAC under its modulus", own({}, { secret: Buffer.from(n, "base64url") })],
    ["HMAC under its modulus in text", own({}, { secret: n })],
    ["RS256 said, HMAC made", own({}, { header: { alg: "RS256" } })],
    ["ES256 by nobody's key", signed({ alg: "ES256", privateKey }, claims)],
    ["other claims under a signature", `${rsaHead}.${other}.${rsaSignature}`],
    ["other claims under a MAC", `${head}.${other}.${signature}`],
    ["half a MAC", `${head}.${body}.${signature.slice(0, 20)}`],
    ["no MAC", `${head}.${body}.`],
    ["may be used once", own({ "urn:microsoft:azure:mediaservices:maxuses": 1 })],
    ["claims that are not UTF-8", raw(hs256, base64url(Buffer.from([0x7b, 0xff, 0xfe, 0x7d])))],
    ["claims that are no object", raw(hs256, base64url('["us"]'))],
    ["claims that are nested deep", raw(hs256, base64url("[".repeat(4000)))],
    ["longer than any token", huge],
  ];
}

const pem = (type) => publicKey.export({ type, format: "pem" });

/** [what is wrong, headers] */
export const hostileHeaders = (token) => [
  ["no token", {}],
  ["another scheme", { Authorization: `Basic ${token}` }],
  ["bytes that are not UTF-8", { Authorization: "Bearer \xff\xfe\xfd" }],
  ["no token behind Bearer", { Authorization: "Bearer" }],
];
