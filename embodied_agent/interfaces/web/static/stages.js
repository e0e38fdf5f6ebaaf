// One tile per stage: its state in a word, and the numbers that explain it, from /api/status.
// Out of scope: how those numbers are counted.

import { $, el, put } from "./dom.js";
import { DEMO, bytes, count, isDemo, isRecording, plural, seconds, span } from "./words.js";

// A camera whose last frame is older than this is silent, in seconds.
const SILENT_S = 3;
const ROWS = 3;
// A source that delivers nothing, by the state that the host gives it.
const ABSENT = { connecting: "waiting", reconnecting: "reconnecting", silent: "silent", failed: "failed" };

export class Stages {
  constructor() {
    this.tiles = new Map();
    for (const name of ["Camera", "Keyframes", "Perception", "Memory", "Reasoning", "Interfaces"]) {
      const word = el("span", { class: "word" }, "–");
      const main = el("p", { class: "main" }, "–");
      const rows = Array.from({ length: ROWS }, () => {
        const row = { name: el("dt"), value: el("dd") };
        row.box = el("div", {}, row.name, row.value);
        return row;
      });
      const note = el("p", { class: "note", hidden: true });
      const title = el("span", {}, name);
      const tile = el("section", { class: "stage", "data-state": "wait", "aria-label": name },
        el("h3", {}, el("span", { class: "dot", "aria-hidden": "true" }), title, word),
        main, el("dl", {}, ...rows.map((row) => row.box)), note);
      this.tiles.set(name, { tile, title, word, main, rows, note });
      $("stages").append(tile);
    }
  }

  show(status) {
    this.set("Camera", camera(status));
    this.set("Keyframes", keyframes(status));
    this.set("Perception", perception(status));
    this.set("Memory", memory(status));
    this.set("Reasoning", reasoning(status));
    this.set("Interfaces", interfaces(status));
  }

  away() {
    for (const { tile, word } of this.tiles.values()) {
      tile.dataset.state = "wait";
      put(word, "unknown");
    }
  }

  set(name, { title = name, state, word, main, rows, note = "" }) {
    const tile = this.tiles.get(name);
    put(tile.title, title);
    tile.tile.dataset.state = state;
    put(tile.word, word);
    put(tile.main, main);
    tile.rows.forEach((row, i) => {
      row.box.hidden = !rows[i];
      put(row.name, rows[i]?.[0] ?? "");
      put(row.value, rows[i]?.[1] ?? "");
      row.value.title = rows[i]?.[1] ?? "";
    });
    tile.note.hidden = !note;
    put(tile.note, note);
    tile.note.title = note;
  }
}

function camera(status) {
  const age = status.frame_age_s;
  const lost = status.frames_dropped + status.frames_late + status.frames_unreadable;
  const rows = [["frames", count(status.frames)], ["dropped", dropped(status)], ["undecodable", count(status.frames_unreadable)]];
  const recording = isRecording(status);
  const { state, problem = "", state_s: since, retry_in_s: retry } = status.input ?? {};
  const again = retry ? ` Trying again in ${span(retry)}.` : "";
  const note = problem ? `${problem}.${again}` : status.last_error;
  const base = { title: recording ? "Recording" : "Camera", rows, note };
  // Once a recording is over, no frame is missing.
  if (status.input?.finished) return { ...base, rows: rows.slice(1), state: "ok", word: "finished", main: plural(status.frames, "frame") };
  if (problem && ABSENT[state]) return { ...base, state: "bad", word: ABSENT[state], main: `for ${span(since)}` };
  if (age === null) return { ...base, state: "wait", word: "no frame yet", main: "–" };
  const main = age < 0.95 ? "now" : `${span(age)} ago`;
  // A replay pauses while perception catches up.
  if (recording) return { ...base, state: "ok", word: age > SILENT_S ? "paused" : "playing", main };
  if (state !== "connected" && age > SILENT_S) return { ...base, state: "bad", word: "silent", main };
  return { ...base, state: lost > status.frames / 2 ? "wait" : "ok", word: "live", main };
}

function dropped(status) {
  const all = status.frames + status.frames_dropped;
  const share = all ? Math.round((100 * status.frames_dropped) / all) : 0;
  return share ? `${count(status.frames_dropped)} (${share} %)` : count(status.frames_dropped);
}

function keyframes(status) {
  const kept = status.memory.keyframes;
  const keyframer = status.keyframer ?? {};
  return {
    state: kept ? "ok" : "wait",
    word: status.input?.finished ? "done" : kept ? "selecting" : "none yet",
    main: count(kept),
    rows: [
      ["segment", status.segment === null ? "–" : count(status.segment)],
      ["method", keyframer.method ?? "–"],
      ["late frames", count(status.frames_late)],
    ],
  };
}

const BREAKER = {
  closed: ["ok", "working"],
  open: ["bad", "waiting to retry"],
  "half-open": ["wait", "retrying"],
  stopped: ["bad", "stopped"],
};

// A built-in perceiver is called by its full name, "builtin:perceiver", once it is loaded; loading
// takes seconds.
const isLoading = (model, busy) => busy && model === "builtin";

// The note of a stage whose model comes with the package.
const demo = (names) => (isDemo(names) ? `${DEMO}: simulated worlds only` : "");

export function perception(status) {
  const { perception: stage } = status;
  if (!stage) return { state: "wait", word: "off", main: "read-only", rows: [] };
  const [state, word] = BREAKER[stage.state] ?? ["wait", stage.state];
  const retry = stage.retry_in_s ? `Retrying in ${seconds(stage.retry_in_s)}. ` : "";
  return {
    state,
    word: isLoading(stage.model, stage.pending) ? "loading the model" : state === "ok" && !stage.pending ? "idle" : word,
    main: stage.pending ? `${count(stage.pending)} waiting` : "0 waiting",
    rows: [
      ["perceived", stage.unusable ? `${count(stage.perceived)}, ${count(stage.unusable)} unusable` : count(stage.perceived)],
      ["mean time", stage.mean_latency_s === null ? "–" : seconds(stage.mean_latency_s)],
      ["model", stage.model],
    ],
    note: state === "ok" ? stage.notice || demo([stage.model]) : `${retry}${stage.last_error}`,
  };
}

function memory({ memory: stage, store_problem: problem }) {
  const word = stage.path === ":memory:" ? "temporary" : "on disk";
  return {
    state: problem ? "bad" : "ok",
    word: problem ? "can't be written" : word,
    note: problem ?? "",
    main: bytes(stage.file_bytes),
    rows: [
      ["pictures", count(stage.pictures)],
      ["names", `${count(stage.objects)}, ${plural(stage.mentions, "mention")}`],
      ["answers", count(stage.answers)],
    ],
  };
}

export function reasoning({ reasoning: stage, asks }) {
  const turned = [asks.refused && `${count(asks.refused)} refused`, asks.expired && `${count(asks.expired)} timed out`];
  return {
    state: "ok",
    word: stage.loading_s != null ? "loading the model" : asks.running ? "answering" : "ready",
    main: asks.waiting ? `${count(asks.waiting)} waiting` : "0 waiting",
    rows: [
      ["asked", [count(stage.asked), ...turned].filter(Boolean).join(", ")],
      ["unanswered", count(stage.problems)],
      ["model", stage.model],
      ...(stage.loading_s != null ? [["loading for", seconds(stage.loading_s)]] : []),
      ...(stage.first_token_s != null ? [["first token", seconds(stage.first_token_s)]] : []),
      ...(stage.model_bytes != null ? [["model's memory", bytes(stage.model_bytes)]] : []),
    ],
    note: demo([stage.model]),
  };
}

function interfaces({ interfaces: all = {}, listener_failures: failures, uptime_s: up, version }) {
  const wrong = Object.entries(all).filter(([, stage]) => stage.problem);
  return {
    state: wrong.length ? "bad" : "ok",
    word: wrong.length ? "failing" : "up",
    main: Object.keys(all).join(" · ") || "–",
    rows: [
      ["watching", count(all.web?.watchers)],
      ["running for", span(up)],
      ["version", failures ? `${version}, ${plural(failures, "listener failure")}` : version],
    ],
    note: wrong.map(([name, stage]) => `${name}: ${stage.problem}`).join("; "),
  };
}
