// The overlap over the last minute, with the threshold and a mark for each keyframe: it falls as the
// camera moves on and jumps back when a frame is kept. Time is the sensor's.

import { $, colours, oncePerFrame, prepared } from "./dom.js";
import { percent, stampSeconds } from "./words.js";

const SPAN_S = 60;
// Frames further apart than this are not connected.
const GAP_S = 2;

export class History {
  constructor() {
    this.canvas = $("history");
    this.clear();
    this.limit = null;
    this.draw = oncePerFrame(() => this.render());
    document.addEventListener("theme", this.draw);
    new ResizeObserver(this.draw).observe(this.canvas);
  }

  clear() {
    this.samples = [];
    this.marks = [];
  }

  threshold(value) {
    this.limit = value ?? null;
    this.draw();
  }

  decided(decision) {
    const at = stampSeconds(decision.stamp_ns);
    if (this.samples.length && at < this.samples[this.samples.length - 1].at) this.clear();
    this.samples.push({ at, overlap: decision.overlap_ratio });
    this.trim(at);
  }

  kept(keyframe) {
    this.marks.push({ at: stampSeconds(keyframe.stamp_ns), id: keyframe.id });
    this.draw();
  }

  trim(now) {
    while (this.samples.length && this.samples[0].at < now - SPAN_S) this.samples.shift();
    while (this.marks.length && this.marks[0].at < now - SPAN_S) this.marks.shift();
    this.draw();
  }

  render() {
    const { context, width, height } = prepared(this.canvas);
    const colour = colours();
    const font = getComputedStyle(this.canvas);
    const text = parseFloat(font.fontSize);
    context.font = `${text}px ${font.fontFamily}`;
    const left = 0;
    const right = width - context.measureText("100 %").width - 8;
    const top = 3;
    const bottom = height - 1.4 * text;
    const words = height - 0.3 * text; // the base line of the words below
    const y = (share) => bottom - share * (bottom - top);
    const end = this.samples.length ? this.samples[this.samples.length - 1].at : 0;
    const x = (at) => right - ((end - at) / SPAN_S) * (right - left);

    context.lineWidth = 1;
    context.strokeStyle = colour("line");
    context.fillStyle = colour("soft");
    context.textBaseline = "middle";
    for (const share of [0, 1]) {
      line(context, left, right, y(share));
      context.fillText(percent(share), right + 6, Math.min(bottom - 2, Math.max(top + text / 2, y(share))));
    }
    context.textBaseline = "alphabetic";
    context.fillText("60 s ago", left, words);
    context.textAlign = "right";
    context.fillText("now", right, words);
    context.textAlign = "left";
    if (this.limit !== null) {
      context.strokeStyle = colour("warn");
      context.setLineDash([4, 4]);
      line(context, left, right, y(this.limit));
      context.setLineDash([]);
    }
    context.strokeStyle = colour("mark");
    for (const { at } of this.marks) {
      if (x(at) < left) continue;
      context.beginPath();
      context.moveTo(x(at), top);
      context.lineTo(x(at), bottom);
      context.stroke();
    }
    context.save();
    context.beginPath();
    context.rect(left, 0, right - left + 1, height);
    context.clip();
    this.curve(context, x, y, colour);
    context.restore();
  }

  curve(context, x, y, colour) {
    context.strokeStyle = colour("accent");
    context.lineWidth = 1.6;
    context.lineJoin = "round";
    context.beginPath();
    let before = null;
    for (const { at, overlap } of this.samples) {
      if (overlap === null) {
        before = null;
        continue;
      }
      if (before === null || at - before > GAP_S) context.moveTo(x(at), y(overlap));
      else context.lineTo(x(at), y(overlap));
      before = at;
    }
    context.stroke();
  }
}

function line(context, from, to, y) {
  context.beginPath();
  context.moveTo(from, Math.round(y) + 0.5);
  context.lineTo(to, Math.round(y) + 0.5);
  context.stroke();
}
