// What the browser keeps, so that a reload or a lost connection loses nothing.
//
// Unacknowledged answers: localStorage, one key each, shared by all tabs; sending one twice is harmless,
// since the server knows each by its nonce. Cards in hand, the trail of undo, and what is begun on the card in front
// (its note, and of several categories those chosen): sessionStorage, this tab only.

const SHORT_HAND = ["trail", "done", "lastBatch", "about"];
const BEGUN = ["note", "chosen"];

// Refused answers are kept like unacknowledged ones: after a reload they are sent, and refused, again.
const unsettled = (state) => [...state.outbox, ...state.refused.map((one) => one.entry)];

export function keeper(prefix, durable = localStorage, passing = sessionStorage) {
  const entryKey = (nonce) => `${prefix}:answer:${nonce}`;
  const handKey = `${prefix}:hand`;
  const begunKey = `${prefix}:begun`; // by itself: it changes with every letter, and the cards are long

  // What was kept: parts of a state. Cards whose lease ended meanwhile are left out.
  function load(now) {
    const kept = read(passing, handKey) ?? {};
    const hand = (kept.hand ?? []).filter((task) => task.deadline > now);
    const outbox = Object.keys(durable)
      .filter((key) => key.startsWith(`${prefix}:answer:`))
      .map((key) => read(durable, key))
      .filter(Boolean)
      .sort((a, b) => a.at - b.at);
    const { task_id, ...begun } = read(passing, begunKey) ?? {};
    const there = hand.length > 0 && hand[0].task_id === task_id; // it belongs to this card and to no other
    return { ...kept, hand, outbox, shownAt: hand.length ? now : null, ...(there ? begun : {}) };
  }

  // Writes what differs from `before` (everything when that is null).
  function save(state, before) {
    if (!before || state.outbox !== before.outbox || state.refused !== before.refused) {
      const now = unsettled(state);
      const live = new Set(now.map((entry) => entry.nonce));
      const old = new Set(before ? unsettled(before).map((entry) => entry.nonce) : []);
      for (const entry of now) if (!old.has(entry.nonce)) write(durable, entryKey(entry.nonce), entry);
      for (const nonce of old) if (!live.has(nonce)) durable.removeItem(entryKey(nonce));
    }
    if (!before || state.hand !== before.hand || SHORT_HAND.some((name) => state[name] !== before[name])) {
      const kept = { hand: state.hand };
      for (const name of SHORT_HAND) kept[name] = state[name];
      write(passing, handKey, kept);
    }
    if (!before || state.hand[0] !== before.hand[0] || BEGUN.some((name) => state[name] !== before[name])) keepBegun(state);
  }

  function keepBegun(state) {
    if (!state.hand.length || (!state.note && !state.chosen)) return passing.removeItem(begunKey);
    const begun = { task_id: state.hand[0].task_id };
    for (const name of BEGUN) begun[name] = state[name];
    write(passing, begunKey, begun);
  }

  return { load, save };
}

function read(storage, key) {
  try {
    return JSON.parse(storage.getItem(key));
  } catch {
    return null;
  }
}

// A full or forbidden storage must not stop the work: the answers are in memory and on their way.
function write(storage, key, value) {
  try {
    storage.setItem(key, JSON.stringify(value));
  } catch {
    storage.removeItem(key);
  }
}
