// The groups' state machine, run by `node --test` (tests/ui/test_card.py calls it).
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  askForPiles, initialPiles, outgoingPiles, passPile, pilePace, pressPile, takeIn, ticked, undoPile,
} from "../../../ui/components/piles/state.js";

const CATEGORIES = [{ name: "Billing" }, { name: "Login" }];
let counter = 0;
const at = (now) => ({ now, nonce: `n${(counter += 1)}` });

const pile = (name, count, more = {}) => ({
  category: "Billing", categories: ["Billing"], model_version: 3, chosen: false,
  items: Array.from({ length: count }, (_, place) => ({ item_id: `${name}${place}`, excerpt: `Text ${place}`, confidence: 0.9 })),
  ...more,
});

function dealt(...piles) {
  return takeIn(askForPiles(initialPiles(CATEGORIES), "want"), { batch: { id: "want", piles } }, 0);
}

const first = (state) => state.piles[0]?.items.map((item) => item.item_id) ?? [];

test("Enter settles what is ticked, each item with the suggestion that was in view; the rest is left for cards", () => {
  let state = dealt(pile("a", 4), pile("b", 3));
  state = pressPile(pressPile(state, "2", at(1000)), "Enter", at(6000));
  const [entry] = state.outbox;
  assert.deepEqual(entry.items.map((item) => item.item_id), ["a0", "a2", "a3"]);
  assert.deepEqual([entry.categories, entry.correct, entry.shown], [["Billing"], false, { category: "Billing", model_version: 3 }]);
  assert.equal(entry.seconds, 2, "the time is shared among the items");
  assert.deepEqual(first(state), ["b0", "b1", "b2"]);
  assert.equal(ticked(state).length, 3, "the next group starts with everything ticked");
  assert.ok(state.passed.includes("a1"));
});

test("the arrows walk, Space unticks, A unticks all and ticks all again", () => {
  let state = dealt(pile("a", 6));
  state = pressPile(pressPile(state, "ArrowDown", at(1), 3), "ArrowRight", at(1), 3);
  assert.equal(state.at, 4);
  state = pressPile(state, " ", at(1));
  assert.deepEqual(state.off, ["a4"]);
  assert.equal(pressPile(state, "ArrowDown", at(1), 3), state, "nowhere to go");
  state = pressPile(pressPile(state, "a", at(1)), "a", at(1));
  assert.equal(ticked(state).length, 0);
  assert.match(pressPile(state, "Enter", at(1)).message.text, /Nothing is ticked/);
  assert.equal(pressPile(state, "x", at(1)), null);
});

test("another category than the suggested one corrects the group", () => {
  const state = pressPile({ ...dealt(pile("a", 3)), answer: "Login" }, "Enter", at(1));
  assert.deepEqual([state.outbox[0].categories, state.outbox[0].correct], [["Login"], true]);
});

test("Backspace takes the whole group back and shows it again, before and after it was stored", () => {
  let state = pressPile(dealt(pile("a", 3), pile("b", 3)), "Enter", at(1));
  const nonce = state.outbox[0].nonce;
  const early = undoPile(state, at(2));
  assert.deepEqual([first(early), early.settled], [["a0", "a1", "a2"], 0]);
  assert.deepEqual([early.outbox[1].of, early.outbox[1].decision_ids], [nonce, null]);
  state = takeIn(state, { outcomes: [{ nonce, ok: true, stored: ["d1", "d2", "d3"], refused: 0 }] }, 3);
  assert.deepEqual(state.outbox, []);
  state = pressPile(state, "Backspace", at(4));
  assert.deepEqual(state.outbox[0].decision_ids, ["d1", "d2", "d3"]);
  assert.match(pressPile(state, "Backspace", at(5)).message.text, /no group left/);
});

test("what the server would not take is told and counted off", () => {
  let state = pressPile(dealt(pile("a", 3)), "Enter", at(1));
  state = takeIn(state, { outcomes: [{ nonce: state.outbox[0].nonce, ok: false, stored: ["d1", "d2"], refused: 1, detail: "settled meanwhile" }] }, 2);
  assert.equal(state.settled, 2);
  assert.match(state.message.text, /1 item of the last group not taken: settled meanwhile/);
});

test("a group that was put by or settled does not come up again, nor one that is in hand", () => {
  let state = passPile(dealt(pile("a", 3), pile("b", 3)), at(1));
  state = takeIn({ ...state, want: "again" }, { batch: { id: "again", piles: [pile("a", 3), pile("b", 3), pile("c", 3)] } }, 2);
  assert.deepEqual(state.piles.map((one) => one.items[0].item_id), ["b0", "c0"]);
  state = pressPile(state, "Enter", at(3));
  state = takeIn({ ...state, want: "third" }, { batch: { id: "third", piles: [pile("b", 3)] } }, 4);
  assert.deepEqual(first(state), ["c0", "c1", "c2"]);
  assert.ok(state.dry);
});

test("more are asked for when few are left, an empty answer is only asked again on purpose", () => {
  const state = dealt(pile("a", 3), pile("b", 3), pile("c", 3));
  assert.equal(outgoingPiles(state).want, null);
  assert.equal(askForPiles(passPile(state, at(1)), "w2").want, "w2");
  const dry = dealt();
  assert.equal(askForPiles(dry, "w3").want, null);
  assert.equal(askForPiles(dry, "w3", true).want, "w3");
});

test("a chosen item alone is a group, a single one by chance is not", () => {
  assert.equal(dealt(pile("a", 1)).piles.length, 0);
  assert.equal(dealt(pile("a", 1, { chosen: true })).piles.length, 1);
});

test("the pace counts items, not groups", () => {
  let state = dealt(pile("a", 10), pile("b", 20));
  state = pressPile(pressPile(state, "Enter", at(0)), "Enter", at(30000));
  assert.equal(pilePace(state), 40);
});
