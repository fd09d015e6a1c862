// An HTTP origin with one file and many bad habits, chosen by the first part of the path.
import { createServer } from "node:http";

/** The file: no two stretches of it are alike. */
export const FILE = Buffer.alloc(3_000_000);
for (let at = 0, state = 1; at < FILE.length; at++) {
  state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
  FILE[at] = state >>> 16;
}

const ETAG = '"v1"';

/** Answers as a good origin does, with `changes` to its headers, and gives the wanted bytes. */
function begin(request, response, changes = {}) {
  const [, first, last] = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range).map(Number);
  if (first >= FILE.length) {
    response.writeHead(416, { "Content-Range": `bytes */${FILE.length}` }).end();
    return undefined;
  }
  const end = Math.min(last + 1, FILE.length);
  const headers = {
    "Content-Range": `bytes ${first}-${end - 1}/${FILE.length}`,
    "Content-Length": end - first,
    ETag: ETAG,
    ...changes,
  };
  for (const name of Object.keys(headers)) if (headers[name] === undefined) delete headers[name];
  response.writeHead(206, headers);
  return FILE.subarray(first, end);
}

const habits = {
  good: (request, response) => response.end(begin(request, response)),
  weak: (request, response) => response.end(begin(request, response, { ETag: `W/${ETAG}` })),
  ignorant: (request, response) =>
    response.writeHead(200, { "Content-Length": FILE.length }).end(FILE),
  shifted: (request, response) =>
    response.end(begin(request, response, { "Content-Range": `bytes 5-104/${FILE.length}` })),
  rangeless: (request, response) =>
    response.end(begin(request, response, { "Content-Range": undefined })),
  sizeless: (request, response) =>
    response.end(begin(request, response, { "Content-Range": "bytes 0-99/*" })),
  contradictory(request, response) {
    begin(request, response, { "Content-Length": 5 });
    response.end("12345");
  },
  encoded: (request, response) =>
    response.end(begin(request, response, { "Content-Encoding": "gzip" })),
  forbidding: (request, response) => response.writeHead(403).end("token expired"),
  empty: (request, response) => response.writeHead(404).end(),
  broken: (request, response) => response.writeHead(500).end("stack trace"),
  moved: (request, response) => response.writeHead(302, { Location: "/good/file?token=x" }).end(),
  silent: () => {},
  stalling(request, response) {
    response.write(begin(request, response).subarray(0, 50));
  },
  dripping(request, response) {
    const bytes = begin(request, response);
    let at = 0;
    const drip = setInterval(() => response.write(bytes.subarray(at, (at += 1000))), 5);
    response.on("close", () => clearInterval(drip));
  },
  hanging_up(request, response) {
    const bytes = begin(request, response);
    response.write(bytes.subarray(0, bytes.length >> 1), () =>
      setTimeout(() => response.destroy(), 50),
    );
  },
  chunked: (request, response) =>
    response.end(begin(request, response, { "Content-Length": undefined })),
  chunked_short(request, response) {
    const bytes = begin(request, response, { "Content-Length": undefined });
    response.end(bytes.subarray(0, bytes.length >> 1));
  },
  chunked_long(request, response) {
    const bytes = begin(request, response, { "Content-Length": undefined });
    response.end(Buffer.concat([bytes, bytes]));
  },
  reset: (request, response) => response.socket.destroy(),
  late_reset(request, response) {
    const [, first] = /^bytes=(\d+)-/.exec(request.headers.range).map(Number);
    if (first > 0) response.socket.destroy();
    else response.end(begin(request, response));
  },
};

/** Starts the origin; `requests` lists what it was asked. */
export async function startOrigin() {
  const requests = [];
  const server = createServer((request, response) => {
    const [, habit] = request.url.split("/");
    requests.push({
      habit,
      range: request.headers.range,
      closed: new Promise((done) => response.on("close", done)),
    });
    habits[habit](request, response);
  });
  await new Promise((done) => server.listen(0, "127.0.0.1", done));
  const url = `http://127.0.0.1:${server.address().port}`;
  const stop = () => {
    server.closeAllConnections();
    server.close();
  };
  return { url, requests, stop };
}
