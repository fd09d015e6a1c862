// What encryption costs beside clear media, in the worker and in the native server.  In: the built
// worker, ffmpeg, perf, openssl.  Out: tables, on standard output and in bench/record/encrypted.md
// with --record.
//
//     cargo xtask bench

import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { built } from "../program.mjs";
import { median, record } from "../record.mjs";
import { isolateShare, startBare } from "./bare.mjs";
import { askSegments, beforeNative, byTurns, encryptable, onStage, segmentsOf } from "./stage.mjs";
import { secret } from "../../tests/worker/demo.mjs";

const MOST_MILLISECONDS = 6; // of the process, to encrypt a segment of 3 MB

const longer = "cenc by vectors of 16 bytes";
const schemes = [
  ["clear", ""], ["cenc", "cenc"], [longer, "cenc", 16], ["cbcs", "cbcs-aapl"], ["AES-128", "cbc"],
];
const cases = (film, kind, names, rounds, requests) =>
  schemes.filter(([name]) => names.includes(name)).map(([name, scheme, ivSize]) => ({
    what: `${kind === "audio" ? "sound" : film.pictures}, ${name}`,
    film: film.name, name, scheme, ivSize, kind, rounds, requests,
  }));
const brief = { name: "brief", pictures: "pictures" };
const uhd = { name: "uhd", pictures: "pictures of 4K" };
const all = schemes.map(([name]) => name);
const groups = [
  cases(brief, "video", all, 9, 100),
  cases(brief, "audio", ["clear", "cenc", longer, "cbcs"], 9, 100),
  cases(uhd, "video", all, 5, 20),
];
const natively = [cases(brief, "video", all, 7, 200)];

/** What the least worker does, and which of our rows that is in. It encrypts all bytes. */
const least = [
  ["piped", "pipe", "clear"],
  ["read and written", "read", undefined],
  ["a call of AES-CTR a chunk", "AES-CTR", longer],
  ["a call of AES-CBC a chunk", "AES-CBC", "AES-128"],
];
const floors = [[brief, 9, 100], [uhd, 5, 20]].map(([film, rounds, requests]) =>
  least.map(([what, how, name]) => ({
    what: `${film.pictures}, ${what}`, film: film.name, name, how, rounds, requests,
  })));

await onStage(async ({ store, native, ...films }) => {
  const find = async (one) => {
    const film = encryptable(store, films[one.film].hls, one.ivSize);
    const asked = one.scheme === "" ? film : film.replace(")", `,encryption=${one.scheme})`);
    one.segments = await segmentsOf(native, asked, one.kind);
  };
  for (const one of [...groups, ...natively].flat()) await find(one);
  const bindings = { STORE: "origin", ORIGIN_URL: native.url, ORIGIN_SECRET: secret };
  const worker = await startBare({ ...bindings, CACHE_MEDIA: false });
  try {
    await measured(worker, groups);
    for (const one of groups.flat()) {
      const ask = () => askSegments(worker, one, one.requests);
      one.share = await isolateShare(worker.workerd, ask);
    }
  } finally {
    worker.close();
  }
  await measureFloors(native);
  await beforeNative({ store, binary: built() }, async (server) => {
    await measured({ url: server.url, workerd: server.pid }, natively);
  });
});
report();

/** What passing the clear segments through JavaScript costs, whoever's JavaScript it is. */
async function measureFloors(native) {
  const root = fileURLToPath(new URL(".", import.meta.url));
  const files = [{ type: "ESModule", path: `${root}floor.js` }];
  const floor = await startBare({ ORIGIN: native.url }, files, root);
  try {
    for (const one of floors.flat()) {
      const like = ({ film, kind, name }) =>
        film === one.film && kind === "video" && name === "clear";
      const clear = groups.flat().find(like);
      one.segments = clear.segments.map((path) => `${path}?how=${one.how}`);
    }
    await measured(floor, floors);
    for (const one of floors.flat()) {
      one.share = await isolateShare(floor.workerd, () => askSegments(floor, one, one.requests));
    }
  } finally {
    floor.close();
  }
}

/** Asks for the cases of each group by turns. */
async function measured(server, groups) {
  for (const group of groups) {
    const [{ rounds, requests }] = group;
    await byTurns(server, group, rounds, (one) => askSegments(server, one, requests));
    for (const one of group) one.cpu = median(one.rounds);
    for (const one of group) one.more = one.cpu - group[0].cpu;
  }
}

/** Milliseconds of AES alone for what a scheme encrypts of so many bytes, on one core. */
function aes({ name, bytes }) {
  if (name === "clear") return 0;
  const cipher = name.startsWith("cenc") ? "aes-128-ctr" : "aes-128-cbc";
  const options = ["speed", "-mr", "-seconds", "1", "-bytes", "65536", "-evp", cipher];
  const stdio = ["ignore", "pipe", "ignore"];
  const told = execFileSync("openssl", options, { encoding: "utf8", stdio });
  const speed = Number(/^\+F:.*:([\d.]+)$/m.exec(told)[1]); // bytes a second
  const encrypted = name === "cbcs" ? bytes / 10 : bytes;
  return (encrypted / speed) * 1000;
}

function report() {
  const two = (value) => (value === undefined ? "" : value.toFixed(2));
  const isolate = ({ cpu, share }) => share === undefined ? undefined : cpu * share;
  const row = (one) =>
    `| ${one.what} | ${one.bytes} | ${two(one.cpu)} | ${two(one.more)} | ${two(isolate(one))} |`;
  const floor = (one) => {
    const same = ({ film, kind, name }) =>
      film === one.film && kind === "video" && name === one.name;
    const ours = one.name && isolate(groups.flat().find(same));
    const times = ours && isolate(one) && ours / isolate(one);
    const costs = `${two(one.cpu)} | ${two(isolate(one))}`;
    return `| ${one.what} | ${one.bytes} | ${costs} | ${two(times)} |`;
  };
  const [[clear]] = natively;
  const native = (one) => {
    const alone = aes(one);
    const times = one.cpu / (clear.cpu + alone);
    return `| ${one.what} | ${one.bytes} | ${two(one.cpu)} | ${two(alone)} | ${two(times)} |`;
  };
  record("encrypted", "What encryption costs", `\
CMAF segments of four seconds of H.264 at 6 Mbit/s and of six at 27, and of AAC at 128 kbit/s, asked
of the worker in workerd over an HTTP origin, by turns; medians of the rounds. workerd runs nothing
else, and media is not cached. CPU is that of the whole process, HTTP and streams included. The
isolate's part of it is what workerd did while it held the isolate's lock to run JavaScript,
WebAssembly and what these call, WebCrypto and copies of streams among it (perf(1), stacks through
\`IoContext::runImpl\`, and AES where stacks end in it). That is what the platform's limits are
about; moving bytes between sockets is not.

| segment | bytes | CPU a request, ms | more than clear, ms | of it the isolate, ms |
|---|---|---|---|---|
${groups.flat().map(row).join("\n")}

What the runtime takes for the same bytes, whoever's JavaScript it is: a worker of forty lines
(\`bench/worker/floor.js\`) has the clear segments piped, or passes them on in chunks of 512 KB, as
they are or each encrypted by one call of WebCrypto. The last column is our worker, which pipes
clear media and reads what it encrypts, as a multiple of that.

| segment | bytes | CPU a request, ms | of it the isolate, ms | our worker's, of it |
|---|---|---|---|---|
${floors.flat().map(floor).join("\n")}

The same of \`selvedge serve\`, beside the time AES alone takes for what is encrypted
(\`openssl speed\`, in the same run). The last column is the whole as a multiple of clear and AES.

| segment | bytes | CPU a request, ms | AES alone, ms | of clear and AES |
|---|---|---|---|---|
${natively.flat().map(native).join("\n")}
`);
  const small = groups.flat().filter(({ film }) => film === "brief");
  const worst = Math.max(...small.map(({ more }) => more));
  if (worst > MOST_MILLISECONDS) throw new Error(`${worst} ms to encrypt a segment`);
}
