// An HTTP origin over a folder, as good or as bad as told.  In: a folder.  Out: its address, and
// `fault`, which names for an object the way to fail, or nothing; `{ until }` sends one half of it,
// and the other when that promise is kept.

import { createReadStream, statSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";

/** Starts the origin. `fault` may be changed at any time. */
export async function startOrigin(folder) {
  const origin = { fault: () => undefined, requests: [], ranges: [] };
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url, "http://origin");
    const object = decodeURIComponent(pathname.replace(/^\/store\//, ""));
    origin.requests.push(object);
    origin.ranges.push(`${object} ${request.headers.range}`);
    answer(join(folder, object), request, response, origin.fault(object));
  });
  // By default it closes idle connections after 5 s, maybe just when the worker uses one again.
  server.keepAliveTimeout = 60_000;
  await new Promise((ready) => server.listen(0, "127.0.0.1", ready));
  origin.url = `http://127.0.0.1:${server.address().port}`;
  origin.close = () => {
    server.closeAllConnections();
    server.close();
  };
  return origin;
}

function answer(path, request, response, fault) {
  let size, etag;
  try {
    // As whole numbers: a double of milliseconds is not exact to the microsecond of the tag.
    const stat = statSync(path, { bigint: true });
    [size, etag] = [Number(stat.size), tagOf(stat)];
    // Buckets say it, and who reads them asks for it.
    response.setHeader("Last-Modified", stat.mtime.toUTCString());
  } catch {
    response.writeHead(404).end();
    return;
  }
  if (fault === "missing") return void response.writeHead(404).end();
  if (fault === "dead") return void request.socket.destroy();
  if (fault === "late") return; // never says a word
  if (fault === "error") return void response.writeHead(500).end("no\n");
  if (fault === "grown") size += 1;
  if (fault === "changed") etag = '"another"';
  const [, first, last] = /bytes=(\d+)-(\d+)/.exec(request.headers.range ?? "") ?? [];
  if (first === undefined || fault === "ignores Range") {
    response.writeHead(200, { "Content-Length": size, ETag: etag });
    createReadStream(path).pipe(response);
    return;
  }
  if (Number(first) >= size) {
    response.writeHead(416, { "Content-Range": `bytes */${size}` }).end();
    return;
  }
  send(path, { first: Number(first), last: Math.min(Number(last), size - 1), size, etag },
    response, fault);
}

/** As `selvedge serve` makes it, so that an index made beside it fits. */
function tagOf({ size, mtimeNs, ino }) {
  const parts = [ino, mtimeNs / 1000n, size];
  return `"${parts.map((part) => part.toString(16)).join("-")}"`;
}

function send(path, { first, last, size, etag }, response, fault) {
  const length = last + 1 - first;
  if (fault === "another range") first += 1;
  response.writeHead(206, {
    "Content-Range": `bytes ${first}-${last}/${size}`,
    "Content-Length": last + 1 - first,
    ETag: etag,
  });
  const half = first + Math.floor(length / 2);
  if (fault?.until !== undefined) {
    const later = () => createReadStream(path, { start: half, end: last }).pipe(response);
    const part = createReadStream(path, { start: first, end: Math.max(half - 1, first) });
    part.on("end", () => fault.until.then(later)).pipe(response, { end: false });
    return;
  }
  if (fault !== "short" && fault !== "stuck") {
    createReadStream(path, { start: first, end: last }).pipe(response);
    return;
  }
  const part = createReadStream(path, { start: first, end: Math.max(half - 1, first) });
  part.on("data", (bytes) => response.write(bytes));
  part.on("end", () => fault === "short" && setImmediate(() => response.destroy()));
}
