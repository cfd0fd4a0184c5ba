// Groups in the page: keyboard, browser storage and the line to Python.
import { askForPiles, initialPiles, outgoingPiles, pressPile, takeIn, tick } from "./state.js";
import { pileView } from "./draw.js";
import { keeper } from "../card/keeping.js";

const RETRY_MS = 4000; // unacknowledged groups are sent again after this long
const IDLE_MS = 10000; // with no group left, ask again after this long
const BEAT_MS = 1000;
const CUT_MS = 5000;
const CUT = "The connection is cut; they are sent as soon as it is back.";

const tables = new WeakMap(); // where it is mounted → its table, so that new data finds the old state

function fresh() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

const tools = () => ({ now: Date.now(), nonce: fresh() });

function openTable(host, data) {
  const store = keeper(`winnow:${data.user}:${data.project}:groups`);
  let state = { ...initialPiles(data.categories), outbox: store.load(Date.now()).outbox };
  let link = { trouble: "" };
  let send = () => {};
  let lastSent = 0;
  let lastFed = 0;
  let sent = 0;
  const view = pileView(host, {
    key: (name) => turn(pressPile(state, name, tools(), view.columns()), true),
    tick: (place) => turn(tick(state, place), true),
    answer: (name) => turn({ ...state, answer: name === state.piles[0]?.category ? null : name }, true),
  });

  // Shows the new state first, then keeps it, then sends what is new.
  function turn(next, refocus = false) {
    if (next === null || next === state) return;
    const before = state;
    state = askForPiles(next, fresh());
    view.update(state, link);
    if (refocus) view.root.focus({ preventScroll: true });
    store.save({ ...state, hand: [] }, { ...before, hand: [] });
    if (state.outbox.length > before.outbox.length || (state.want && state.want !== before.want)) push();
  }

  function push() {
    lastSent = Date.now();
    sent += 1;
    send("out", { ...outgoingPiles(state), sent });
  }

  function onKey(event) {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
    const path = event.composedPath();
    const ours = path.includes(view.root);
    if (!ours && path[0] !== document.body && path[0] !== document.documentElement) return;
    const own = ["SELECT", "OPTION"].includes(path[0].tagName) || (path[0].tagName === "BUTTON" && event.key === " ");
    if (own) return event.stopPropagation();
    const next = pressPile(state, event.key, tools(), view.columns());
    event.stopPropagation(); // keys for the groups must not reach Streamlit's own shortcuts
    if (next === null) return;
    event.preventDefault();
    turn(next, ours);
  }

  function beat() {
    const now = Date.now();
    if (state.outbox.length && now - state.outbox[0].at > CUT_MS && now - lastFed > CUT_MS && !link.trouble) {
      link = { trouble: CUT };
      view.update(state, link);
    }
    const silence = now - lastSent;
    if ((state.outbox.length || state.want) && silence > RETRY_MS) push();
    else if (state.dry && silence > IDLE_MS && !document.hidden) turn(askForPiles(state, fresh(), true));
  }

  window.addEventListener("keydown", onKey, true);
  const timer = setInterval(beat, BEAT_MS);

  return {
    feed(news, setStateValue) {
      send = setStateValue;
      lastFed = Date.now();
      link = { trouble: news.trouble ?? "" };
      const before = state;
      state = askForPiles(takeIn(state, news, Date.now()), fresh());
      view.update(state, link);
      store.save({ ...state, hand: [] }, { ...before, hand: [] });
      if ((state.want && state.want !== before.want) || (state.outbox.length && !sent)) push();
    },
    focus: () => view.root.focus({ preventScroll: true }),
    close() {
      window.removeEventListener("keydown", onKey, true);
      clearInterval(timer);
      view.root.remove();
    },
  };
}

export default function ({ parentElement, data, setStateValue }) {
  const name = `${data.user}/${data.project}/${data.which}`;
  let table = tables.get(parentElement);
  if (!table || table.name !== name) {
    table?.close();
    table = Object.assign(openTable(parentElement, data), { name });
    tables.set(parentElement, table);
    table.focus();
  }
  const mine = (table.turns = (table.turns ?? 0) + 1);
  table.feed(data, setStateValue);
  return () => {
    if (table.turns !== mine || tables.get(parentElement) !== table) return;
    tables.delete(parentElement);
    table.close();
  };
}
