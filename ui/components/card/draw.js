// Draws the review card. Knows the state only to show it; every wish goes out through `act`.
import { guideLines } from "./guide.js";
import { found, offered, picked, spells, suggestion } from "./state.js";
import { KEYED } from "./ranking.js";
import { alikeness, confidenceWords, h, headline, pace, percent, plural, weighed } from "./words.js";

const LONG_TEXT = 900; // characters after which a text folds
const FOLDED_TEXT = 640; // and to how many: enough to judge, and the keys stay in view
const FEW_FIELDS = 4;
const SHOWN_MATCHES = 12;
const LONGEST_NOTE = 10_000; // characters that the server takes

// Builds the fixed parts once inside `host` and returns {root, update(state, link)}.
// `act` has: key(name), pick(name), type(text), note(text), write(), hold(nonce, keep), holdAll(keep).
export function view(host, act) {
  const part = (name, tag = "div", props = {}) => h(tag, { class: name, ...props });
  const live = part("live", "p", { "aria-live": "polite", role: "status" });
  const bar = part("bar");
  const tray = part("tray");
  const left = part("reading", "article", { "aria-label": "Text to sort" });
  const list = part("options", "ol", { "aria-label": "Categories" });
  const guess = part("guess");
  const input = h("input", {
    class: "search", type: "text", dir: "auto", placeholder: "Type to find a category", "aria-label": "Find a category",
    autocomplete: "off", spellcheck: "false", oninput: (event) => act.type(event.target.value),
  });
  const note = h("textarea", {
    class: "note", rows: 2, maxlength: LONGEST_NOTE, dir: "auto", placeholder: "A note for whoever looks at this decision", "aria-label": "Note",
    oninput: (event) => act.note(event.target.value), onfocus: () => act.write(),
  });
  const right = h("section", { class: "answering", "aria-label": "Your answer" }, guess, input, list, note);
  const card = part("card");
  card.append(left, right);
  const rest = part("rest", "section");
  const keys = part("keys", "nav", { "aria-label": "Keys" });
  const guide = part("help guide", "section", { "aria-label": "What belongs where" });
  const help = part("help", "section", { "aria-label": "Keyboard help" });
  const root = h("div", { class: "desk", tabindex: "-1", "aria-label": "Review card" });
  const foot = part("foot");
  foot.append(keys, live);
  root.append(bar, tray, card, rest, guide, help, foot);
  host.append(root);

  let shown = null;
  let opened = null; // what stands below the card to be read, and was brought into view

  function update(state, link) {
    const task = state.hand[0];
    bar.replaceChildren(...barParts(state, link));
    tray.replaceChildren(...refusedRows(state, act));
    card.hidden = !task;
    rest.hidden = Boolean(task);
    help.hidden = state.mode !== "help";
    guide.hidden = !task || state.mode !== "guide";
    keys.hidden = !task && !state.trail.length;
    if (task) {
      left.replaceChildren(...readingParts(task, state, act));
      guess.replaceChildren(...guessParts(task, state, act));
      list.replaceChildren(...optionRows(state, act));
    } else {
      rest.replaceChildren(...restParts(state, link));
    }
    help.replaceChildren(...helpLines(state, act));
    if (!guide.hidden) guide.replaceChildren(...guideLines(state, act));
    keys.replaceChildren(...keyHints(state, act));
    live.textContent = state.message?.text ?? "";
    live.className = `live ${state.message ? state.message.kind : "quiet"}`;
    place(input, state.mode === "search", state.query);
    place(note, state.mode === "note" || state.note !== "", state.note);
    focusFor(state.mode);
    list.querySelector(".at")?.scrollIntoView({ block: "nearest" });
    // A new card begins at its top, also when the last one had been scrolled through.
    if (shown && task && task.task_id !== shown && root.getBoundingClientRect().top < 0) root.scrollIntoView();
    shown = task?.task_id ?? null;
    bringUp(state);
  }

  // Help and guideline stand below the card, often below the window: they come into view, and the card comes back after.
  function bringUp(state) {
    const reading = !help.hidden ? help : !guide.hidden ? guide : null;
    const now = reading && [reading, state.guide, state.cursor];
    if (now && now.some((one, place) => one !== opened?.[place])) reading.scrollIntoView({ block: "nearest" });
    else if (!now && opened && root.getBoundingClientRect().top < 0) root.scrollIntoView();
    opened = now;
  }

  function place(field, visible, value) {
    field.hidden = !visible;
    if (field.value !== value) field.value = value;
  }

  // The keyboard belongs to the field of the mode; when the mode ends it comes back to the card.
  function focusFor(mode) {
    const now = host.activeElement;
    if (mode === "search" && now !== input) input.focus();
    else if (mode === "note" && now !== note) note.focus();
    else if (mode === "card" && (now === input || now === note)) root.focus({ preventScroll: true });
  }

  return { root, update };
}

function barParts(state, link) {
  const speed = pace(state);
  const count = h("span", { class: "count" },
    h("strong", {}, String(state.done)), ` reviewed${speed ? ` · ${Math.round(speed)} a minute` : ""}`);
  const open = link.open === null ? [] : [h("span", { class: "dim" }, `${link.open} waiting in the queue`)];
  const waiting = state.outbox.length;
  const [kind, text] = !waiting && state.refused.length ? ["off", `${plural(state.refused.length, "answer")} not taken`]
    : !waiting ? ["ok", state.done ? "All saved" : "Ready"]
    : link.trouble ? ["off", `${plural(waiting, "answer")} kept in this browser. ${link.trouble}`]
    : ["busy", `Saving ${waiting}`];
  return [count, ...open, h("span", { class: `saved ${kind}`, role: "status" }, h("i", {}), text)];
}

function readingParts(task, state, act) {
  const { head, body, at } = headline(task.text);
  const words = state.reasons?.words ?? [];
  const long = body.length > LONG_TEXT && !state.unfolded;
  const parts = [h("p", { class: `reason ${task.blind ? "blind" : ""}` }, h("b", {}, task.label), " ", task.why)];
  if (head) parts.push(h("h2", { dir: "auto" }, ...marked(head, at[0], words)));
  if (body) {
    const seen = long ? body.slice(0, FOLDED_TEXT) : body;
    parts.push(h("div", { class: long ? "text folded" : "text", dir: "auto" }, ...marked(seen, at[1], words)));
  }
  if (body.length > LONG_TEXT) {
    const name = long ? "ArrowRight" : "ArrowLeft";
    const text = long ? `Show all ${body.length.toLocaleString("en")} characters` : "Fold the text";
    parts.push(h("button", { class: "link", onclick: () => act.key(name) }, text, h("kbd", {}, long ? "→" : "←")));
  }
  const rows = Object.entries(task.fields);
  if (rows.length) parts.push(fieldTable(rows.slice(0, state.unfolded ? rows.length : FEW_FIELDS)));
  if (rows.length > FEW_FIELDS && !state.unfolded) {
    const more = `${plural(rows.length - FEW_FIELDS, "more field")}`;
    parts.push(h("button", { class: "link", onclick: () => act.key("ArrowRight") }, more, h("kbd", {}, "→")));
  }
  return [...parts, ...reasonParts(state)];
}

// Words that speak for the suggestion are underlined, those against it struck through with dots: never by colour alone.
function marked(part, from, words) {
  return weighed(part, from, words).map(({ text, weight }) => weight === null ? text : mark(text, weight));
}

const mark = (text, weight) =>
  h("mark", { class: weight > 0 ? "for" : "against", title: weight > 0 ? "speaks for the suggestion" : "speaks against it" }, text);

function reasonParts(state) {
  if (state.why) return [h("p", { class: "dim why" }, "Looking for reasons …")];
  if (!state.reasons) return [];
  if (state.reasons.failed) return [h("p", { class: "dim why" }, "The reasons could not be fetched. W tries again.")];
  const { words, fields = [], neighbours } = state.reasons;
  const parts = [];
  if (words.length) {
    parts.push(h("p", { class: "dim why" }, "In the text: ", h("mark", { class: "for" }, "for the suggestion"), ", ",
      h("mark", { class: "against" }, "against it"), "."));
  }
  if (fields.length) {
    const names = fields.flatMap(({ name, weight }, at) => [at ? ", " : "", mark(name, weight)]);
    parts.push(h("p", { class: "dim why" }, "In the record: ", ...names, "."));
  }
  if (neighbours.length) {
    parts.push(h("h3", {}, "Decided before, and alike"), h("ul", { class: "alike" }, ...neighbours.map((one) =>
      h("li", {}, h("b", {}, one.category), h("span", { class: "dim" }, ` ${alikeness(one.similarity)}`), h("div", { dir: "auto" }, one.text)))));
  }
  return parts.length ? parts : [h("p", { class: "dim why" }, "Nothing stands out: no single word weighs much, and nothing like it is decided.")];
}

function fieldTable(rows) {
  return h("table", { class: "fields" }, h("tbody", {}, ...rows.map(([name, value]) =>
    h("tr", {}, h("th", { scope: "row" }, name), h("td", { dir: "auto" }, String(value ?? ""))))));
}

function guessParts(task, state, act) {
  if (state.several) return severalParts(task, state, act);
  const name = suggestion(state);
  if (!name) {
    const text = task.blind ? "The suggestion is hidden on this card" : "No suggestion yet";
    return [h("p", { class: "label" }, text), h("p", { class: "dim" }, "Choose the category that you find right.")];
  }
  const sure = task.prediction.confidence;
  const basis = task.prediction.model_version === 0
    ? "from the categories' names and descriptions alone" : confidenceWords(sure).frequency;
  return [
    h("p", { class: "label" }, task.again && task.before ? `You had chosen ${task.before}` : "Suggested"),
    h("button", { class: "suggested", onclick: () => act.pick(name) }, h("span", {}, name), h("kbd", {}, "Enter")),
    h("div", { class: "meter", role: "img", "aria-label": `Confidence ${percent(sure)}` },
      h("span", { style: `width:${Math.round(sure * 100)}%` })),
    h("p", { class: "dim" }, h("b", {}, `${confidenceWords(sure).word}, ${percent(sure)}`), `: ${basis}`),
  ];
}

// Where an item may have several categories: the set as it stands, confirmed as a whole.
function severalParts(task, state, act) {
  const names = picked(state);
  const label = task.again && task.before ? `You had chosen ${task.before}`
    : state.chosen === null && names.length ? "Suggested" : "Your answer";
  const set = h("button", { class: "suggested", onclick: () => act.key("Enter"), disabled: !names.length },
    h("span", {}, names.length ? names.join(" + ") : "Nothing chosen yet"), h("kbd", {}, "Enter"));
  const hint = task.blind ? "The suggestion is hidden on this card. Choose every category that fits."
    : "Keys add a category or take it away; Enter confirms them all.";
  return [h("p", { class: "label" }, label), set, h("p", { class: "dim under" }, hint)];
}

function optionRows(state, act) {
  const searching = state.mode === "search";
  const list = searching ? found(state) : offered(state);
  const shown = list.slice(0, Math.max(searching ? SHOWN_MATCHES : KEYED, state.cursor + 1));
  const name = suggestion(state);
  const on = state.several ? picked(state) : [];
  const chooses = (place) => place < KEYED && !(searching && spells(state, String(place + 1)));
  const rows = shown.map((option, place) => {
    const marks = [place === state.cursor ? "at" : "", option.name === name ? "top" : "",
      on.includes(option.name) ? "on" : ""].join(" ");
    const sure = option.confidence;
    return h("li", { class: marks, "aria-current": place === state.cursor ? "true" : null },
      h("button", { onclick: () => act.pick(option.name), title: option.description || null,
        "aria-pressed": state.several ? String(on.includes(option.name)) : null },
        sure === null ? "" : h("span", { class: "fill", style: `width:${Math.round(sure * 100)}%` }),
        h("kbd", {}, chooses(place) ? String(place + 1) : "·"),
        h("span", { class: "name" }, option.name,
          option.shortcut ? h("kbd", { class: "own" }, option.shortcut.toUpperCase()) : ""),
        sure === null ? "" : h("span", { class: "sure" }, percent(sure)),
        on.includes(option.name) ? h("span", { class: "tick", "aria-hidden": "true" }, "✓") : ""));
  });
  const hidden = list.length - shown.length;
  if (searching && !list.length) rows.push(h("li", { class: "dim none" }, "No category matches. Esc goes back."));
  else if (hidden > 0) {
    const text = `${hidden} more: type / and a few letters`;
    rows.push(h("li", { class: "none" }, h("button", { class: "link", onclick: () => act.key("/") }, text)));
  }
  return rows;
}

function restParts(state, link) {
  if (!state.dry) return [h("div", { class: "spinner", "aria-hidden": "true" }), h("p", {}, "Fetching the next cards")];
  return [h("h2", {}, link.rest?.title ?? "Nothing to review right now"),
    h("p", { class: "dim" }, link.rest?.text ?? "New cards appear here by themselves.")];
}

function refusedRows(state, act) {
  const rows = state.refused.map((one, place) => refusedRow(one, state.about[one.entry.nonce], act, place === 0));
  if (rows.length < 2) return rows;
  return [h("div", { class: "refused all" },
    h("p", {}, h("b", {}, `${rows.length} answers were not taken.`)),
    h("button", { onclick: () => act.holdAll(true) }, "Store all anyway"),
    h("button", { class: "link", onclick: () => act.holdAll(false) }, "Drop all")), ...rows];
}

// The keys settle the first; then the next one is the first.
function refusedRow({ entry, detail }, text, act, keyed) {
  const cap = (key) => keyed ? h("kbd", {}, key) : "";
  const what = entry.action === "skip" || entry.action === "flag" ? `“${entry.action}”` : `“${entry.categories.join(", ")}”`;
  return h("div", { class: "refused", role: "alert" },
    h("p", {}, h("b", {}, `Your answer ${what} was not taken: `), detail,
      text ? h("span", { class: "dim", dir: "auto" }, text) : ""),
    h("button", { onclick: () => act.hold(entry.nonce, true) }, "Store it anyway", cap("+")),
    h("button", { class: "link", onclick: () => act.hold(entry.nonce, false) }, "Drop it", cap("−")));
}

const HINTS = [["Enter", "Accept"], [" ", "Skip"], ["Backspace", "Undo"], ["f", "Flag"], ["n", "Note"], ["g", "Guideline"], ["w", "Why"],
  ["/", "Search"], ["?", "Help"]];
const CAPS = { " ": "Space", Backspace: "⌫", f: "F", n: "N", g: "G", w: "W" };
const MODES = { n: "note", g: "guide" };

function keyHints(state, act) {
  const idle = {
    Backspace: !state.trail.length,
    w: !suggestion(state),
    Enter: state.cursor < 0 && !(state.several ? picked(state).length : suggestion(state)),
  };
  const hints = state.several ? [["Enter", "Confirm"], ...HINTS.slice(1)] : HINTS;
  return hints.map(([key, text]) =>
    h("button", {
      onclick: () => act.key(key), disabled: idle[key] ?? !state.hand.length,
      "aria-pressed": MODES[key] ? String(state.mode === MODES[key]) : null,
    }, h("kbd", {}, CAPS[key] ?? key), text));
}

function helpLines(state, act) {
  const choosing = state.several
    ? [["1 – 9", "add the category beside the digit, or take it away"], ["Enter", "confirm all that are ticked"]]
    : [["1 – 9", "choose the category beside the digit"], ["Enter", "accept the suggestion, or the highlighted category"]];
  const lines = [...choosing,
    ["↑ ↓", "highlight another category"], ["/ or a letter", "search the categories; Enter takes the best match, a digit is typed where a name goes on with it"],
    ["Space", "skip: the card is put aside and not asked again"], ["Backspace", "undo the last answer and see its card again"],
    ["F", "flag: somebody should look at this"], ["N", "write a note to the decision; Enter closes it"],
    ["G", "what belongs into the highlighted category: examples for and against, open questions"],
    ["W", "why: the words and fields that weigh, and what was decided of texts like it"],
    ["+ −", "store an answer anyway that was not taken, or drop it"],
    ["→ ←", "unfold and fold a long text"], ["Esc", "leave the search, the note, the guideline or this help"],
  ];
  return [h("h2", {}, "Keys"),
    h("dl", {}, ...lines.flatMap(([keys, text]) => [h("dt", {}, h("kbd", {}, keys)), h("dd", {}, text)])),
    h("p", { class: "dim" }, "Answers leave this browser at once and are kept here until the server has them."),
    h("button", { class: "link", onclick: () => act.key("Escape") }, "Close")];
}
