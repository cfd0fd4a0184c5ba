// Which guideline the card shows, and what of it, run by `node --test` (tests/ui/test_card.py calls it).
import assert from "node:assert/strict";
import { test } from "node:test";
import { consult, guided, guideLines } from "../../../ui/components/card/guide.js";
import { askForMore, initial, outgoing, press, receive } from "../../../ui/components/card/state.js";

const CATEGORIES = ["Billing", "Login", "Refund"].map((name, place) => ({ id: `c${place}`, name, description: `${name}, described`, shortcut: null }));
const tools = { now: 1, nonce: "n" };
const names = (list) => list.map((one) => one.name);

function dealt(...blind) {
  const tasks = blind.map((one, place) => ({
    task_id: `t${place}`, item_id: `i${place}`, text: "Text", fields: {}, blind: one, seconds_left: 300,
    prediction: one ? null : { category: "Login", confidence: 0.8, model_version: 1, top: [{ category: "Login", confidence: 0.8 }] },
  }));
  return receive(askForMore(initial(CATEGORIES), "want"), { batch: { id: "want", tasks } }, 0);
}

// Enough of a page to draw into: elements that know their text.
globalThis.document = {
  createElement: () => ({
    parts: [],
    addEventListener() {},
    setAttribute() {},
    append(...parts) { this.parts.push(...parts); },
    get text() { return this.parts.map((part) => part.text ?? part).join(""); },
  }),
};
const drawn = (state) => guideLines(state, { key() {} }).map((part) => part.text).join("\n");

test("G shows the guideline of what is highlighted until it is pressed again; cards go on under it", () => {
  let state = press(dealt(false, false), "g", tools);
  assert.equal(state.mode, "guide");
  assert.equal(guided(state)[0].name, "Login", "the likeliest, while nothing is highlighted");
  state = press(press(state, "ArrowDown", tools), "ArrowDown", tools);
  assert.equal(guided(state)[0].name, "Billing");
  state = press(state, "Enter", tools);
  assert.deepEqual([state.mode, state.outbox[0].categories, state.hand.length], ["guide", ["Billing"], 1]);
  assert.equal(press(state, "g", tools).mode, "card");
  assert.equal(press(state, "Escape", tools).mode, "card");
});

test("on a blind card the project's order decides what is shown first", () => {
  assert.deepEqual(names(guided(press(dealt(true), "g", tools))), names(CATEGORIES));
});

test("a guideline is asked for once, when it is on show, and again for another category", () => {
  const closed = dealt(false);
  assert.equal(consult(closed), closed);
  let state = consult(press(closed, "g", tools));
  assert.equal(outgoing(state).guide, "c1");
  assert.equal(consult(state), state, "once");
  assert.equal(receive(state, { guide: { category_id: "c9" } }, 2).guide, null, "another category's stays out");
  const guide = { category_id: "c1", typical: [], near_misses: [], questions: [] };
  state = receive(state, { guide }, 2);
  assert.deepEqual([outgoing(state).guide, state.guide], [null, guide]);
  assert.equal(consult(state), state, "it is here");
  assert.equal(outgoing(consult(press(state, "ArrowUp", tools))).guide, null, "the same category");
  const below = press(press(state, "ArrowDown", tools), "ArrowDown", tools);
  assert.equal(outgoing(consult(below)).guide, "c0");
});

test("it shows examples for and against and what is open, and never what was said of the card's own item", () => {
  let state = consult(press(dealt(false), "g", tools));
  assert.match(drawn(state), /Looking through the decisions/);
  const typical = [{ item_id: "i0", text: "this very one", note: null }, { item_id: "i7", text: "Locked out", note: "since May" }];
  const near_misses = [{ item_id: "i8", text: "Charged twice", categories: ["Billing"], note: null }];
  const questions = [{ item_id: "i9", kind: "flagged", who: "ann", text: "Is this one?", note: "half of it" }];
  state = receive(state, { guide: { category_id: "c1", typical, near_misses, questions } }, 2);
  const told = drawn(state);
  for (const part of ["Login, described", "Locked out", "since May", "Billing it is: Charged twice", "ann flagged it: Is this one?", "half of it"]) {
    assert.ok(told.includes(part), `${part} in ${told}`);
  }
  assert.ok(!told.includes("this very one"));
});

test("a guideline that could not be fetched is said, and asked again when G is pressed again", () => {
  let state = consult(press(dealt(false), "g", tools));
  state = receive(state, { guide: { category_id: "c1", failed: true } }, 2);
  assert.match(drawn(state), /could not be fetched/);
  state = consult(press(press(state, "g", tools), "g", tools));
  assert.equal(outgoing(state).guide, "c1");
});
