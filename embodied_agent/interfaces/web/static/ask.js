// Questions and their answers: the form, the answer as it is written, and its evidence. Questions
// that were asked elsewhere are listed too. Out of scope: the HTTP API (`wire.js`).

import { $, el, icon, put, say } from "./dom.js";
import { ask, getJson } from "./wire.js";
import { DEMO, STATUSES, isDemo, percent, seconds, stampText } from "./words.js";

// Answers kept on the page. The memory has all of them.
const MOST = 30;
const EARLIER = 5;
// Pictures of evidence shown at once.
const SHOWN = 7;
// An answer of more characters is set as text, not as a headline.
const LONG = 80;
const STAGES = {
  queue: "queue", perceive_wait: "perception", recall: "recall", second_look: "second look",
  first_token: "first token", generate: "reasoning", reason: "reasoning", verify: "verification",
  load: "loading a model", restate: "restating the question", rules: "rules",
};

export class Asking {
  constructor({ open, cited }) {
    this.open = open;
    this.cited = cited;
    this.atNs = null;
    this.running = null;
    this.mine = new Set(); // ids of questions asked here
    const question = $("question");
    $("ask").addEventListener("submit", (event) => {
      event.preventDefault();
      this.submit();
    });
    question.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
        event.preventDefault();
        this.submit();
      }
    });
    question.addEventListener("input", () => this.fit());
    $("stop").addEventListener("click", () => this.running?.abort());
    $("asof-clear").addEventListener("click", () => this.asOf(null));
    $("choices").addEventListener("input", () => this.countChoices());
  }

  // From now on, asks as of a keyframe, or (null) about the present.
  asOf(keyframe) {
    this.atNs = keyframe?.stamp_ns ?? null;
    $("asof").hidden = !keyframe;
    put($("asof-text"), keyframe ? `As of keyframe ${keyframe.id}, ${stampText(keyframe.stamp_ns)}.` : "");
    $("question").focus();
  }

  prefill(text, choices, focus = true) {
    $("question").value = text;
    $("choices").value = choices.join("\n");
    this.fit();
    this.countChoices();
    if (focus) $("question").focus();
  }

  // Example questions about an object that was seen; none while nothing was.
  suggest(name) {
    if (name === this.suggested) return;
    this.suggested = name;
    const examples = name
      ? [[`Where is the ${name} now?`, ["front", "right", "back", "left"]],
         [`You are to go to the ${name}. Which way do you go?`, ["move forward", "rotate left 90, move forward", "rotate right 90, move forward", "rotate right 180, move forward"]]]
      : [];
    $("suggest").replaceChildren(...examples.map(([text, choices]) =>
      el("button", { type: "button", click: () => this.prefill(text, choices) }, text)));
  }

  // A question that was asked elsewhere, or earlier, has its answer.
  answered(reply, about = "asked elsewhere") {
    if (reply.id && this.mine.has(reply.id)) return;
    const entry = new Entry(reply.question, this.open, about);
    this.add(entry);
    entry.finish(reply);
  }

  // What a standing question waited for has happened.
  alerted(alert) {
    const entry = new Entry("Alert", this.open, `standing question ${alert.question_id}`);
    this.add(entry);
    const { keyframe_id, stamp_ns, pose, picture } = alert;
    entry.finish({
      ...{ status: "answered", text: alert.text, choice: null, reasoning: "", consistency: null, verified_by: "" },
      ...{ latency_s: {}, models: {}, notice: "", problem: "" },
      evidence: [{ keyframe_id, stamp_ns, pose, picture, note: "cited" }],
    });
    say(alert.text);
  }

  // The latest answers in the memory, if the page has none yet.
  async loadEarlier() {
    const { answers } = await getJson(`/api/answers?limit=${EARLIER}`);
    if ($("answers").children.length) return;
    for (const reply of answers) this.answered(reply, "asked earlier");
    $("suggest").hidden = false;
  }

  async submit() {
    const box = $("question");
    const question = box.value.trim();
    if (!question || this.running) return box.focus();
    const entry = new Entry(question, this.open, this.atNs ? $("asof-text").textContent : "");
    this.add(entry);
    this.running = new AbortController();
    this.busy(true);
    const id = `page-${crypto.getRandomValues(new Uint32Array(3)).join("-")}`;
    this.mine.add(id);
    try {
      const reply = await ask({ id, question, choices: this.choices(), atNs: this.atNs },
        (piece) => entry.piece(piece), this.running.signal);
      entry.finish(reply);
      this.cited(reply.evidence.map((item) => item.keyframe_id));
      say(`${STATUSES[reply.status]?.word ?? "Answer"}: ${reply.problem || reply.text}`);
      if (reply.status !== "failed") this.prefill("", [], false);
    } catch (error) {
      const why = error.name === "AbortError" ? "stopped" : error.message;
      entry.fail(why);
      say(`No answer: ${why}`);
    } finally {
      this.running = null;
      this.busy(false);
    }
  }

  choices() {
    return $("choices").value.split("\n").map((line) => line.trim()).filter(Boolean);
  }

  countChoices() {
    const n = this.choices().length;
    put($("more").querySelector("summary"), n ? `Choices (${n})` : "Choices");
  }

  busy(is) {
    const hadFocus = [$("send"), $("stop")].includes(document.activeElement);
    $("send").hidden = is;
    $("stop").hidden = !is;
    if (hadFocus) $(is ? "stop" : "send").focus();
  }

  add(entry) {
    $("suggest").hidden = $("answers-empty").hidden = true;
    const list = $("answers");
    list.prepend(entry.element);
    while (list.children.length > MOST) list.lastElementChild.remove();
    list.scrollTop = 0;
  }

  // The box grows with its text.
  fit() {
    const box = $("question");
    box.style.height = "auto";
    box.style.height = `${Math.min(box.scrollHeight, 160)}px`;
  }
}

class Entry {
  constructor(question, open, about) {
    this.open = open;
    this.reply = "";
    this.state = el("p", { class: "hint" }, about ? `${about} ` : "");
    this.answer = el("p", { class: "answer" }, el("span", { class: "thinking" }, "thinking"));
    this.kind = el("p", { class: "kind", hidden: true });
    this.thoughts = el("div", { class: "thoughts" });
    this.why = el("details", { class: "why", hidden: true, open: true }, el("summary", {}, "Reasoning"), this.thoughts);
    this.after = el("div", { class: "after" });
    this.element = el("li", { class: "qa", "data-state": "running", "aria-busy": "true" },
      el("p", { class: "asked" }, question), about ? this.state : null, this.kind, this.answer, this.why, this.after);
  }

  // An unfinished reply is read leniently; the server's answer replaces it.
  piece(text) {
    this.reply += text;
    const { thoughts, answer } = parts(this.reply);
    this.why.hidden = !thoughts;
    put(this.thoughts, thoughts);
    if (answer) put(this.answer, answer);
  }

  finish(reply) {
    this.element.removeAttribute("aria-busy");
    if (reply.status === "failed") {
      this.fail(reply.problem);
    } else {
      this.element.dataset.state = "done";
      this.mark(reply.status);
      this.answer.replaceChildren(...(reply.choice ? [el("b", { class: "letter" }, reply.choice)] : []), reply.text);
      this.answer.classList.toggle("long", reply.text.length > LONG);
    }
    const known = new Set(reply.evidence.map((item) => item.keyframe_id));
    // Rules show the notes that they read.
    put(this.why.firstElementChild, reply.models.reasoner === "rules" ? "Notes" : "Reasoning");
    this.why.hidden = !reply.reasoning;
    this.why.open = false;
    this.thoughts.replaceChildren(...linked(reply.reasoning, known, this.open));
    this.after.replaceChildren();
    if (reply.notice) this.after.append(el("p", { class: "note" }, reply.notice));
    if (reply.evidence.length) this.after.append(this.evidence(reply.evidence));
    this.after.append(meta(reply));
  }

  fail(why) {
    this.element.removeAttribute("aria-busy");
    this.element.dataset.state = "problem";
    this.mark("failed");
    this.answer.replaceChildren(why);
    this.why.open = false;
  }

  // Anything but a plain answer shows its status on a separate line.
  mark(status) {
    this.element.dataset.status = status;
    const kind = STATUSES[status];
    this.kind.hidden = !kind;
    if (kind) this.kind.replaceChildren(icon(kind.symbol), kind.word);
  }

  evidence(items) {
    const shown = items.length > SHOWN + 1 ? items.slice(0, SHOWN) : items;
    const list = el("ul", { class: "evidence", "aria-label": "Evidence" }, ...this.thumbnails(shown));
    const rest = items.slice(shown.length);
    if (rest.length) {
      const more = el("button", { type: "button", class: "rest" }, `${rest.length} more`);
      const last = el("li", {}, more);
      more.addEventListener("click", () => {
        const thumbnails = this.thumbnails(rest);
        last.replaceWith(...thumbnails);
        thumbnails[0].firstElementChild.focus();
      });
      list.append(last);
    }
    return list;
  }

  thumbnails(items) {
    return items.map((item) =>
      el("li", {}, el("button", {
        type: "button", "data-note": item.note, click: () => this.open(item.keyframe_id),
        "aria-label": `Open keyframe ${item.keyframe_id}${item.note ? `, ${item.note}` : ""}`,
        title: `Keyframe ${item.keyframe_id}, ${item.note}`,
      },
      el("img", { src: `${item.picture}?width=160`, alt: "", loading: "lazy", decoding: "async", error: (event) => event.target.classList.add("gone") }),
      el("span", {}, `#${item.keyframe_id}`))));
  }
}

function parts(reply) {
  const answer = /<answer>([\s\S]*?)(<\/answer>|$)/.exec(reply)?.[1] ?? "";
  const thoughts = reply.replace(/<answer>[\s\S]*/, "").replace(/<\/?[a-z]*>?/g, "").trim();
  return { thoughts, answer: answer.trim() };
}

// Text in which the numbers of cited keyframes are buttons.
function linked(text, known, open) {
  return text.split(/(#\d{1,9}\b)/).map((part) => {
    const id = /^#\d/.test(part) ? Number(part.slice(1)) : null;
    if (id === null || !known.has(id)) return part;
    return el("button", { type: "button", class: "cite", click: () => open(id), "aria-label": `Open keyframe ${id}` }, part);
  });
}

function meta(reply) {
  const { total, ...stages } = reply.latency_s;
  const took = Object.entries(stages).filter(([, value]) => value >= 0.001)
    .map(([name, value]) => `${STAGES[name] ?? name.replaceAll("_", " ")} ${seconds(value)}`);
  const sum = (total ?? 0) + (stages.queue ?? 0);
  const line = el("p", { class: "meta" });
  if (reply.consistency !== null) {
    const meter = el("span", { class: "meter", "aria-hidden": "true" }, el("i"));
    meter.style.setProperty("--share", reply.consistency);
    line.append(el("span", { class: "consistency", title: reply.verified_by || "How often the same reasoning leads to the same answer" },
      `consistency ${percent(reply.consistency)}`, meter));
  }
  line.append(el("span", { class: "took", title: took.join(", ") }, el("b", {}, seconds(sum)), took.length ? ` ${took.join(" · ")}` : ""));
  const models = [...new Set(Object.values(reply.models))].filter(Boolean);
  const note = isDemo(models) ? ` (${DEMO})` : "";
  if (models.length) line.append(el("span", { class: "models" }, models.join(", ") + note));
  return line;
}
