// A dialog with one keyframe: its picture, what was seen, why it was kept, and where it was taken.
// Arrow keys go to its neighbours; Escape closes it.

import { $, el, put, shape } from "./dom.js";
import { moveText, percent, reasonText, seconds, sided, stampLong } from "./words.js";

export class Viewer {
  constructor(memory, { askAsOf, shown }) {
    this.memory = memory;
    this.askAsOf = askAsOf;
    this.shown = shown; // called with the id, or null when the dialog is closed
    this.dialog = $("viewer");
    this.keyframe = null;
    $("v-close").addEventListener("click", () => this.dialog.close());
    $("v-prev").addEventListener("click", () => this.go(-1));
    $("v-next").addEventListener("click", () => this.go(1));
    this.dialog.addEventListener("keydown", (event) => {
      if (event.key === "ArrowLeft") this.go(-1);
      else if (event.key === "ArrowRight") this.go(1);
      else return;
      event.preventDefault();
    });
    this.dialog.addEventListener("click", (event) => {
      if (event.target === this.dialog) this.dialog.close(); // outside of it
    });
    this.dialog.addEventListener("close", () => {
      this.keyframe = null;
      this.shown(null);
    });
    $("v-picture").addEventListener("error", () => this.gone(true));
    $("v-picture").addEventListener("load", () => this.gone(false));
    memory.addEventListener("change", () => {
      if (this.keyframe && this.keyframe.delta && !this.hadDelta) this.show(this.keyframe);
    });
  }

  async open(id) {
    this.wanted = id;
    let keyframe = null;
    let problem = "It is no longer in the memory.";
    try {
      keyframe = await this.memory.find(id);
    } catch (error) {
      problem = `It could not be loaded: ${error.message}.`;
    }
    if (this.wanted !== id) return;
    if (keyframe) this.show(keyframe);
    else this.missing(id, problem);
    if (!this.dialog.open) this.dialog.showModal();
    await this.ends(id);
  }

  async go(step) {
    const beside = await this.memory.beside(this.wanted, step).catch(() => null);
    if (beside !== null) await this.open(beside);
  }

  // At an end, the button that leads nowhere is disabled, and focus stays in the dialog.
  async ends(id) {
    for (const [button, step] of [[$("v-prev"), -1], [$("v-next"), 1]]) {
      const beside = await this.memory.beside(id, step).catch(() => null);
      if (this.wanted !== id) return;
      if (beside === null && document.activeElement === button) $("v-close").focus();
      button.disabled = beside === null;
    }
  }

  gone(is) {
    $("v-gone").hidden = !is;
    $("v-picture").hidden = is;
    $("v-boxes").toggleAttribute("hidden", is);
  }

  missing(id, problem) {
    this.keyframe = null;
    put($("v-title"), `Keyframe ${id}`);
    put($("v-when"), "");
    $("v-picture").removeAttribute("src");
    this.gone(true);
    $("v-facts").replaceChildren(el("p", { class: "note" }, problem));
  }

  show(keyframe) {
    const { delta } = keyframe;
    this.keyframe = keyframe;
    this.hadDelta = Boolean(delta);
    put($("v-title"), `Keyframe ${keyframe.id}`);
    put($("v-when"), stampLong(keyframe.stamp_ns));
    const picture = $("v-picture");
    if (picture.getAttribute("src") !== keyframe.picture) {
      this.gone(false);
      picture.width = keyframe.width;
      picture.height = keyframe.height;
      picture.src = keyframe.picture;
      picture.alt = delta?.mentions.length
        ? `In view: ${delta.mentions.map((mention) => mention.name).join(", ")}`
        : `Picture of keyframe ${keyframe.id}`;
    }
    drawBoxes(keyframe);
    $("v-facts").replaceChildren(
      el("h3", {}, "What was seen"), ...whatWasSeen(keyframe),
      el("h3", {}, "Why it was kept"), table(whyItWasKept(keyframe)),
      el("h3", {}, "Where"), ...where(keyframe),
      el("p", { class: "actions" }, el("button", {
        type: "button",
        click: () => {
          this.dialog.close();
          this.askAsOf(keyframe);
        },
      }, "Ask as of this moment")));
    this.shown(keyframe.id);
  }
}

// The objects' boxes over the picture, which is scaled in the same way.
function drawBoxes({ width, height, delta }) {
  const svg = $("v-boxes");
  svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
  const size = Math.max(10, Math.round(width / 40));
  svg.replaceChildren(...(delta?.mentions ?? []).filter((mention) => mention.box).flatMap(({ name, box }) => {
    const [x, y] = [box.left * width, box.top * height];
    const [w, h] = [(box.right - box.left) * width, (box.bottom - box.top) * height];
    const at = { x: x + size / 4, y: Math.max(size, y + size), "font-size": size };
    return [shape("rect", { x, y, width: w, height: h }), shape("text", at, name)];
  }));
}

function table(rows) {
  return el("dl", { class: "table" }, ...rows.filter(([, value]) => value).map(([name, value]) =>
    el("div", {}, el("dt", {}, name), el("dd", {}, value))));
}

function whatWasSeen(keyframe) {
  const { delta } = keyframe;
  if (!delta) return [el("p", { class: "note" }, "Waiting for perception.")];
  const parts = [];
  if (!delta.usable) parts.push(el("p", { class: "note" }, "The perceiver's reply was unusable. The motion is the keyframer's."));
  const move = moveText(keyframe);
  const differs = delta.agrees_with_egomotion === false ? " (differs from the measured motion)" : "";
  parts.push(table([["Camera", move ? move + differs : "no motion"]]));
  if (delta.mentions.length) {
    parts.push(el("ul", { class: "mentions" }, ...delta.mentions.map((mention) =>
      el("li", {}, el("span", {}, mention.name),
        el("span", {}, [mention.direction, mention.distance, ...measured(mention)].filter(Boolean).join(", "))))));
  }
  if (delta.observation) parts.push(el("p", { class: "said" }, delta.observation));
  if (!delta.mentions.length && !delta.observation && delta.usable) {
    parts.push(el("p", { class: "hint" }, "No objects were named."));
  }
  parts.push(el("p", { class: "hint" }, `by ${delta.model || "an unnamed model"} in ${seconds(delta.latency_s)}`));
  return parts;
}

// What was measured of an object, in words.
function measured({ bearing_deg: bearing, range_m: range, confidence }) {
  return [
    typeof bearing === "number" ? sided(bearing, "left", "right") : "",
    typeof range === "number" ? `${range.toFixed(1)} m` : "",
    typeof confidence === "number" ? `${percent(confidence)} sure` : "",
  ];
}

function whyItWasKept(keyframe) {
  const ego = keyframe.egomotion;
  return [
    ["Reason", reasonText(keyframe.reason)],
    ["Overlap", keyframe.overlap_ratio === null ? "" : percent(keyframe.overlap_ratio)],
    ["Inliers", keyframe.overlap_ratio === null ? "" : String(keyframe.inliers)],
    ["Measured motion", ego?.action ? moveText({ egomotion: ego }) : ""],
    ["Turned", ego ? `${sided(ego.yaw_deg, "left", "right")}, ${sided(ego.pitch_deg, "up", "down")}` : ""],
    ["Segment", String(keyframe.segment)],
  ];
}

function where({ pose }) {
  if (!pose) return [el("p", { class: "hint" }, "This keyframe has no pose.")];
  const [x, y, z] = pose.position_m.map((metres) => metres.toFixed(2));
  const [qx, qy, qz, qw] = pose.orientation_xyzw;
  const yaw = Math.atan2(2 * (qw * qz + qx * qy), 1 - 2 * (qy * qy + qz * qz));
  return [table([
    ["Position", `x ${x}, y ${y}, z ${z} m`],
    ["Heading", `${sided((yaw * 180) / Math.PI, "left", "right")} of x`],
    ["Frame", pose.frame_id],
  ])];
}
