// The review card in the page: keyboard, browser storage and the line to Python.
import { consult } from "./guide.js";
import { askForMore, choose, close, dwell, expire, initial, offered, outgoing, press, receive, search, settleEvery, settleRefused } from "./state.js";
import { view } from "./draw.js";
import { keeper } from "./keeping.js";

const RETRY_MS = 4000; // unacknowledged answers are sent again after this long
const IDLE_MS = 6000; // with an empty queue, ask again after this long
const WHY_MS = 900; // reasons and guidelines take the server a moment: ask again after this long
const BEAT_MS = 1000;
const HEARD_MS = 2000; // what is new waits for the answer to what was sent before, but no longer than this
const LATE_MS = 5000; // an answer that waits longer is said to wait
const CUT = "The connection is cut; they are sent as soon as it is back.";

const desks = new WeakMap(); // where a card is mounted → its desk, so that new data finds the old state

// A fresh unique string; works without a secure context, where crypto.randomUUID does not.
function nonce() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

const tools = () => ({ now: Date.now(), nonce: nonce() });

function openDesk(host, data) {
  const store = keeper(`winnow:${data.user}:${data.project}`);
  let state = { ...initial(data.categories), ...store.load(Date.now()), categories: data.categories };
  let link = { trouble: "", open: null, rest: null };
  let send = () => {};
  let lastSent = 0;
  let lastFed = 0;
  let sent = 0;
  let unheard = false; // sent, and not answered yet
  let more = false; // something new came meanwhile
  const card = view(host, {
    key: (name) => turn(press(state, name, tools()), true),
    pick: (name) => turn(choose(state, offered(state).find((one) => one.name === name), tools()), true),
    type: (text) => turn(search(state, text)),
    note: (text) => turn({ ...state, note: text }),
    write: () => turn({ ...state, mode: "note" }),
    hold: (which, keep) => turn(settleRefused(state, which, keep, tools())),
    holdAll: (keep) => turn(settleEvery(state, keep, tools), true),
  });

  // Shows the new state first, then keeps it, then sends what is new.
  function turn(next, refocus = false) {
    if (next === null || next === state) return;
    const before = state;
    state = consult(askForMore(next, nonce()));
    card.update(state, link);
    if (refocus && state.mode === "card") card.root.focus({ preventScroll: true });
    store.save(state, before);
    if (state.outbox !== before.outbox && state.outbox.length > before.outbox.length) push();
    else if (state.lease !== before.lease && state.lease) push();
    else if (state.why !== before.why && state.why) push();
    else if (state.guiding !== before.guiding && state.guiding) push();
  }

  // One sending at a time: on a slow line several answers go together, instead of each waiting for all before it.
  function push() {
    more = unheard && Date.now() - lastSent < HEARD_MS;
    if (more) return;
    unheard = true;
    lastSent = Date.now();
    sent += 1;
    send("out", { ...outgoing(state), sent });
  }

  function onKey(event) {
    if (event.isComposing) return; // a word is being put together (Japanese, Chinese, …): its Enter answers nothing
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
    const path = event.composedPath();
    const target = path[0];
    const ours = path.includes(card.root);
    if (!ours && target !== document.body && target !== document.documentElement) return;
    const button = target.tagName === "BUTTON" && (event.key === "Enter" || event.key === " ");
    const typing = target.tagName === "TEXTAREA" && (event.key !== "Escape" && (event.key !== "Enter" || event.shiftKey));
    if (button || typing) return stop(event, false);
    if (event.repeat && (event.key === "Enter" || event.key === " " || /^[0-9]$/.test(event.key))) return stop(event, true);
    const next = press(state, event.key, tools());
    if (next === null) return stop(event, false);
    stop(event, true);
    turn(next);
  }

  // Keys for the card must not reach Streamlit's own shortcuts; a key it has no use for keeps its default.
  function stop(event, consumed) {
    event.stopPropagation();
    if (consumed) event.preventDefault();
  }

  function beat() {
    const now = Date.now();
    turn(dwell(expire(state, now), now));
    const late = state.outbox.length > 0 && now - state.outbox[0].at > LATE_MS && now - lastFed > LATE_MS;
    if (late && !link.trouble) {
      link = { ...link, trouble: CUT };
      card.update(state, link);
    }
    const silence = now - lastSent;
    if ((state.why || state.guiding) && silence > WHY_MS) push();
    else if ((state.outbox.length || state.lease) && silence > RETRY_MS) push();
    else if (state.dry && silence > IDLE_MS && !document.hidden) turn(askForMore(state, nonce(), true));
  }

  window.addEventListener("keydown", onKey, true);
  const timer = setInterval(beat, BEAT_MS);

  return {
    // New data from Python, with the function that answers it.
    feed(fresh, setStateValue) {
      send = setStateValue;
      lastFed = Date.now();
      link = { trouble: fresh.trouble ?? "", open: fresh.open ?? null, rest: fresh.rest ?? null };
      const before = state;
      state = consult(askForMore(receive(state, fresh, Date.now()), nonce()));
      card.update(state, link);
      store.save(state, before);
      unheard = false;
      if (more) push();
      else if (state.lease !== before.lease && state.lease) push();
      else if (state.guiding !== before.guiding && state.guiding) push();
      else if (state.outbox.length && !sent) push();
    },
    focus() {
      const active = document.activeElement;
      if (!active || !["INPUT", "TEXTAREA"].includes(active.tagName)) card.root.focus({ preventScroll: true });
    },
    close() {
      window.removeEventListener("keydown", onKey, true);
      clearInterval(timer);
      store.save(close(state), null);
      card.root.remove();
    },
  };
}

export default function ({ parentElement, data, setStateValue }) {
  let desk = desks.get(parentElement);
  if (!desk || desk.name !== `${data.user}/${data.project}`) {
    desk?.close();
    desk = Object.assign(openDesk(parentElement, data), { name: `${data.user}/${data.project}` });
    desks.set(parentElement, desk);
    desk.focus();
  }
  const mine = (desk.turns = (desk.turns ?? 0) + 1);
  desk.feed(data, setStateValue);
  return () => {
    // Only the newest mount may close the desk: an older one that ends late has nothing to say.
    if (desk.turns !== mine || desks.get(parentElement) !== desk) return;
    desks.delete(parentElement);
    desk.close();
  };
}
