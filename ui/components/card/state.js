// The review card as a pure state machine: no clock, no chance, no page. Every function takes a state
// and returns a new one; `now` (milliseconds) and `nonce` (a fresh unique string) come from outside.
import { KEYED, matches, options } from "./ranking.js";
import { words } from "./words.js";

export const BATCH = 10; // tasks asked for at once
export const REFILL = 6; // ask for more when this few are left
const TRAIL = 30; // how many decisions can be undone from the keyboard
const DOUBT = 4000; // milliseconds on one card after which its reasons are fetched unasked
const TELLING = 120; // characters of a text that tell it from others
const LONGEST_THINK = 600; // seconds; more means that nobody sat there

export function initial(categories = []) {
  return {
    categories,
    several: false, // whether an item may have several categories
    chosen: null, // of several: the names chosen on this card; null while they are as suggested
    hand: [], // tasks held; the first is on the card
    trail: [], // what was decided here, newest last, for undo
    outbox: [], // what the server has not acknowledged, oldest first
    refused: [], // answers the server would not take: shown until the person settles them
    about: {}, // by nonce of a refused answer: how the text begins that it was given to
    lease: null, // {id, count} of the request for tasks that is under way
    lastBatch: null, // id of the batch merged last
    dry: false, // the server had no more tasks to give when last asked
    mode: "card", // card | search | note | help | guide
    guiding: null, // id of the category whose guideline is asked for; null when it is here or nobody asked
    guide: null, // {category_id, …} the guideline that came last
    query: "",
    cursor: -1, // the highlighted option, -1 for none
    note: "",
    unfolded: false,
    why: null, // id of the item whose reasons are asked for; null when they are here or nobody asked
    reasons: null, // {item_id, words, fields, neighbours, failed} of the card in front, once they came
    shownAt: null, // when the card in front came up
    done: 0, // decisions of this sitting, undone ones taken off
    message: null, // {kind: "info" | "warning", text}
  };
}

// ---- what comes from the server ------------------------------------------------------------------

// Merges what Python sent: {categories, several, batch: {id, tasks} | null, outcomes: [{nonce, ok, decision_id,
// code, detail}], released: [task_id], reasons: {item_id, words, fields, neighbours} | null, guide: {category_id, …} | null}.
export function receive(state, data, now) {
  let next = { ...state, categories: data.categories ?? state.categories, several: data.several ?? state.several };
  next = withoutReleased(next, data.released ?? []);
  for (const outcome of data.outcomes ?? []) next = acknowledge(next, outcome);
  if (data.reasons && data.reasons.item_id === next.why) next = { ...next, why: null, reasons: data.reasons };
  if (data.guide && data.guide.category_id === next.guiding) next = { ...next, guiding: null, guide: data.guide };
  const batch = data.batch;
  if (batch && batch.id !== state.lastBatch && batch.id === state.lease?.id) {
    const given = new Map(batch.tasks.map((task) => [task.task_id, now + task.seconds_left * 1000]));
    const renewed = next.hand.map((task) => (given.has(task.task_id) ? { ...task, deadline: given.get(task.task_id) } : task));
    const here = new Set(next.hand.map((task) => task.task_id));
    const fresh = batch.tasks
      .filter((task) => !here.has(task.task_id))
      .map((task) => ({ ...task, deadline: given.get(task.task_id) }));
    next = { ...next, hand: [...renewed, ...fresh], lease: null, lastBatch: batch.id, dry: !fresh.length };
  }
  return settle(next, state, now);
}

function withoutReleased(state, released) {
  if (!released.length) return state;
  const gone = new Set(released);
  return { ...state, hand: state.hand.filter((task) => !gone.has(task.task_id)) };
}

function acknowledge(state, outcome) {
  const entry = state.outbox.find((one) => one.nonce === outcome.nonce);
  if (!entry) return state;
  const outbox = state.outbox.filter((one) => one !== entry);
  if (outcome.ok) {
    const trail = state.trail.map((step) =>
      step.nonce === entry.nonce ? { ...step, decision_id: outcome.decision_id } : step,
    );
    return { ...state, outbox, trail };
  }
  if (entry.action === "undo") {
    return { ...state, outbox, message: { kind: "warning", text: `Not undone: ${outcome.detail}` } };
  }
  const refused = [...state.refused, { entry, code: outcome.code, detail: outcome.detail }];
  const step = state.trail.find((one) => one.nonce === entry.nonce);
  const about = step ? { ...state.about, [entry.nonce]: step.task.text.slice(0, TELLING) } : state.about;
  const trail = state.trail.filter((step) => step.nonce !== entry.nonce);
  return { ...state, outbox, refused, about, trail, done: Math.max(0, state.done - 1) };
}

// Cards whose lease ended are put away, except the one being read.
export function expire(state, now) {
  const kept = state.hand.filter((task, place) => place === 0 || task.deadline > now);
  return kept.length === state.hand.length ? state : { ...state, hand: kept };
}

// The request for more tasks, if it is time for one: the same state when it is not. A dry queue is only
// asked `again` on purpose, by a slow clock.
export function askForMore(state, nonce, again = false) {
  if (state.lease || state.hand.length > REFILL || (state.dry && !again)) return state;
  return { ...state, lease: { id: nonce, count: BATCH } };
}

// What Python is to see: everything unacknowledged, the tasks wanted, and what is to be looked up.
export function outgoing(state) {
  return { entries: state.outbox, want: state.lease, why: state.why, guide: state.guiding };
}

// ---- what the person does ------------------------------------------------------------------------

export function decide(state, action, categories, { now, nonce }) {
  const task = state.hand[0];
  if (!task) return state;
  const seconds = state.shownAt === null ? 0 : Math.min(LONGEST_THINK, (now - state.shownAt) / 1000);
  const note = state.note.trim();
  const entry = {
    nonce,
    task_id: task.task_id,
    item_id: task.item_id,
    action,
    categories,
    seconds: Math.round(seconds * 10) / 10,
    at: now,
  };
  if (note) entry.note = note;
  const step = { nonce, task, action, categories, note, at: now, decision_id: null };
  const next = {
    ...state,
    hand: state.hand.slice(1),
    outbox: [...state.outbox, entry],
    trail: [...state.trail, step].slice(-TRAIL),
    done: state.done + 1,
    message: null,
  };
  return settle(next, state, now);
}

export function undo(state, { now, nonce }) {
  const step = state.trail.at(-1);
  if (!step) return { ...state, message: { kind: "info", text: "There is nothing left to undo here." } };
  const entry = { nonce, action: "undo", of: step.nonce, decision_id: step.decision_id, at: now };
  const next = {
    ...state,
    hand: [{ ...step.task, again: true, before: step.categories.join(", ") || null }, ...state.hand],
    outbox: [...state.outbox, entry],
    trail: state.trail.slice(0, -1),
    done: Math.max(0, state.done - 1),
    message: { kind: "info", text: `Undone: ${words(step)}. Here is the card again.` },
  };
  return { ...settle(next, state, now), note: step.note, chosen: step.categories.length ? step.categories : null };
}

// A refused answer is sent again, this time for the item itself, or dropped.
export function settleRefused(state, refusedNonce, keep, { now, nonce }) {
  const found = state.refused.find((one) => one.entry.nonce === refusedNonce);
  if (!found) return state;
  const refused = state.refused.filter((one) => one !== found);
  const { [refusedNonce]: text, ...about } = state.about;
  if (!keep) return { ...state, refused, about };
  const entry = { ...found.entry, nonce, task_id: null, at: now };
  return { ...state, refused, about: text ? { ...about, [nonce]: text } : about, outbox: [...state.outbox, entry], done: state.done + 1 };
}

// All of them at once, as after a long outage; `fresh` gives each its own nonce.
export function settleEvery(state, keep, fresh) {
  return state.refused.reduce((next, one) => settleRefused(next, one.entry.nonce, keep, fresh()), state);
}

export const offered = (state) => options(state.hand[0], state.categories);
export const found = (state) => matches(offered(state), state.query);

export function search(state, query) {
  return { ...state, mode: "search", query, cursor: 0, message: null };
}

export function close(state) {
  return { ...state, mode: "card", query: "", cursor: -1 };
}

export function move(state, by) {
  const list = state.mode === "search" ? found(state) : offered(state);
  if (!list.length) return state;
  const cursor = Math.max(0, Math.min(list.length - 1, state.cursor + by));
  return { ...state, cursor };
}

// One keystroke on the card. Returns null where the key means nothing here (so that the page may have it).
export function press(state, key, tools) {
  if (state.mode === "help") return ["?", "Escape", "Enter"].includes(key) ? close(state) : null;
  if (state.mode === "guide" && ["g", "G", "Escape"].includes(key)) return close(state);
  if (state.mode === "note") return key === "Escape" || key === "Enter" ? close(state) : null;
  if (state.mode === "search") return pressInSearch(state, key, tools);
  return pressOnCard(state, key, tools);
}

function pressInSearch(state, key, tools) {
  if (key === "Escape" || (key === "Backspace" && state.query === "")) return close(state);
  if (key === "ArrowDown") return move(state, 1);
  if (key === "ArrowUp") return move(state, -1);
  if (key === "Enter") return choose(state, found(state)[state.cursor], tools);
  if (isDigit(key) && !spells(state, key)) return choose(state, found(state)[Number(key) - 1], tools);
  return null;
}

// Whether a digit goes on with a name or a number that is searched for ("Tier 2"): then it is typed, and chooses nothing.
export const spells = (state, digit) => /\d$/.test(state.query) || matches(offered(state), state.query + digit).length > 0;

function pressOnCard(state, key, tools) {
  const letter = key.length === 1 ? key.toLowerCase() : "";
  if (key === "?") return { ...state, mode: "help" };
  if (key === "Backspace") return undo(state, tools);
  if (state.refused.length && (key === "+" || key === "-")) return settleRefused(state, state.refused[0].entry.nonce, key === "+", tools);
  if (!state.hand.length) return null;
  if (isDigit(key)) return choose(state, offered(state)[Number(key) - 1], tools);
  if (key === "Enter") return accept(state, tools);
  if (key === " ") return decide(state, "skip", [], tools);
  if (key === "/") return search(state, "");
  if (key === "Escape") return { ...state, cursor: -1, message: null };
  if (key === "ArrowDown") return move(state, 1);
  if (key === "ArrowUp") return move(state, -1);
  if (key === "ArrowRight" || key === "ArrowLeft") return { ...state, unfolded: key === "ArrowRight" };
  const own = state.categories.find((category) => letter && category.shortcut?.toLowerCase() === letter);
  if (own) return choose(state, own, tools);
  if (letter === "f") return decide(state, "flag", [], tools);
  if (letter === "n") return { ...state, mode: "note" };
  if (letter === "g") return { ...state, mode: "guide", guide: null };
  if (letter === "w") return explain(state);
  return /^\p{L}$/u.test(key) ? search(state, key) : null;
}

// Enter: the highlighted option, else what the machine suggests; of several, the set as it stands.
function accept(state, tools) {
  if (state.cursor >= 0) return choose(state, offered(state)[state.cursor], tools);
  if (state.several) return confirm(state, tools);
  const suggested = suggestion(state);
  if (suggested) return choose(state, { name: suggested }, tools);
  return { ...state, message: { kind: "info", text: "This card has no suggestion: choose a category." } };
}

export function choose(state, option, tools) {
  if (!option || !state.hand.length) return state;
  if (state.several) return toggle(state, option.name);
  const action = option.name === suggestion(state) ? "accept" : "correct";
  return decide(state, action, [option.name], tools);
}

function toggle(state, name) {
  const before = picked(state);
  const chosen = before.includes(name) ? before.filter((one) => one !== name) : [...before, name];
  return { ...close(state), chosen, message: null };
}

// Of several: decides for the set on the card.
function confirm(state, tools) {
  const names = picked(state);
  if (!names.length) return { ...state, message: { kind: "info", text: "Choose at least one category, then press Enter." } };
  const suggested = suggestions(state);
  const same = names.length === suggested.length && names.every((name) => suggested.includes(name));
  return decide(state, same ? "accept" : "correct", names, tools);
}

// The category the card suggests, or null on a blind card.
export function suggestion(state) {
  const task = state.hand[0];
  return task && !task.blind && task.prediction ? task.prediction.category : null;
}

// All categories the card suggests: of several there may be more than one, and none on a blind card.
export function suggestions(state) {
  if (suggestion(state) === null) return [];
  const { categories, category } = state.hand[0].prediction;
  return categories ?? [category];
}

// Of several: the names chosen so far, at first those suggested.
export const picked = (state) => state.chosen ?? suggestions(state);

// Asks for the reasons of the card in front: never on a blind card, and once.
export function explain(state) {
  const task = state.hand[0];
  const here = state.reasons?.item_id === task?.item_id && !state.reasons.failed;
  if (!task || state.why === task.item_id || here) return state;
  if (suggestion(state) === null) {
    const text = task.blind ? "No reasons here: they would tell what the machine thinks." : "There is no suggestion to explain yet.";
    return { ...state, message: { kind: "info", text } };
  }
  return { ...state, why: task.item_id, reasons: null };
}

// The card has lain in front for so long that its reader is in doubt: the same state where there is nothing to add.
export function dwell(state, now) {
  const lain = state.shownAt === null ? 0 : now - state.shownAt;
  return lain < DOUBT || state.reasons || suggestion(state) === null ? state : explain(state);
}

const isDigit = (key) => key.length === 1 && key >= "1" && key <= String(KEYED);

// A new card in front starts clean: no search, no note, its own clock.
function settle(next, before, now) {
  const shown = next.hand[0]?.task_id;
  if (shown === before.hand[0]?.task_id) return next;
  const mode = ["help", "guide"].includes(next.mode) ? next.mode : "card"; // what was opened to read stays open
  return {
    ...next,
    mode,
    query: "",
    cursor: -1,
    note: "",
    chosen: null,
    unfolded: false,
    why: null,
    reasons: null,
    shownAt: shown ? now : null,
  };
}
