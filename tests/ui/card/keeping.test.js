// What the browser keeps: nothing unacknowledged is lost by a reload.
import assert from "node:assert/strict";
import { test } from "node:test";
import { keeper } from "../../../ui/components/card/keeping.js";
import { askForMore, initial, press, receive } from "../../../ui/components/card/state.js";

// The part of the browser's Storage that is used: keys are own properties, as in a browser.
class Shelf {
  getItem(key) {
    return Object.hasOwn(this, key) ? this[key] : null;
  }
  setItem(key, value) {
    this[key] = String(value);
  }
  removeItem(key) {
    delete this[key];
  }
}

const CATEGORIES = [{ name: "A" }, { name: "B" }];
const task = (number, seconds_left = 300) => ({ task_id: `t${number}`, item_id: `i${number}`, text: "x", fields: {}, blind: true, prediction: null, seconds_left });

function worked() {
  const durable = new Shelf();
  const passing = new Shelf();
  const keep = keeper("winnow:ann:p", durable, passing);
  let state = receive(askForMore(initial(CATEGORIES), "w"), { batch: { id: "w", tasks: [task(1), task(2), task(3, 1)] } }, 0);
  keep.save(state, null);
  for (const [key, nonce] of [["1", "n1"], ["2", "n2"]]) {
    const next = press(state, key, { now: 10, nonce });
    keep.save(next, state);
    state = next;
  }
  return { durable, passing, keep, state };
}

test("a reload finds the unacknowledged answers in their order, the hand and the trail", () => {
  const { durable, passing, state } = worked();
  const found = { ...initial(CATEGORIES), ...keeper("winnow:ann:p", durable, passing).load(500) };
  assert.deepEqual(found.outbox.map((one) => one.nonce), ["n1", "n2"]);
  assert.deepEqual(found.hand.map((one) => one.task_id), ["t3"]);
  assert.deepEqual([found.done, found.trail.length], [2, 2]);
  assert.deepEqual(found.outbox, state.outbox);
});

test("a card whose lease ended during the reload is not shown again", () => {
  const { durable, passing } = worked();
  assert.deepEqual(keeper("winnow:ann:p", durable, passing).load(60_000).hand, []);
});

test("an acknowledged answer is forgotten, a refused one is kept until it is settled", () => {
  const { durable, keep, state } = worked();
  const after = receive(state, { outcomes: [{ nonce: "n1", ok: true, decision_id: "1" }, { nonce: "n2", ok: false, detail: "no" }] }, 20);
  keep.save(after, state);
  assert.deepEqual(Object.keys(durable), ["winnow:ann:p:answer:n2"]);
  keep.save({ ...after, refused: [] }, after);
  assert.deepEqual(Object.keys(durable), []);
});

test("another tab of the same person takes over what is unsent; another person's is left alone", () => {
  const { durable } = worked();
  assert.equal(keeper("winnow:ann:p", durable, new Shelf()).load(20).outbox.length, 2);
  assert.equal(keeper("winnow:bob:p", durable, new Shelf()).load(20).outbox.length, 0);
});

function writing(note) {
  const { durable, passing } = worked();
  const keep = keeper("winnow:ann:p", durable, passing);
  const before = { ...initial(CATEGORIES), ...keep.load(500) };
  const state = { ...before, note, chosen: ["A"] };
  keep.save(state, before);
  const reload = (user = "ann", now = 600) => ({ ...initial(CATEGORIES), ...keeper(`winnow:${user}:p`, durable, passing).load(now) });
  return { passing, keep, state, reload };
}

test("a reload finds the note that is being written and the categories chosen so far", () => {
  const { reload } = writing("ask them for");
  assert.deepEqual([reload().note, reload().chosen], ["ask them for", ["A"]]);
  assert.deepEqual([reload("bob").note, reload("bob").chosen], ["", null], "nobody else's");
});

test("what was begun on a card is on no other, and is forgotten with the answer", () => {
  const { passing, keep, state, reload } = writing("ask them for");
  assert.ok("winnow:ann:p:begun" in passing);
  assert.equal(reload("ann", 60_000).note, "", "the card's lease ended");
  const other = { ...state, hand: [{ ...state.hand[0], task_id: "t9" }, ...state.hand] };
  keep.save({ ...other, note: "", chosen: null }, state);
  assert.ok(!("winnow:ann:p:begun" in passing));
  keep.save(state, other);
  keep.save(press(state, "f", { now: 700, nonce: "n3" }), state);
  assert.ok(!("winnow:ann:p:begun" in passing));
  assert.equal(reload().note, "");
});

test("a storage that is full or broken does not stop the work", () => {
  const full = new Shelf();
  full.setItem = () => {
    throw new Error("QuotaExceededError");
  };
  const broken = new Shelf();
  broken["winnow:ann:p:hand"] = "{not json";
  const keep = keeper("winnow:ann:p", full, broken);
  const state = { ...initial(CATEGORIES), ...keep.load(0) };
  keep.save({ ...state, outbox: [{ nonce: "n", at: 1 }] }, state);
  assert.deepEqual(state.hand, []);
});
