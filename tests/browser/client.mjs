// In the page: one face for three players, and a log of everything that went wrong.
//
// Each player gives `load(url)`, `heights()` (ascending), `force(height)` and `free()`, and for
// text `texts()` (languages), `show(at)` and `shown()`, what stands on the picture now.

const video = document.getElementById("video");
const log = { faults: [], stalls: [], buffered: [], ended: false };

/** A jump or a forced switch is under way: waiting is no stall until playing again. */
let excused = true;

video.addEventListener("playing", () => { excused = false; });
video.addEventListener("seeking", () => { excused = true; });
video.addEventListener("ended", () => { log.ended = true; });
video.addEventListener("error", () => log.faults.push(`video: ${video.error?.message}`));
video.addEventListener("waiting", () => {
  const nearEnd = video.duration - video.currentTime < 0.1;
  if (!excused && !nearEnd) log.stalls.push(video.currentTime);
});
addEventListener("error", (event) => log.faults.push(`page: ${event.message}`));
addEventListener("unhandledrejection", (event) => log.faults.push(`page: ${event.reason}`));

const overlay = document.getElementById("text");

/** Text the browser itself draws now. */
function activeCues() {
  const showing = [...video.textTracks].filter((track) => track.mode !== "disabled");
  const active = showing.flatMap((track) => [...(track.activeCues ?? [])]);
  return active.map((cue) => cue.getCueAsHTML?.().textContent ?? cue.text).join("\n");
}

/** Shaka Player; with `container` it draws text there, as its own interface does. */
function startShaka(container) {
  shaka.polyfill.installAll();
  const player = new shaka.Player();
  player.addEventListener("error", (event) => {
    const { code, data } = event.detail;
    log.faults.push(`shaka: ${code} ${JSON.stringify(data)}`);
  });
  const tracks = () => player.getVariantTracks();
  return {
    load: async (url, language) => {
      const preferred = shaka.Player.version.startsWith("v4.")
        ? { preferredTextLanguage: language }
        : { preferredText: [{ language }] };
      if (language) player.configure(preferred);
      if (container) player.setVideoContainer(container);
      await player.attach(video);
      await player.load(url);
    },
    heights: () => [...new Set(tracks().map((track) => track.height))].sort((a, b) => a - b),
    force: (height) => {
      const language = tracks().find((track) => track.active)?.language;
      player.configure({ abr: { enabled: false } });
      const same = (track) => track.height === height && track.language === language;
      player.selectVariantTrack(tracks().find(same), true);
    },
    free: () => player.configure({ abr: { enabled: true } }),
    audio: () => player.getAudioTracks().map((track) => track.language),
    choose: (at) => player.selectAudioTrack(player.getAudioTracks()[at]),
    hold: (seconds) => player.configure({ streaming: { bufferingGoal: seconds } }),
    wind: (rate) => player.trickPlay(rate),
    unwind: () => player.cancelTrickPlay(),
    texts: () => player.getTextTracks().map((track) => track.language),
    show: (at) => player.selectTextTrack(player.getTextTracks()[at]),
    shown: () => (container ? container.innerText : activeCues()),
  };
}

/**
 * Of a transport stream whose pictures are reordered, hls.js shows the first one as much later as
 * they are; a filtered view may begin within a frame of sound. Chromium plays on all the same, but
 * where that takes it longer than hls.js's next look, hls.js jumps, a tenth past what is missing.
 */
function isSlightAtStart(reason) {
  const [, from, to] = /seeking from ([\d.]+) to ([\d.]+)/.exec(reason) ?? [];
  return Number(from) === 0 && Number(to) - 0.1 <= 0.2;
}

const makers = {
  "hls.js": () => {
    const hls = new Hls({ enableWorker: false, startLevel: 0 });
    hls.on(Hls.Events.ERROR, (_, data) => {
      // Of a transport stream, hls.js 1.7.4 appends pictures before the sound it knows of has come;
      // until then Chromium says that nothing is buffered. Both are a moment later.
      if (data.details === "bufferAppendNoProgress" && data.appendsWithoutProgress === 1) return;
      if (data.details === "bufferSeekOverHole" && isSlightAtStart(data.reason)) return;
      // hls.js itself gave up a request, of a place or a level it has just left.
      if (data.details === "aborted" && !data.fatal) return;
      log.faults.push(`hls.js: ${data.details} ${data.reason ?? data.error ?? ""}`);
    });
    return {
      load: (url) => new Promise((done) => {
        hls.on(Hls.Events.MANIFEST_PARSED, done);
        hls.loadSource(url);
        hls.attachMedia(video);
      }),
      heights: () => hls.levels.map((level) => level.height),
      force: (height) => {
        hls.currentLevel = hls.levels.findIndex((level) => level.height === height);
      },
      free: () => { hls.nextLevel = -1; },
      audio: () => hls.audioTracks.map((track) => track.lang ?? track.name),
      choose: (at) => { hls.audioTrack = at; },
      texts: () => hls.subtitleTracks.map((track) => track.lang),
      show: (at) => {
        hls.subtitleTrack = at;
        hls.subtitleDisplay = true;
      },
      shown: activeCues,
    };
  },
  "dash.js": () => {
    const player = dashjs.MediaPlayer().create();
    const levels = () => player.getRepresentationsByType("video");
    const abr = (on) => player.updateSettings({
      streaming: { abr: { autoSwitchBitrate: { video: on } } },
    });
    player.updateSettings({ debug: { logLevel: 0 } });
    for (const name of ["ERROR", "PLAYBACK_ERROR"]) {
      player.on(dashjs.MediaPlayer.events[name], (event) => {
        log.faults.push(`dash.js: ${event.error?.message ?? JSON.stringify(event.error)}`);
      });
    }
    // dash.js 5.2.1 looks at the clock five times a second. Where it finds the end before the
    // browser has said `ended`, it says so itself, pauses, and the browser never does.
    player.on(dashjs.MediaPlayer.events.PLAYBACK_ENDED, ({ isLast }) => {
      if (isLast) log.ended = true;
    });
    return {
      // Text is chosen here: dash.js 5.2.1 takes a segment on its way for one of a track chosen
      // meanwhile.
      load: (url, lang) => new Promise((done) => {
        player.on(dashjs.MediaPlayer.events.STREAM_INITIALIZED, done);
        player.initialize(video, url, false);
        player.attachTTMLRenderingDiv(overlay);
        if (lang) player.setInitialMediaSettingsFor("text", { lang });
      }),
      heights: () => levels().map((level) => level.height).sort((a, b) => a - b),
      force: (height) => {
        abr(false);
        const level = levels().find((one) => one.height === height);
        player.setRepresentationForTypeById("video", level.id, true);
      },
      free: () => abr(true),
      audio: () => player.getTracksFor("audio").map((track) => track.lang),
      choose: (at) => player.setCurrentTrack(player.getTracksFor("audio")[at]),
      texts: () => player.getTracksFor("text").map((track) => track.lang),
      show: (at) => {
        player.setTextTrack(at);
        player.enableText(true);
      },
      // TTML is drawn into a box of its own, WebVTT by the browser.
      shown: () => [overlay.innerText, activeCues()].filter((text) => text.trim()).join("\n"),
    };
  },
  shaka: () => startShaka(),
  "shaka 4": () => startShaka(),
  "shaka's own": () => startShaka(overlay),
};

const sleep = (ms) => new Promise((done) => setTimeout(done, ms));

/** Resolves when `holds`; after `seconds`, throws saying `what` did not come. */
async function until(what, seconds, holds) {
  const start = performance.now();
  while (!holds()) {
    if (performance.now() - start > seconds * 1000) {
      throw new Error(`${what}: not within ${seconds} s, at ${video.currentTime}, `
        + `${JSON.stringify(log)}`);
    }
    await sleep(20);
  }
}

/** Plays on for half a second of media from `from`. */
const playsOnFrom = (what, from) => until(what, 10, () => {
  const moved = video.currentTime - from;
  return !video.seeking && moved > 0.5 && moved < 5;
});

async function seek(time) {
  video.currentTime = time;
  if (video.paused) await video.play();
  await playsOnFrom(`seek to ${time}`, time);
}

/** Where the media data is, now. */
const ranges = () => Array.from({ length: video.buffered.length }, (_, i) =>
  [video.buffered.start(i), video.buffered.end(i)]);

const script = (src) => new Promise((done, failed) => {
  const element = document.createElement("script");
  document.head.append(Object.assign(element, { src, onload: done, onerror: failed }));
});

/** The player called `name`; of Shaka Player, the page has the current version until asked. */
async function make(name) {
  if (name === "shaka 4") {
    await script("/iso_boxer.js");
    await script("/shaka-4.js");
  }
  return makers[name]();
}

globalThis.scenario = {
  log,
  /** From the start to the end, untouched. */
  async wholeMovie(name, url) {
    const player = await make(name);
    await player.load(url);
    await video.play();
    const expected = () => video.duration;
    await until("the end", 120, () => log.ended || log.faults.length > 0);
    log.buffered = ranges();
    const { totalVideoFrames } = video.getVideoPlaybackQuality();
    return { ...log, time: video.currentTime, duration: expected(), frames: totalVideoFrames };
  },
  /** The start, and the last seconds to the end. Holes are `wholeMovie`'s to find. */
  async startAndEnd(name, url, { last = 3 } = {}) {
    const player = makers[name]();
    await player.load(url);
    await video.play();
    await playsOnFrom("start", 0);
    await seek(video.duration - last);
    await until("the end", 20, () => log.ended || log.faults.length > 0);
    const { currentTime: time, duration } = video;
    return { ...log, time, duration };
  },
  /** Four times as fast for some seconds of media, in key frames; then as usual to the end. */
  async winds(name, url) {
    const player = await make(name);
    player.hold(1); // of the pictures, so that there is something left to wind through
    await player.load(url);
    await video.play();
    await playsOnFrom("start", 0);
    const { currentTime: from } = video;
    excused = true;
    player.wind(4);
    await until("winding on", 15, () => video.currentTime > from + 6);
    const asked = performance.getEntriesByType("resource").map((entry) => entry.name);
    const keyFrames = asked.filter((name) => name.includes("KeyFrames(")).length;
    player.unwind();
    await seek(video.duration - 3);
    await until("the end", 20, () => log.ended || log.faults.length > 0);
    return { ...log, keyFrames, time: video.currentTime, duration: video.duration };
  },
  /** Until a player says what is wrong. */
  async complains(name, url) {
    const player = makers[name]();
    player.load(url).catch(() => {}); // it goes to the log as well
    await until("a complaint", 20, () => log.faults.length > 0);
    const { totalVideoFrames } = video.getVideoPlaybackQuality();
    return { ...log, frames: totalVideoFrames };
  },
  /** The text in `language`, looked at early and late in every cue and where there is none. */
  async texts(name, url, { language, cues }) {
    const player = await make(name);
    await player.load(url, language);
    await until("texts", 10, () => player.texts().length > 0);
    const languages = player.texts();
    player.show(languages.findIndex((found) => found.startsWith(language)));
    await video.play();
    await playsOnFrom("start", 0);
    video.pause();
    const sorted = (text) => text.split(/\s+/).filter(Boolean).sort().join(" ");
    const words = () => sorted(player.shown());
    for (const time of cues.flatMap(({ start, end }) => [start + 120, end - 120])) {
      // Every word that is said now, and each as often as it is.
      const said = cues.filter(({ start, end }) => start <= time && time < end);
      const expected = sorted(said.map(({ text }) => text).join(" "));
      video.currentTime = time / 1000;
      await until(`“${expected}”, not “${words()}”,`, 10,
        () => !video.seeking && words() === expected);
    }
    const ends = [0, ...cues.map(({ end }) => end)];
    const quiet = ends.filter((time) => cues.every(({ start, end }) =>
      time + 300 < start || time >= end));
    for (const time of quiet) {
      video.currentTime = (time + 200) / 1000;
      // dash.js 5.2.1 may leave TTML standing after a jump until the film goes on.
      if (name === "dash.js") await video.play();
      await until(`silence at ${time}, not “${words()}”,`, 10,
        () => !video.seeking && words() === "");
      video.pause();
    }
    return { ...log, languages, quiet: quiet.length };
  },
  /** Every quality, forced; jumps ahead and back; every audio track; then the end. */
  async jumpsAndSwitches(name, url) {
    const player = await make(name);
    await player.load(url);
    await video.play();
    await playsOnFrom("start", 0);
    const heights = player.heights();
    for (const height of [...heights, ...heights.toReversed().slice(1)]) {
      excused = true;
      player.force(height);
      await until(`height ${height}`, 10, () => video.videoHeight === height && !video.seeking);
      await playsOnFrom(`play at ${height}`, video.currentTime);
    }
    player.free();
    const languages = player.audio();
    for (const at of [...languages.keys()].reverse()) {
      excused = true;
      // A slow machine has played most of the film by now.
      if (video.currentTime > video.duration / 2) await seek(1);
      player.choose(at);
      await playsOnFrom(`play ${languages[at]}`, video.currentTime);
    }
    for (const part of [0.7, 0.15, 0.55, 0.05]) await seek(video.duration * part);
    await seek(video.duration - 1.5);
    await until("the end after jumps", 15, () => log.ended);
    return { ...log, time: video.currentTime, duration: video.duration, heights, languages };
  },
};
