// Draws a group of like items as a grid. Knows the state only to show it; every wish goes out through `act`.
import { pilePace, ticked } from "./state.js";
import { confidenceWords, h, headline, percent, plural } from "../card/words.js";

const BODY = 220; // characters of an item's text that are shown

// Builds the fixed parts once inside `host` and returns {root, update(state, link), columns()}.
// `act` has: key(name), tick(place), answer(name).
export function pileView(host, act) {
  const part = (name, tag = "div", props = {}) => h(tag, { class: name, ...props });
  const bar = part("bar");
  const head = part("head");
  const grid = part("grid", "ul", { "aria-label": "Items of the group" });
  const keys = part("keys", "nav", { "aria-label": "Keys" });
  const rest = part("rest", "section");
  const live = part("live", "p", { role: "status", "aria-live": "polite" });
  const root = h("div", { class: "desk", tabindex: "-1", role: "group", "aria-label": "A group of like items" });
  root.append(bar, head, grid, rest, keys, live);
  host.append(root);
  let shown = null;

  function update(state, link) {
    const pile = state.piles[0];
    bar.replaceChildren(...pileBar(state, link));
    head.hidden = grid.hidden = !pile;
    rest.hidden = Boolean(pile);
    if (pile) {
      head.replaceChildren(...headParts(pile, state, act));
      grid.replaceChildren(...pile.items.map((item, place) => cell(item, place, state, act)));
    } else {
      rest.replaceChildren(...pileRest(state));
    }
    keys.replaceChildren(...pileKeys(state, act));
    live.textContent = state.message?.text ?? "";
    live.className = `live ${state.message?.kind ?? "quiet"}`;
    if (shown && pile !== shown && root.getBoundingClientRect().top < 0) root.scrollIntoView();
    else if (pile === shown) grid.children[state.at]?.scrollIntoView({ block: "nearest" });
    shown = pile;
  }

  // How many items stand in a row right now.
  const columns = () => getComputedStyle(grid).gridTemplateColumns.split(" ").length;

  return { root, update, columns };
}

function pileBar(state, link) {
  const speed = pilePace(state);
  const waiting = state.outbox.length;
  const [kind, text] = !waiting ? ["ok", state.settled ? "All saved" : "Ready"]
    : link.trouble ? ["off", `${plural(waiting, "group")} kept in this browser. ${link.trouble}`]
    : ["busy", "Saving"];
  return [
    h("span", { class: "count" }, h("strong", {}, String(state.settled)), ` settled${speed ? ` · ${Math.round(speed)} a minute` : ""}`),
    h("span", { class: `saved ${kind}`, role: "status" }, h("i", {}), text),
  ];
}

function headParts(pile, state, act) {
  const sure = pile.items.map((item) => item.confidence);
  const least = Math.min(...sure);
  const most = Math.max(...sure);
  const range = percent(least) === percent(most) ? percent(least) : `${percent(least)} to ${percent(most)}`;
  const choice = h("select", { class: "answer", "aria-label": "Category for the ticked items", onchange: (event) => act.answer(event.target.value) },
    ...state.categories.map((one) => h("option", { value: one.name, selected: one.name === (state.answer ?? pile.category) }, one.name)));
  const why = pile.chosen ? "Chosen by you, with this answer." : "Alike, and answered alike.";
  return [
    h("div", { class: "title" },
      h("h2", {}, pile.categories.length > 1 ? pile.categories.join(" + ") : pile.category),
      h("p", { class: "dim" }, `${why} Confidence ${range}: ${confidenceWords(least).word.toLowerCase()} or better.`)),
    h("div", { class: "doing" },
      pile.categories.length > 1 ? "" : h("label", {}, h("span", { class: "dim" }, "They are"), choice),
      h("button", { class: "suggested", onclick: () => act.key("Enter") },
        h("span", {}, `Accept ${ticked(state).length} of ${pile.items.length}`), h("kbd", {}, "Enter"))),
  ];
}

function cell(item, place, state, act) {
  const on = !state.off.includes(item.item_id);
  const { head, body } = headline(item.excerpt);
  const text = body.length > BODY ? `${body.slice(0, BODY - 1)}…` : body;
  return h("li", { class: `${on ? "on" : "off"} ${place === state.at ? "at" : ""}` },
    h("button", { role: "checkbox", "aria-checked": String(on), onclick: () => act.tick(place) },
      h("span", { class: "top" }, h("span", { class: "box", "aria-hidden": "true" }, on ? "✓" : ""),
        h("span", { class: "dim" }, percent(item.confidence)), place < 9 ? h("kbd", {}, String(place + 1)) : ""),
      head ? h("b", { dir: "auto" }, head) : "", text ? h("span", { class: "text", dir: "auto" }, text) : ""));
}

function pileRest(state) {
  if (!state.dry) return [h("div", { class: "spinner", "aria-hidden": "true" }), h("p", {}, "Looking for like items")];
  return [h("h2", {}, "No group right now"),
    h("p", { class: "dim" }, "What is left is not alike enough, or not sure enough, to be settled with one look. Review shows it card by card.")];
}

const PILE_KEYS = [["Enter", "Accept the ticked"], ["1", "1–9 untick"], [" ", "Untick"], ["a", "All or none"], ["n", "Put by"], ["Backspace", "Take back"]];
const PILE_CAPS = { " ": "Space", Backspace: "⌫", a: "A", n: "N", 1: "1 – 9" };
const PILE_WORDS = { 1: "Untick" };

function pileKeys(state, act) {
  return PILE_KEYS.filter(([key]) => key !== " ").map(([key, text]) =>
    h("button", { onclick: () => act.key(key), disabled: key === "Backspace" ? !state.trail.length : !state.piles.length },
      h("kbd", {}, PILE_CAPS[key] ?? key), PILE_WORDS[key] ?? text));
}
