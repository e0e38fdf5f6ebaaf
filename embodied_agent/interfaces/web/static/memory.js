// The page's copy of the memory: keyframes with their deltas, by id, without gaps from the oldest one
// loaded to the newest. Older ones are loaded on demand; the pictures stay with the agent.
// Out of scope: how they are shown.

import { getJson } from "./wire.js";

const PAGE = 200;
// Beyond this number, the oldest are dropped again.
const MOST = 20000;
// Deltas kept for keyframe lists that were read before them and arrive after them.
const RECENT = 500;

export class Memory extends EventTarget {
  constructor() {
    super();
    this.clear();
  }

  clear() {
    this.ids = [];
    this.byId = new Map();
    this.recent = new Map();
    this.others = new Map(); // cited ones outside the range that is loaded
    this.complete = false;
    this.loading = null;
    this.loaded = false; // the newest page
    this.generation = (this.generation ?? 0) + 1;
  }

  get newest() {
    return this.byId.get(this.ids[this.ids.length - 1]) ?? null;
  }

  // Forgets everything and loads the newest page.
  async reload() {
    this.clear();
    const generation = this.generation;
    const reply = await getJson(`/api/keyframes?newest=true&limit=${PAGE}`);
    if (generation !== this.generation) return;
    this.complete = reply.keyframes.length < PAGE;
    this.loaded = true;
    // Some may have arrived as events in the meantime.
    for (const keyframe of reply.keyframes) this.byId.set(keyframe.id, this.latest(keyframe));
    this.ids = [...this.byId.keys()].sort((a, b) => a - b);
    this.changed();
  }

  // Loads the page before the oldest keyframe. Returns at once if that is under way or there is none.
  async loadEarlier() {
    if (!this.loaded || this.complete || this.loading || !this.ids.length) return;
    const generation = this.generation;
    this.loading = getJson(`/api/keyframes?before=${this.ids[0]}&newest=true&limit=${PAGE}`);
    try {
      const earlier = (await this.loading).keyframes;
      if (generation !== this.generation) return;
      this.complete = earlier.length < PAGE;
      for (const keyframe of earlier) this.byId.set(keyframe.id, this.latest(keyframe));
      this.ids = [...earlier.map((keyframe) => keyframe.id), ...this.ids];
      this.changed(earlier.length);
    } finally {
      if (generation === this.generation) this.loading = null;
    }
  }

  // A keyframe that is new, or known and now perceived.
  add(keyframe) {
    const known = this.byId.get(keyframe.id);
    if (known) {
      keyframe.delta ??= known.delta;
    } else if (this.ids.length && keyframe.id < this.ids[this.ids.length - 1]) {
      return; // older than what is loaded: it comes with its page
    } else {
      this.ids.push(keyframe.id);
    }
    this.byId.set(keyframe.id, this.latest(keyframe));
    let dropped = 0;
    if (this.ids.length > MOST) {
      dropped = this.ids.length - MOST + PAGE;
      for (const id of this.ids.splice(0, dropped)) this.byId.delete(id);
      this.complete = false;
    }
    this.changed(-dropped);
  }

  latest(keyframe) {
    keyframe.delta ??= this.recent.get(keyframe.id) ?? null;
    return keyframe;
  }

  perceived(delta) {
    this.recent.set(delta.keyframe_id, delta);
    if (this.recent.size > RECENT) this.recent.delete(this.recent.keys().next().value);
    for (const map of [this.byId, this.others]) {
      const keyframe = map.get(delta.keyframe_id);
      if (keyframe) keyframe.delta = delta;
    }
    this.changed();
  }

  // The keyframe with this id, loaded if necessary; null if the memory has none.
  async find(id) {
    const known = this.byId.get(id) ?? this.others.get(id);
    if (known) return known;
    const reply = await getJson(`/api/keyframes?since=${id}&limit=1`);
    const found = reply.keyframes[0];
    if (found?.id !== id) return null;
    this.others.set(id, this.latest(found));
    return found;
  }

  // The id next to this one, among those that are or can be loaded; null at an end.
  async beside(id, step) {
    let at = this.ids.indexOf(id);
    if (at === 0 && step < 0 && !this.complete) {
      await this.loadEarlier();
      at = this.ids.indexOf(id);
    }
    if (at >= 0) return this.ids[at + step] ?? null;
    return id + step >= 0 ? id + step : null;
  }

  // `before`: how many entries were added (or, if negative, dropped) at the old end.
  changed(before = 0) {
    const event = new Event("change");
    event.before = before;
    this.dispatchEvent(event);
  }
}
