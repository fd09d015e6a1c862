// What a download costs beside a plain file server.  In: the native server, nginx, wrk.
// Out: a table, on standard output and in bench/record/download.md with --record.
//
//     cargo xtask bench
//
// Both give out the same file on the same machine in the same run, by turns, to the same client.
// nginx runs with sendfile and without, whichever is faster here counts.

import { execFileSync, spawn } from "node:child_process";
import { randomFillSync } from "node:crypto";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { serveNatively } from "../../tests/worker/demo.mjs";
import { built } from "../program.mjs";
import { median, record } from "../record.mjs";

const BYTES = 32 * 1024 * 1024;
const ROUNDS = 9;
const SECONDS = 2;
const CONNECTIONS = 4;
const LEAST = 0.8; // of nginx's throughput
const PORT = 18_980; // and the one behind it

const folder = mkdtempSync(join(tmpdir(), "selvedge-download-"));
chmodSync(folder, 0o755); // nginx's workers are nobody
const store = join(folder, "store");
const binary = built();
const closing = [];

try {
  film();
  const native = await serveNatively({ store, binary });
  closing.push(() => native.close());
  const id = locator();
  const servers = [
    { what: "selvedge", url: `${native.url}/${id}/film.mp4` },
    { what: "nginx, sendfile", url: nginx(PORT, "on") },
    { what: "nginx, read and write", url: nginx(PORT + 1, "off") },
  ];
  for (const server of servers) await check(server);
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const server of servers) (server.rounds ??= []).push(throughput(server.url));
  }
  report(servers);
} finally {
  for (const close of closing) close();
  rmSync(folder, { recursive: true });
}

function film() {
  const asset = join(store, "assets/film");
  mkdirSync(asset, { recursive: true });
  writeFileSync(join(asset, "film.mp4"), randomFillSync(Buffer.alloc(BYTES)));
}

/** A locator that lets the file out. */
function locator() {
  const flags = ["locator", "create", "film", "--policy", "Predefined_DownloadOnly", "--json"];
  return JSON.parse(execFileSync(binary, [...flags, "--store", store], { encoding: "utf8" })).name;
}

/** Starts nginx over the store and gives the file's address. */
function nginx(port, sendfile) {
  const home = join(folder, `nginx-${sendfile}`);
  mkdirSync(home);
  const paths = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
    .map((name) => `${name}_temp_path ${home}/${name};`).join(" ");
  writeFileSync(join(home, "nginx.conf"), `
    daemon off; worker_processes auto; pid ${home}/pid; error_log stderr error;
    events { worker_connections 256; }
    http {
      ${paths} access_log off; sendfile ${sendfile}; tcp_nopush on; output_buffers 2 256k;
      types { video/mp4 mp4; }
      server { listen 127.0.0.1:${port}; root ${store}; }
    }`);
  const flags = ["-p", home, "-e", "stderr", "-c", join(home, "nginx.conf")];
  const server = spawn("nginx", flags, { stdio: ["ignore", "ignore", "inherit"] });
  closing.push(() => server.kill());
  return `http://127.0.0.1:${port}/assets/film/film.mp4`;
}

/** Waits until it answers, whole and in part. */
async function check({ url }) {
  for (let left = 100; left > 0; left -= 1) {
    try {
      const part = await fetch(url, { headers: { Range: "bytes=5-9" } });
      if (part.status !== 206) throw new Error(`${url}: ${part.status}`);
      const size = part.headers.get("Content-Range");
      if (size !== `bytes 5-9/${BYTES}`) throw new Error(`${url}: ${size}`);
      await part.arrayBuffer();
      return;
    } catch (error) {
      if (left === 1) throw error;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}

/** Megabytes (10^6) a second. */
function throughput(url) {
  const flags = ["-t", "2", "-c", `${CONNECTIONS}`, "-d", `${SECONDS}s`, "--timeout", "30s", url];
  const told = execFileSync("wrk", flags, { encoding: "utf8" });
  if (/Non-2xx|Socket errors/.test(told)) throw new Error(told);
  const [, number, unit] = /Transfer\/sec:\s+([\d.]+)(\w+)/.exec(told);
  return (Number(number) * { KB: 1024, MB: 1024 ** 2, GB: 1024 ** 3 }[unit]) / 1e6;
}

function report(servers) {
  const [, ...others] = servers;
  const peer = (round) => Math.max(...others.map(({ rounds }) => rounds[round]));
  const ratio = ({ rounds }) => median(rounds.map((speed, round) => speed / peer(round)));
  const row = (one) => {
    const [most, middle] = [Math.max(...one.rounds), median(one.rounds)];
    return `| ${one.what} | ${most.toFixed(0)} | ${middle.toFixed(0)} | ${ratio(one).toFixed(2)} |`;
  };
  record("download", "What a download costs", `\
One file of ${BYTES / 1024 ** 2} MiB, asked for whole over loopback by
\`wrk -t 2 -c ${CONNECTIONS}\`, which shares the machine with the server: from the native server by
a locator that allows download, and from nginx as a static file. ${ROUNDS} rounds of ${SECONDS} s
each, by turns. The ratio is the median of the rounds', each to the faster nginx of that round; at
least ${LEAST} is asked for.

| | best, MB/s | median, MB/s | of nginx |
|---|---|---|---|
${servers.map(row).join("\n")}
`);
  if (ratio(servers[0]) < LEAST) throw new Error("a download is slower than it may be");
}
