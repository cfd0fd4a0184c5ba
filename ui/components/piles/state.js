// Groups of like items to be settled together, as a pure state machine: no clock, no chance, no page. Every function
// takes a state and returns a new one; `now` (milliseconds) and `nonce` (a fresh unique string) come from outside.

export const ENOUGH = 2; // ask for more groups when so few are left
const TRAIL = 20; // how many groups can be taken back from the keyboard

export function initialPiles(categories = []) {
  return {
    categories,
    piles: [], // groups in hand; the first is on the page
    off: [], // ids of its items that were unticked
    at: 0, // the item that the arrows stand on
    answer: null, // another category for the group than the suggested one; null for the suggested one
    passed: [], // ids of items whose group was put by: they do not come up again here
    trail: [], // groups that were accepted, newest last
    outbox: [], // what the server has not acknowledged, oldest first
    refused: [], // always empty: what is refused is told in a message, and its items come up again
    want: null, // id of the request for groups that is under way
    last: null, // id of the answer merged last
    dry: false, // the server had no further group when last asked
    settled: 0, // items of this sitting
    since: null, // when the group in front came up
    message: null, // {kind: "info" | "warning", text}
  };
}

// Merges what Python sent: {categories, batch: {id, piles} | null, outcomes: [{nonce, ok, stored, refused, detail}]}.
export function takeIn(state, data, now) {
  let next = { ...state, categories: data.categories ?? state.categories };
  for (const outcome of data.outcomes ?? []) next = acknowledged(next, outcome);
  const batch = data.batch;
  if (batch && batch.id === state.want) {
    const out = new Set([...next.passed, ...next.piles.flatMap(ids), ...busy(next)]);
    const fresh = batch.piles.map((pile) => ({ ...pile, items: pile.items.filter((item) => !out.has(item.item_id)) }))
      .filter((pile) => pile.items.length > 1 || (pile.chosen && pile.items.length));
    next = { ...next, piles: [...next.piles, ...fresh], want: null, last: batch.id, dry: !fresh.length };
  }
  return front(next, state, now);
}

function acknowledged(state, outcome) {
  const entry = state.outbox.find((one) => one.nonce === outcome.nonce);
  if (!entry) return state;
  const next = { ...state, outbox: state.outbox.filter((one) => one !== entry) };
  if (entry.action === "undo") {
    if (outcome.ok) return next;
    return { ...next, message: { kind: "warning", text: `Not undone: ${outcome.detail}` } };
  }
  const trail = next.trail.map((step) => (step.nonce === entry.nonce ? { ...step, decision_ids: outcome.stored } : step));
  if (!outcome.refused) return { ...next, trail };
  const text = `${count(outcome.refused)} of the last group not taken: ${outcome.detail}`;
  return { ...next, trail, settled: state.settled - outcome.refused, message: { kind: "warning", text } };
}

const ids = (pile) => pile.items.map((item) => item.item_id);
const busy = (state) => state.outbox.flatMap((entry) => (entry.items ?? []).map((item) => item.item_id));
const count = (number) => `${number} item${number === 1 ? "" : "s"}`;

// A new group in front starts with everything ticked and its own clock.
function front(next, before, now) {
  if (next.piles[0] === before.piles[0]) return next;
  return { ...next, off: [], at: 0, answer: null, since: next.piles.length ? now : null };
}

export function askForPiles(state, nonce, again = false) {
  if (state.want || state.piles.length > ENOUGH || (state.dry && !again)) return state;
  return { ...state, want: nonce };
}

export const outgoingPiles = (state) => ({ entries: state.outbox, want: state.want });

export const ticked = (state) => (state.piles[0]?.items ?? []).filter((item) => !state.off.includes(item.item_id));

export function tick(state, place) {
  const item = state.piles[0]?.items[place];
  if (!item) return state;
  const off = state.off.includes(item.item_id)
    ? state.off.filter((one) => one !== item.item_id) : [...state.off, item.item_id];
  return { ...state, off, at: place, message: null };
}

// Everything ticked is settled: each item by a decision of its own. What was unticked stays for a card.
export function acceptPile(state, { now, nonce }) {
  const pile = state.piles[0];
  const items = ticked(state);
  if (!pile) return state;
  if (!items.length) return { ...state, message: { kind: "info", text: "Nothing is ticked: N puts the group by." } };
  const seconds = Math.round((now - (state.since ?? now)) / 100) / 10 / items.length;
  const entry = {
    nonce, action: "accept", at: now, seconds,
    categories: state.answer ? [state.answer] : pile.categories,
    correct: state.answer !== null && state.answer !== pile.category,
    shown: { category: pile.category, model_version: pile.model_version },
    items: items.map((item) => ({ item_id: item.item_id, confidence: item.confidence })),
  };
  const next = {
    ...state, piles: state.piles.slice(1),
    outbox: [...state.outbox, entry],
    trail: [...state.trail, { nonce, pile, count: items.length, at: now, decision_ids: null }].slice(-TRAIL),
    passed: [...state.passed, ...state.off],
    settled: state.settled + items.length,
    message: { kind: "info", text: `${count(items.length)} settled as ${entry.categories.join(", ")}.` },
  };
  return front(next, state, now);
}

// The group is put by: its items stay undecided and come up as cards.
export function passPile(state, { now }) {
  const pile = state.piles[0];
  if (!pile) return state;
  const next = { ...state, piles: state.piles.slice(1), passed: [...state.passed, ...ids(pile)], message: null };
  return front(next, state, now);
}

// The whole group that was settled last is taken back and stands in front again.
export function undoPile(state, { now, nonce }) {
  const step = state.trail.at(-1);
  if (!step) return { ...state, message: { kind: "info", text: "There is no group left to take back here." } };
  const entry = { nonce, action: "undo", of: step.nonce, decision_ids: step.decision_ids, at: now };
  const next = {
    ...state, piles: [step.pile, ...state.piles],
    outbox: [...state.outbox, entry],
    trail: state.trail.slice(0, -1),
    settled: Math.max(0, state.settled - step.count),
    message: { kind: "info", text: `${count(step.count)} taken back. Here is the group again.` },
  };
  return front(next, state, now);
}

// One keystroke. Returns null where the key means nothing here; `columns` is how many items stand in a row.
export function pressPile(state, key, tools, columns = 3) {
  if (key === "Backspace") return undoPile(state, tools);
  const pile = state.piles[0];
  if (!pile) return null;
  if (key === "Enter") return acceptPile(state, tools);
  if (key === " ") return tick(state, state.at);
  if (key >= "1" && key <= "9" && key.length === 1) return tick(state, Number(key) - 1);
  if (key === "n" || key === "N") return passPile(state, tools);
  if (key === "a" || key === "A") return { ...state, off: state.off.length ? [] : ids(pile) };
  const by = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -columns, ArrowDown: columns }[key];
  if (!by) return null;
  const to = state.at + by;
  return to < 0 || to >= pile.items.length ? state : { ...state, at: to };
}

// Items settled a minute in this sitting, or null while there is too little to tell.
export function pilePace(state) {
  if (state.trail.length < 2) return null;
  const minutes = (state.trail.at(-1).at - state.trail[0].at) / 60000;
  return minutes > 0 ? state.trail.slice(1).reduce((sum, step) => sum + step.count, 0) / minutes : null;
}
