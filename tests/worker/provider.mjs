// Servers that are not ours: an OpenID provider and a licence server, as good or as bad as tenant
// or mode in their addresses say.  In: nothing.  Out: addresses, tokens, and what was asked.

import { createSign, generateKeyPairSync } from "node:crypto";
import { createServer } from "node:http";
import { now } from "./mint.mjs";

const kinds = {
  RS256: ["rsa", { modulusLength: 2048 }],
  ES256: ["ec", { namedCurve: "P-256" }],
};

/** A key of the algorithm `alg`. */
function key(kid, alg) {
  const { publicKey, privateKey } = generateKeyPairSync(...kinds[alg]);
  return { kid, alg, publicKey, privateKey };
}

/** A token of `claims` by such a key, whatever its header says besides. */
export function signed({ kid, alg, privateKey }, claims, header = {}) {
  const part = (object) => Buffer.from(JSON.stringify(object)).toString("base64url");
  const text = `${part({ alg, kid, ...header })}.${part({ exp: now + 600, ...claims })}`;
  const how = { key: privateKey, dsaEncoding: "ieee-p1363" };
  return `${text}.${createSign("sha256").update(text).sign(how).toString("base64url")}`;
}

/** What licences are made of. */
export const licence = Buffer.from("a licence that no log may hold \0\x01\x02");

/** Starts both. */
export async function startProvider() {
  const provider = { asked: [], challenges: [], round: 0 };
  provider.rotate = () => {
    provider.round += 1;
    provider.keys = [key(`rsa${provider.round}`, "RS256"), key(`ec${provider.round}`, "ES256")];
  };
  provider.rotate();
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url, "http://provider");
    const [, what, mode, ...rest] = pathname.split("/");
    if (what === "licence") return void challenged(provider, mode, request, response);
    provider.asked.push(pathname);
    const place = rest.join("/");
    document(provider, mode, place, response);
  });
  await new Promise((ready) => server.listen(0, "127.0.0.1", ready));
  provider.host = `127.0.0.1:${server.address().port}`;
  provider.url = `http://${provider.host}`;
  provider.discovery = (tenant) =>
    `${provider.url}/openid/${tenant}/.well-known/openid-configuration`;
  provider.close = () => {
    server.closeAllConnections();
    server.close();
  };
  return provider;
}

function document({ url, keys }, tenant, place, response) {
  const says = (status, body, headers = {}) => response.writeHead(status, headers).end(body);
  if (place === "keys") {
    const set = keys.map(({ kid, alg, publicKey }) =>
      ({ ...publicKey.export({ format: "jwk" }), kid, alg, use: "sig" }));
    return says(200, JSON.stringify({ keys: set }));
  }
  if (tenant === "down") return says(503, "secret words of the provider");
  if (tenant === "big") return says(200, " ".repeat(200_000));
  if (tenant === "junk") return says(200, "<html>");
  if (tenant === "late") return; // never says a word
  if (tenant === "moved") return says(302, "", { Location: `${url}/openid/good/${place}` });
  const issuer = tenant === "other" ? "them" : "us";
  const outside = tenant === "outside";
  const jwks_uri = outside ? "http://example.com/keys" : `${url}/openid/${tenant}/keys`;
  return says(200, JSON.stringify({ issuer, jwks_uri }));
}

async function challenged(provider, mode, request, response) {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  const { method, url, headers } = request;
  provider.challenges.push({ method, url, headers, body: Buffer.concat(chunks) });
  if (mode === "late") return;
  if (mode === "moved") return void response.writeHead(302, { Location: "/licence/good" }).end();
  if (mode === "refuses") return void response.writeHead(403).end("secret words");
  if (mode === "fails") return void response.writeHead(500).end("secret words");
  if (mode === "big") return void response.writeHead(200).end(Buffer.alloc(300_000));
  response.writeHead(200, { "Content-Type": "application/x-licence", "Set-Cookie": "a=b" });
  response.end(licence);
}
