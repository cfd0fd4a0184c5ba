// The review card's state machine, run by `node --test` (tests/ui/test_card.py calls it).
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  askForMore, BATCH, choose, decide, dwell, expire, found, initial, offered, outgoing, picked, press, receive, REFILL, search, settleEvery, settleRefused, spells, undo,
} from "../../../ui/components/card/state.js";

import { confidenceWords, headline, pace, weighed } from "../../../ui/components/card/words.js";

const CATEGORIES = ["Billing", "Login", "Shipping", "Cancel", "Refund"].map((name) => ({ name, description: "", shortcut: null }));
let counter = 0;
const at = (now) => ({ now, nonce: `n${(counter += 1)}` });

function task(number, more = {}) {
  return {
    task_id: `t${number}`, item_id: `i${number}`, text: `Text ${number}`, fields: {}, blind: false, seconds_left: 300,
    prediction: {
      category: "Login", confidence: 0.8, model_version: 1,
      top: [{ category: "Login", confidence: 0.8 }, { category: "Refund", confidence: 0.15 }],
    },
    ...more,
  };
}

function dealt(tasks, categories = CATEGORIES) {
  const asking = askForMore(initial(categories), "want-1");
  return receive(asking, { batch: { id: "want-1", tasks } }, 0);
}

const names = (list) => list.map((one) => one.name);
const hand = (state) => state.hand.map((one) => one.task_id);

test("categories stand most likely first, the rest in the project's order", () => {
  assert.deepEqual(names(offered(dealt([task(1)]))), ["Login", "Refund", "Billing", "Shipping", "Cancel"]);
});

test("a blind card shows nothing of the machine: project order, no confidence, nothing to accept", () => {
  const state = dealt([task(1, { blind: true })]);
  assert.deepEqual(names(offered(state)), names(CATEGORIES));
  assert.ok(offered(state).every((one) => one.confidence === null));
  const after = press(state, "Enter", at(1));
  assert.equal(after.outbox.length, 0);
  assert.match(after.message.text, /no suggestion/);
  assert.equal(press(state, "2", at(1)).outbox[0].action, "correct");
});

test("Enter accepts, a digit chooses, and the next card is in front at once", () => {
  let state = dealt([task(1), task(2), task(3)]);
  state = press(state, "Enter", at(4000));
  assert.deepEqual(hand(state), ["t2", "t3"]);
  state = press(state, "2", at(5000));
  assert.deepEqual(hand(state), ["t3"]);
  const [first, second] = state.outbox;
  assert.deepEqual([first.action, first.categories, first.task_id, first.seconds], ["accept", ["Login"], "t1", 4]);
  assert.deepEqual([second.action, second.categories, second.seconds], ["correct", ["Refund"], 1]);
  assert.equal(press(state, "1", at(1)).outbox[2].action, "accept", "the digit of the suggestion accepts it");
});

test("a digit without a category does nothing", () => {
  const state = dealt([task(1)]);
  assert.equal(press(state, "9", at(1)), state);
});

test("Space skips and F flags, with the note that was written", () => {
  let state = dealt([task(1), task(2)]);
  state = press(state, " ", at(1));
  state = press(state, "n", at(2));
  assert.equal(state.mode, "note");
  assert.equal(press(state, "f", at(2)), null, "letters belong to the note while it is written");
  state = press({ ...state, note: " looks odd " }, "Enter", at(3));
  state = press(state, "F", at(4));
  assert.deepEqual(state.outbox.map((one) => [one.action, one.categories, one.note]), [["skip", [], undefined], ["flag", [], "looks odd"]]);
});

test("letters search: prefixes, then words, then parts; Enter takes the best", () => {
  const many = ["Card arrival", "Lost card", "Discard", "Cash advance rate", "Top up"].map((name) => ({ name, description: "", shortcut: null }));
  let state = dealt([task(1, { prediction: null })], many);
  state = press(state, "c", at(1));
  assert.equal(state.mode, "search");
  state = { ...state, query: "card" };
  assert.deepEqual(names(found(state)), ["Card arrival", "Lost card", "Discard"]);
  assert.deepEqual(names(found({ ...state, query: "csh" })), ["Cash advance rate"], "letters in their order are enough");
  state = press(state, "ArrowDown", at(2));
  state = press(state, "Enter", at(3));
  assert.deepEqual(state.outbox[0].categories, ["Lost card"]);
  assert.equal(state.mode, "card");
});

test("a digit that a name goes on with is typed, any other chooses", () => {
  const tiers = ["Tier 1 support", "Tier 2 support", "Tier 3 support", "Billing"].map((name) => ({ name, description: "", shortcut: null }));
  const typing = search(dealt([task(1, { blind: true })], tiers), "tier ");
  assert.deepEqual(names(found(typing)), ["Tier 1 support", "Tier 2 support", "Tier 3 support"]);
  assert.equal(press(typing, "2", at(1)), null, "the field has it");
  assert.ok(spells(typing, "3"));
  const typed = search(typing, "tier 2");
  assert.deepEqual(names(found(typed)), ["Tier 2 support"]);
  assert.deepEqual(press(typed, "Enter", at(1)).outbox[0].categories, ["Tier 2 support"]);
  assert.equal(press(search(typing, ""), "1", at(1)), null, "and a name may be looked for by its digit alone");
  assert.deepEqual(press(search(typing, "b"), "1", at(1)).outbox[0].categories, ["Billing"]);
  assert.equal(press(typed, "1", at(1)), null, "no name has 21 in it, and who types it still means a number");
});

test("answers that were not taken are settled from the keyboard, the first one first", () => {
  let state = dealt([task(1), task(2), task(3)]);
  state = press(press(state, "Enter", at(1)), "Enter", at(2));
  const [first, second] = state.outbox;
  state = receive(state, { outcomes: [first, second].map((one) => ({ nonce: one.nonce, ok: false, detail: "somebody was quicker" })) }, 3);
  assert.equal(state.refused.length, 2);
  state = press(state, "+", at(4));
  assert.deepEqual([state.refused.length, state.outbox[0].item_id, state.outbox[0].task_id], [1, first.item_id, null]);
  assert.deepEqual(hand(state), ["t3"], "the card in front is not answered by it");
  state = press({ ...state, hand: [] }, "-", at(5));
  assert.deepEqual([state.refused.length, state.outbox.length], [0, 1]);
  assert.equal(press(dealt([task(1)]), "-", at(6)), null);
});

test("accents and case do not matter in the search", () => {
  const state = { ...dealt([task(1)], [{ name: "Économie", description: "", shortcut: null }]), query: "eco" };
  assert.deepEqual(names(found(state)), ["Économie"]);
});

test("commands keep their letters; the slash searches for those too", () => {
  const state = dealt([task(1)]);
  assert.equal(press(state, "f", at(1)).outbox[0].action, "flag");
  assert.deepEqual([press(state, "/", at(1)).mode, press(state, "/", at(1)).query], ["search", ""]);
});

test("a category's own key wins over everything", () => {
  const own = [{ name: "Fraud", description: "", shortcut: "f" }, ...CATEGORIES];
  assert.deepEqual(press(dealt([task(1)], own), "f", at(1)).outbox[0].categories, ["Fraud"]);
});

test("in the search Backspace deletes letters, and closes an empty one without undoing anything", () => {
  let state = press(dealt([task(1), task(2)]), "1", at(1));
  state = press(state, "/", at(2));
  assert.equal(press({ ...state, query: "a" }, "Backspace", at(3)), null);
  state = press(state, "Backspace", at(3));
  assert.deepEqual([state.mode, state.outbox.length], ["card", 1]);
});

test("undo brings the card back and sends an undo, acknowledged or not", () => {
  for (const acknowledged of [false, true]) {
    let state = press(dealt([task(1), task(2)]), "2", at(1));
    const nonce = state.outbox[0].nonce;
    if (acknowledged) state = receive(state, { outcomes: [{ nonce, ok: true, decision_id: "77" }] }, 2);
    state = press(state, "Backspace", at(3));
    assert.deepEqual(hand(state), ["t1", "t2"]);
    assert.equal(state.done, 0);
    const last = state.outbox.at(-1);
    assert.deepEqual([last.action, last.of, last.decision_id], ["undo", nonce, acknowledged ? "77" : null]);
    assert.equal(state.outbox.length, acknowledged ? 1 : 2, "what was not acknowledged is still sent, before its undo");
  }
});

test("undo goes back step by step and never past the beginning", () => {
  let state = dealt([task(1), task(2), task(3)]);
  for (const key of ["1", "2", " "]) state = press(state, key, at(1));
  for (let step = 0; step < 5; step += 1) state = press(state, "Backspace", at(2));
  assert.deepEqual(hand(state), ["t1", "t2", "t3"]);
  assert.equal(state.outbox.filter((one) => one.action === "undo").length, 3);
  assert.match(state.message.text, /nothing left/);
});

test("an undone card keeps its note", () => {
  let state = press({ ...dealt([task(1), task(2)]), note: "why" }, "1", at(1));
  assert.equal(state.note, "", "the next card starts clean");
  state = undo(state, at(2));
  assert.equal(state.note, "why");
});

test("entries stay in the list until acknowledged, whatever order the answers come in", () => {
  let state = dealt([task(1), task(2), task(3)]);
  for (const key of ["1", "2", "3"]) state = press(state, key, at(1));
  const nonces = state.outbox.map((one) => one.nonce);
  state = receive(state, { outcomes: [{ nonce: nonces[2], ok: true, decision_id: "3" }] }, 2);
  assert.deepEqual(outgoing(state).entries.map((one) => one.nonce), nonces.slice(0, 2));
  state = receive(state, { outcomes: nonces.map((nonce) => ({ nonce, ok: true, decision_id: "x" })) }, 3);
  assert.equal(state.outbox.length, 0);
});

test("a refused answer is kept for the person, sent for the item on demand, or dropped", () => {
  let state = press(dealt([task(1), task(2)]), "2", at(1));
  const { nonce } = state.outbox[0];
  state = receive(state, { outcomes: [{ nonce, ok: false, code: "lease-lost", detail: "Somebody else has it." }] }, 2);
  assert.deepEqual([state.outbox.length, state.refused.length, state.done], [0, 1, 0]);
  assert.equal(undo(state, at(3)).hand.length, 1, "it was not taken, so there is nothing to undo");
  const insisted = settleRefused(state, nonce, true, at(4));
  assert.equal(insisted.refused.length, 0);
  assert.deepEqual([insisted.outbox[0].task_id, insisted.outbox[0].item_id, insisted.outbox[0].categories], [null, "i1", ["Refund"]]);
  assert.notEqual(insisted.outbox[0].nonce, nonce);
  const dropped = settleRefused(state, nonce, false, at(4));
  assert.deepEqual([dropped.refused.length, dropped.outbox.length], [0, 0]);
});

test("of several refused answers each says what it was given to, and all are settled at once", () => {
  let state = press(press(dealt([task(1), task(2), task(3)]), "2", at(1)), "Enter", at(2));
  const outcomes = state.outbox.map(({ nonce }) => ({ nonce, ok: false, code: "lease-lost", detail: "Somebody else has it." }));
  state = receive(state, { outcomes }, 3);
  const texts = (one, list) => list.map(({ nonce }) => one.about[nonce]);
  assert.deepEqual(texts(state, state.refused.map(({ entry }) => entry)), ["Text 1", "Text 2"]);
  const kept = settleEvery(state, true, () => at(4));
  assert.deepEqual([kept.refused.length, kept.outbox.map((one) => one.item_id)], [0, ["i1", "i2"]]);
  assert.deepEqual(texts(kept, kept.outbox), ["Text 1", "Text 2"], "should they be refused again");
  const dropped = settleEvery(state, false, () => at(4));
  assert.deepEqual([dropped.refused, dropped.outbox, dropped.about], [[], [], {}]);
});

test("more tasks are asked for before the batch runs out, once at a time", () => {
  const tasks = Array.from({ length: BATCH }, (_, place) => task(place));
  let state = dealt(tasks);
  let asked = 0;
  while (state.hand.length) {
    state = decide(state, "skip", [], at(1));
    const next = askForMore(state, `want-${state.hand.length}`);
    if (next !== state) {
      asked += 1;
      assert.equal(state.hand.length, REFILL);
    }
    state = next;
  }
  assert.equal(asked, 1);
});

test("a batch is taken once, and a card is never held twice", () => {
  const state = dealt([task(1), task(2)]);
  const again = receive(state, { batch: { id: "want-1", tasks: [task(1), task(2)] } }, 1);
  assert.deepEqual(hand(again), ["t1", "t2"]);
  const asking = askForMore(state, "want-2");
  const more = receive(asking, { batch: { id: "want-2", tasks: [task(2, { seconds_left: 900 }), task(3)] } }, 1000);
  assert.deepEqual(hand(more), ["t1", "t2", "t3"]);
  assert.equal(more.hand[1].deadline, 901000, "a lease given anew counts from then");
});

test("an empty answer means dry: no more asking until the slow clock asks again", () => {
  let state = dealt([]);
  assert.equal(state.dry, true);
  assert.equal(askForMore(state, "x"), state);
  state = askForMore(state, "want-2", true);
  assert.equal(state.lease.id, "want-2");
  state = receive(state, { batch: { id: "want-2", tasks: [task(4)] } }, 5);
  assert.deepEqual([state.dry, hand(state)], [false, ["t4"]]);
});

test("cards whose lease ended are put away, but never the one being read", () => {
  const state = dealt([task(1, { seconds_left: 1 }), task(2, { seconds_left: 1 }), task(3)]);
  assert.deepEqual(hand(expire(state, 5000)), ["t1", "t3"]);
  assert.equal(expire(state, 500), state);
});

test("cards that Python gave back leave the hand", () => {
  assert.deepEqual(hand(receive(dealt([task(1), task(2)]), { released: ["t1"] }, 1)), ["t2"]);
});

test("choosing by name works for any category, and thinking time is bounded", () => {
  const state = choose(dealt([task(1)]), { name: "Cancel" }, at(3600 * 1000));
  assert.deepEqual([state.outbox[0].categories, state.outbox[0].seconds], [["Cancel"], 600]);
});

test("arrows highlight within the list and Enter takes what is highlighted", () => {
  let state = dealt([task(1)]);
  for (const key of ["ArrowUp", "ArrowDown", "ArrowDown", "ArrowDown"]) state = press(state, key, at(1));
  assert.equal(state.cursor, 3);
  assert.deepEqual(press(state, "Enter", at(2)).outbox[0].categories, ["Shipping"]);
});

test("the pace is that of the last decisions", () => {
  let state = dealt(Array.from({ length: 5 }, (_, place) => task(place)));
  for (let step = 0; step < 5; step += 1) state = decide(state, "skip", [], at(step * 6000));
  assert.equal(pace(state), 10);
});

test("states are never changed in place", () => {
  const freeze = (value) => {
    if (value && typeof value === "object") Object.values(Object.freeze(value)).forEach(freeze);
    return value;
  };
  let state = freeze(dealt([task(1), task(2), task(3), task(4)]));
  for (const key of ["1", "Backspace", "Enter", "n", "Escape", "/", "Enter", " ", "?", "?", "ArrowDown", "f"]) {
    state = freeze(press(state, key, at(1)) ?? state);
    state = freeze(receive(state, { outcomes: state.outbox.slice(0, 1).map((one) => ({ nonce: one.nonce, ok: true, decision_id: "1" })) }, 2));
  }
  assert.ok(state);
});

function several(...tasks) {
  const asking = askForMore({ ...initial(CATEGORIES), several: true }, "want-1");
  return receive(asking, { several: true, batch: { id: "want-1", tasks } }, 0);
}
const suggesting = (...names) => ({ prediction: { ...task(0).prediction, category: names[0], categories: names } });

test("of several, the card begins with what is suggested, and Enter accepts the set", () => {
  const state = several(task(1, suggesting("Login", "Refund")), task(2));
  assert.deepEqual(picked(state), ["Login", "Refund"]);
  const after = press(state, "Enter", at(1));
  assert.deepEqual([after.outbox[0].action, after.outbox[0].categories], ["accept", ["Login", "Refund"]]);
  assert.deepEqual(hand(after), ["t2"]);
  assert.deepEqual(picked(after), ["Login"], "a prediction without a list suggests its one category");
});

test("of several, digits add and take away, and nothing is decided before Enter", () => {
  let state = several(task(1), task(2));
  state = press(state, "3", at(1)); // Billing
  assert.deepEqual(picked(state), ["Login", "Billing"]);
  state = press(state, "1", at(2)); // Login
  state = press(state, "2", at(3)); // Refund
  assert.equal(state.outbox.length, 0);
  state = press(state, "Enter", at(4));
  assert.deepEqual([state.outbox[0].action, state.outbox[0].categories], ["correct", ["Billing", "Refund"]]);
  state = press(state, "1", at(5));
  assert.deepEqual(picked(state), [], "the next card starts from its own suggestion");
  const empty = press(state, "Enter", at(6));
  assert.equal(empty.outbox.length, 1);
  assert.match(empty.message.text, /at least one/);
});

test("of several, the same set in another order is still the suggestion accepted", () => {
  let state = several(task(1, suggesting("Login", "Refund")));
  state = press(press(state, "1", at(1)), "1", at(2));
  assert.deepEqual(picked(state), ["Refund", "Login"]);
  assert.equal(press(state, "Enter", at(3)).outbox[0].action, "accept");
});

test("of several, the search and the highlight toggle, and come back to the card", () => {
  let state = several(task(1));
  state = press(state, "s", at(1));
  state = press({ ...state, query: "ship" }, "Enter", at(2));
  assert.equal(state.mode, "card");
  assert.deepEqual(picked(state), ["Login", "Shipping"]);
  state = press(press(state, "ArrowDown", at(3)), "Enter", at(4)); // Login is the first
  assert.deepEqual(picked(state), ["Shipping"]);
  assert.equal(state.outbox.length, 0);
});

test("of several, a blind card begins empty, and undo brings the set back", () => {
  let state = several(task(1, { blind: true, prediction: null }), task(2));
  assert.deepEqual(picked(state), []);
  state = press(press(state, "1", at(1)), "2", at(2));
  state = press(state, "Enter", at(3));
  assert.deepEqual([state.outbox[0].action, state.outbox[0].categories], ["correct", ["Billing", "Login"]]);
  state = press(state, "Backspace", at(4));
  assert.deepEqual(hand(state)[0], "t1");
  assert.deepEqual(picked(state), ["Billing", "Login"]);
});

test("W asks for the reasons of the card in front, and shows them when they come", () => {
  let state = press(dealt([task(1), task(2)]), "w", at(1));
  assert.equal(outgoing(state).why, "i1");
  const found = { item_id: "i1", words: [], neighbours: [] };
  assert.equal(receive(state, { reasons: { ...found, item_id: "i9" } }, 2).reasons, null, "another item's reasons stay out");
  state = receive(state, { reasons: found }, 2);
  assert.deepEqual([state.why, state.reasons], [null, found]);
  assert.equal(press(state, "w", at(3)), state, "once is enough");
  state = press(state, "Enter", at(4));
  assert.deepEqual([state.why, state.reasons], [null, null], "the next card starts without");
});

test("a blind card gives no reasons, neither asked nor unasked", () => {
  const state = dealt([task(1, { blind: true })]);
  const asked = press(state, "w", at(1));
  assert.equal(asked.why, null);
  assert.match(asked.message.text, /what the machine thinks/);
  assert.equal(dwell(state, 60000), state);
});

test("reasons come unasked to who is in doubt, and not to a fast hand", () => {
  const state = dealt([task(1)]);
  assert.equal(dwell(state, 3000), state);
  assert.equal(dwell(state, 4500).why, "i1");
});

test("a text is cut where the words that weigh stand, in its headline and in its body", () => {
  const text = "  Shares fall \n\n Oil climbs 😀 again";
  const { head, body, at: [first, second] } = headline(text);
  assert.deepEqual([head, body], ["Shares fall", "Oil climbs 😀 again"]);
  const place = (word) => ({ start: text.indexOf(word), end: text.indexOf(word) + word.length });
  const words = [{ ...place("again"), weight: -1 }, { ...place("Shares"), weight: 2 }];
  assert.deepEqual(weighed(head, first, words), [{ text: "Shares", weight: 2 }, { text: " fall", weight: null }]);
  assert.deepEqual(weighed(body, second, words), [{ text: "Oil climbs 😀 ", weight: null }, { text: "again", weight: -1 }]);
  assert.deepEqual(weighed(body.slice(0, 3), second, words), [{ text: "Oil", weight: null }], "a folded text is marked as far as it goes");
});

test("reasons that could not be fetched are said, and asked again by W but not unasked", () => {
  let state = press(dealt([task(1)]), "w", at(1));
  state = receive(state, { reasons: { item_id: "i1", words: [], neighbours: [], failed: true } }, 2);
  assert.equal(state.reasons.failed, true);
  assert.equal(dwell(state, 60000), state);
  state = press(state, "w", at(3));
  assert.deepEqual([state.why, state.reasons], ["i1", null]);
});

test("how often an answer is right is never said to be more than it is", () => {
  const said = (share) => confidenceWords(share).frequency.replace("answers like this are ", "");
  assert.equal(said(0.98), "almost always right");
  assert.equal(said(0.955), "right about 19 times in twenty");
  assert.equal(said(0.94), "right about 9 times in ten");
  assert.equal(said(0.52), "right about 5 times in ten");
  assert.equal(said(0.01), "seldom right");
});
