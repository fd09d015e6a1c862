// Player tokens, minted by the snippet of the README.  In: claims.  Out: tokens, good and forged.

import { createHmac, generateKeyPairSync, sign } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { repository } from "./worker.mjs";

const readme = readFileSync(join(repository, "README.md"), "utf8");
const [, snippet] = /```js\n([\s\S]*?)```/.exec(readme);
const { playerToken } = await import(`data:text/javascript,${encodeURIComponent(snippet)}`);

/** The newest secret and the one before, as a deployment is told them. */
export const secrets = { b: "the newer secret of the tests", a: "the older secret of the tests" };
export const ring = "b:the_newer_secret_of_the_tests a:the_older_secret_of_the_tests";
const secretOf = (id) => secrets[id].replaceAll(" ", "_");

/** Seconds since 1970. */
export const now = Math.floor(Date.now() / 1000);

/** A token of `claims` that lives for ten minutes unless they say otherwise. */
export const mint = (claims = {}, id = "b", secret = secretOf(id)) =>
  playerToken(id, secret, { exp: now + 600, ...claims });

/** A JSON Web Token. */
export function jwt(claims, { header = {}, secret = secretOf("b") } = {}) {
  const part = (object) => Buffer.from(JSON.stringify(object)).toString("base64url");
  const head = part({ alg: "HS256", typ: "JWT", ...header });
  const text = `${head}.${part({ exp: now + 600, ...claims })}`;
  if (header.alg === "none") return `${text}.`;
  return `${text}.${createHmac("sha256", secret).update(text).digest("base64url")}`;
}

const pairs = {
  RS256: generateKeyPairSync("rsa", { modulusLength: 2048 }),
  ES256: generateKeyPairSync("ec", { namedCurve: "P-256" }),
};

/** The public key of an algorithm's tokens. */
export const publicKey = (alg) => pairs[alg].publicKey;

/** The public keys, as a deployment is told them: a JSON Web Key Set. */
export const keySet = JSON.stringify({
  keys: Object.keys(pairs).map((alg) => ({
    ...publicKey(alg).export({ format: "jwk" }), kid: `key of ${alg}`, alg, use: "sig",
  })),
});

/** A JSON Web Token with a signature of `alg`, unless `by` signs otherwise. */
export function signed(claims, alg, { header = {}, by, dsaEncoding = "ieee-p1363" } = {}) {
  const part = (object) => Buffer.from(JSON.stringify(object)).toString("base64url");
  const text = `${part({ alg, kid: `key of ${alg}`, ...header })}.${
    part({ exp: now + 600, ...claims })}`;
  const key = by ?? pairs[alg].privateKey;
  return `${text}.${sign("sha256", Buffer.from(text), { key, dsaEncoding }).toString("base64url")}`;
}
