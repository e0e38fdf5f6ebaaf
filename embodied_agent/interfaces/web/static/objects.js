// Objects on the map and in a dialog: what is where, since when, which keyframes show it, and what
// people say about it. Out of scope: drawing the map (path.js), keyframes (viewer.js).

import { $, el, put, say } from "./dom.js";
import { getJson, send } from "./wire.js";
import { plural, stampLong } from "./words.js";

// Objects change with every delta; they are read again at most this often.
const EVERY_MS = 1500;
// Buttons for keyframes that show an object.
const EVIDENCE = 12;

export class Objects {
  // `open` shows a keyframe; `changed` is called with the new lists.
  constructor({ open, changed }) {
    this.open = open;
    this.changed = changed;
    this.dialog = $("things");
    this.clear();
    $("t-close").addEventListener("click", () => this.dialog.close());
    $("t-back").addEventListener("click", () => this.list());
    $("show-things").addEventListener("click", () => this.list());
    this.dialog.addEventListener("click", (event) => {
      if (event.target === this.dialog) this.dialog.close(); // outside of it
    });
    this.dialog.addEventListener("close", () => (this.shown = null));
  }

  clear() {
    this.all = [];
    this.sessions = new Map();
    this.places = [];
    this.shown = null;
  }

  // Reads the lists again soon; called with every delta.
  soon() {
    if (this.waiting) return;
    this.waiting = setTimeout(() => {
      this.waiting = 0;
      this.reload().catch(() => {}); // the next delta tries again
    }, EVERY_MS);
  }

  async reload() {
    const [things, named] = await Promise.all([getJson("/api/objects"), getJson("/api/places")]);
    this.all = things.objects;
    this.sessions = new Map(things.sessions.map((session) => [session.id, session]));
    this.places = named.places;
    $("show-things").hidden = !this.all.length;
    put($("show-things"), plural(this.all.length, "object"));
    this.changed(this);
  }

  // What the map draws of a segment: objects with a position in the frame of the poses.
  onMap(segment) {
    const ids = new Set([...this.sessions.values()]
      .filter((session) => session.segment === segment && session.measured === "poses")
      .map((session) => session.id));
    const last = Math.max(...ids); // after a relocalisation, older positions don't fit any more
    return {
      things: this.all.filter((one) => one.position && one.session === last),
      places: this.places.filter((place) => place.session === last).map((place) => ({ ...place, at: middle(place) })),
    };
  }

  list() {
    this.shown = null;
    put($("t-title"), "Objects");
    put($("t-when"), plural(this.all.length, "object"));
    $("t-back").hidden = true;
    $("t-facts").replaceChildren(el("ul", { class: "things-list" }, ...this.all.map((one) =>
      el("li", {}, el("button", { type: "button", click: () => this.show(one.id) },
        el("b", {}, one.name), el("span", {}, `${whereText(one)}${one.gone_since_ns === null ? "" : ", no longer there"}`))))));
    this.present();
  }

  show(id) {
    const one = this.all.find((each) => each.id === id);
    if (!one) return;
    this.shown = id;
    put($("t-title"), one.name);
    put($("t-when"), `object ${one.id}`);
    $("t-back").hidden = false;
    const session = this.sessions.get(one.session);
    $("t-facts").replaceChildren(
      facts([
        ["Position", whereText(one)],
        ["In", one.frame ? `${one.frame}, map session ${one.session}` : `map session ${one.session}, relative to the camera's start`],
        ["Measured by", session?.measured === "egomotion" ? "the camera's motion: rough" : "the camera's poses"],
        ["Seen in", plural(one.seen, "keyframe")],
        ["First seen", stampLong(one.first_seen_ns)],
        ["Last seen", stampLong(one.last_seen_ns)],
        ["No longer there since", one.gone_since_ns === null ? "" : stampLong(one.gone_since_ns)],
        ["Was at", one.places.map((place) => pointText(place.position)).join(", then ")],
        ["Note", one.note],
      ]),
      ...this.evidence("Keyframes that show it", one.evidence),
      ...this.evidence("Keyframes in which it was missed", one.missed_in),
      el("h3", {}, "Correct it"),
      this.line("Name", one.label || one.name, "Rename", (text) => this.correct(one, { kind: "relabel", text })),
      this.line("Note", one.note, "Save note", (text) => this.correct(one, { kind: "annotate", text })),
      this.forgetting(one),
      el("p", { class: "note", id: "t-problem", role: "alert", hidden: true }));
    this.present();
  }

  present() {
    if (!this.dialog.open) this.dialog.showModal();
  }

  evidence(title, ids) {
    if (!ids.length) return [];
    return [el("h3", {}, title), el("p", { class: "ids" }, ...ids.slice(-EVIDENCE).map((id) =>
      el("button", {
        type: "button",
        class: "cite",
        "aria-label": `Open keyframe ${id}`,
        click: () => {
          this.dialog.close();
          this.open(id);
        },
      }, `#${id}`)))];
  }

  line(name, value, verb, save) {
    const input = el("input", { type: "text", value, maxlength: 200, "aria-label": name, autocomplete: "off" });
    return el("form", {
      class: "line",
      submit: (event) => {
        event.preventDefault();
        save(input.value.trim());
      },
    }, input, el("button", { type: "submit" }, verb));
  }

  // The first click only asks: what is forgotten does not come back.
  forgetting(one) {
    let sure = false;
    const button = el("button", {
      type: "button",
      class: "danger",
      click: () => {
        if (sure) {
          this.correct(one, { kind: "forget" });
          return;
        }
        sure = true;
        put(button, `Forget it and ${plural(one.seen, "picture")}? This can't be undone`);
      },
    }, "Forget it");
    return el("p", { class: "actions" }, button);
  }

  async correct(one, correction) {
    try {
      await send("POST", "/api/corrections", { ...correction, object_id: one.id });
      await this.reload();
    } catch (error) {
      const problem = $("t-problem");
      problem.hidden = false;
      put(problem, `The correction failed: ${error.message}.`);
      return;
    }
    say("The correction is saved.");
    if (this.all.some((each) => each.id === one.id)) this.show(one.id);
    else this.list();
  }
}

function middle({ pose, region }) {
  if (pose) return pose.position_m;
  const mean = (axis) => region.reduce((sum, corner) => sum + corner[axis], 0) / region.length;
  return [mean(0), mean(1)];
}

const pointText = (position) => `(${position.map((metres) => metres.toFixed(1)).join(", ")}) m`;

function whereText({ position, std_m: std }) {
  if (!position) return "position unknown";
  return std === null ? pointText(position) : `${pointText(position)} ± ${std.toFixed(1)}`;
}

function facts(rows) {
  return el("dl", { class: "table" }, ...rows.filter(([, value]) => value).map(([name, value]) =>
    el("div", {}, el("dt", {}, name), el("dd", {}, value))));
}
