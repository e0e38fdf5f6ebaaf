// The strip of keyframes with their deltas, oldest to newest. Only cards in view exist as elements, so
// ten thousand keyframes cost no more than ten. It follows the newest keyframe until it is scrolled
// away from it. Arrow keys, Home and End move; Enter opens.

import { $, el, icon, oncePerFrame, put } from "./dom.js";
import { keyframeText, moveIcon, moveText, plural, reasonText, stampText } from "./words.js";

// Cards kept ready beyond the edges, and how close to the old end more are loaded.
const SPARE = 4;
const NEAR_END = 20;

export class Strip {
  constructor(memory, open) {
    this.memory = memory;
    this.open = open;
    this.box = $("strip");
    this.track = $("track");
    this.cards = new Map(); // id → { item, button, keyframe, delta }
    this.following = true;
    this.active = null; // the id that Tab goes to
    this.cited = new Set();
    this.draw = oncePerFrame(() => this.render());
    memory.addEventListener("change", (event) => {
      if (event.before && !this.following) {
        this.widen(); // otherwise there is nothing to scroll to yet
        this.box.scrollLeft += event.before * this.step();
      }
      this.draw();
    });
    this.box.addEventListener("scroll", () => this.scrolled(), { passive: true });
    this.track.addEventListener("keydown", (event) => this.key(event));
    this.track.addEventListener("click", (event) => {
      const card = event.target.closest("[data-id]");
      if (card) this.open(Number(card.dataset.id));
    });
    this.track.addEventListener("focusin", (event) => {
      const card = event.target.closest("[data-id]");
      if (card) this.activate(Number(card.dataset.id));
    });
    $("newest").addEventListener("click", () => {
      this.following = true;
      this.render();
    });
    new ResizeObserver(this.draw).observe(this.box);
  }

  // The distance from card to card, in pixels: the width of a card and the gap after it.
  step() {
    const style = getComputedStyle(this.box);
    const rem = parseFloat(getComputedStyle(document.documentElement).fontSize);
    return parseFloat(style.getPropertyValue("--card-rem")) * rem + parseFloat(style.getPropertyValue("--gap-rem")) * rem;
  }

  cite(ids) {
    this.cited = new Set(ids);
    this.draw();
  }

  scrolled() {
    const left = this.track.offsetWidth - this.box.clientWidth - this.box.scrollLeft;
    this.following = left < this.step() / 2;
    this.draw();
  }

  widen() {
    this.track.style.width = `${this.memory.ids.length * this.step()}px`;
  }

  render() {
    const { ids } = this.memory;
    const step = this.step();
    $("strip-empty").hidden = ids.length > 0;
    this.track.hidden = ids.length === 0;
    this.widen();
    if (this.following) this.box.scrollLeft = this.track.offsetWidth;
    const first = Math.max(0, Math.floor(this.box.scrollLeft / step) - SPARE);
    const last = Math.min(ids.length, Math.ceil((this.box.scrollLeft + this.box.clientWidth) / step) + SPARE);
    if (this.active === null || !this.memory.byId.has(this.active)) this.active = ids[ids.length - 1] ?? null;
    const shown = new Set();
    for (let at = first; at < last; at++) {
      shown.add(ids[at]);
      this.place(ids[at], at, step);
    }
    for (const [id, card] of this.cards) {
      if (shown.has(id) || card.button === document.activeElement) continue;
      card.item.remove();
      this.cards.delete(id);
    }
    $("newest").hidden = this.following || !ids.length;
    put($("strip-note"), this.note());
    if (first < NEAR_END) this.memory.loadEarlier().catch(() => {});
  }

  note() {
    const { ids, complete } = this.memory;
    if (!ids.length) return "";
    return complete ? plural(ids.length, "keyframe") : `${plural(ids.length, "keyframe")} loaded; scroll left for older ones`;
  }

  place(id, at, step) {
    const keyframe = this.memory.byId.get(id);
    let card = this.cards.get(id);
    if (!card || card.keyframe !== keyframe || card.delta !== keyframe.delta) {
      const held = card?.button === document.activeElement;
      const made = this.card(keyframe);
      if (card) card.item.replaceWith(made.item);
      else this.track.insertBefore(made.item, this.after(id));
      this.cards.set(id, (card = made));
      if (held) card.button.focus({ preventScroll: true });
    }
    card.item.style.transform = `translateX(${at * step}px)`;
    card.item.setAttribute("aria-posinset", at + 1);
    card.item.setAttribute("aria-setsize", this.memory.complete ? this.memory.ids.length : -1);
    card.button.tabIndex = id === this.active ? 0 : -1;
    card.button.classList.toggle("cited", this.cited.has(id));
  }

  // Elements stay in the order of ids, for screen readers.
  after(id) {
    for (const item of this.track.children) if (Number(item.dataset.key) > id) return item;
    return null;
  }

  card(keyframe) {
    const { delta } = keyframe;
    const picture = el("img", {
      src: `${keyframe.picture}?width=320`, alt: "", loading: "lazy", decoding: "async",
      width: keyframe.width, height: keyframe.height,
      error: (event) => event.target.classList.add("gone"),
    });
    const button = el("button", {
      type: "button", class: "card", "data-id": keyframe.id, tabindex: -1,
      "aria-label": keyframeText(keyframe), title: `Kept: ${reasonText(keyframe.reason)}`,
    },
    picture,
    el("span", { class: "top" }, el("b", {}, `#${keyframe.id}`), el("span", {}, stampText(keyframe.stamp_ns))),
    ...(delta ? seen(keyframe) : [el("span", { class: "pending" }, "waiting for perception")]));
    const item = el("li", { "data-key": keyframe.id }, button);
    return { item, button, keyframe, delta };
  }

  activate(id) {
    const before = this.cards.get(this.active);
    if (before) before.button.tabIndex = -1;
    this.active = id;
    const now = this.cards.get(id);
    if (now) now.button.tabIndex = 0;
  }

  key(event) {
    const { ids } = this.memory;
    const at = ids.indexOf(this.active);
    const moves = { ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: ids.length - 1 };
    if (!(event.key in moves) || at < 0) return;
    event.preventDefault();
    const to = Math.min(ids.length - 1, Math.max(0, moves[event.key]));
    this.reveal(ids[to]);
    this.cards.get(ids[to])?.button.focus({ preventScroll: true });
  }

  // Scrolls a keyframe into view.
  reveal(id) {
    const at = this.memory.ids.indexOf(id);
    if (at < 0) return;
    const step = this.step();
    const { clientWidth, scrollLeft } = this.box;
    if (at * step < scrollLeft) this.box.scrollLeft = at * step;
    else if ((at + 1) * step > scrollLeft + clientWidth) this.box.scrollLeft = (at + 1) * step - clientWidth;
    this.following = at === this.memory.ids.length - 1;
    this.active = id;
    this.render();
  }
}

function seen(keyframe) {
  const { delta } = keyframe;
  const glyph = moveIcon(delta.action);
  const move = el("span", { class: "move" });
  if (glyph) {
    const svg = icon(glyph.symbol);
    svg.dataset.turn = glyph.turn;
    move.append(svg);
  }
  move.append(moveText(keyframe) || (keyframe.reason === "first" ? "start" : "no motion"));
  if (!delta.usable) return [move, el("span", { class: "pending" }, "unusable reply")];
  const things = delta.mentions.map((mention) =>
    el("span", { class: "thing" }, mention.name, el("i", {}, ` ${mention.direction}`)));
  const said = things.length ? [el("span", { class: "things" }, ...things)] : [];
  if (!things.length && delta.observation) said.push(el("span", { class: "said" }, delta.observation));
  return [move, ...said];
}
