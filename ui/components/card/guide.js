// What belongs into a category: which guideline is on show, and how it is drawn.
import { KEYED, options } from "./ranking.js";
import { h } from "./words.js";

const ABOUT = { flagged: "flagged it", disputed: "says so, others do not", note: "noted" };

// The categories whose guidelines can be shown: those offered, the highlighted one first. On a blind card that is the
// project's own order, so that nothing leans towards the machine.
export function guided(state) {
  const list = options(state.hand[0], state.categories);
  const at = list[state.cursor];
  return at ? [at, ...list.filter((one) => one !== at)] : list;
}

// Asks for the guideline of the category that is on show, once: the same state where there is nothing to ask.
export function consult(state) {
  if (state.mode !== "guide" || !state.hand.length) return state;
  const id = guided(state)[0]?.id;
  if (!id || id === state.guiding || id === state.guide?.category_id) return state;
  return { ...state, guiding: id, guide: null };
}

// The panel: the guideline of the first category, and what is written of the next ones.
export function guideLines(state, act) {
  const [first, ...others] = guided(state);
  if (!first) return [];
  const rows = others.slice(0, KEYED - 1).filter((one) => one.description)
    .flatMap((one) => [h("dt", {}, one.name), h("dd", {}, one.description)]);
  return [h("h2", {}, "What belongs into ", h("b", {}, first.name)),
    h("p", {}, first.description || "Nothing is written about it yet."),
    ...examples(state, first),
    ...(rows.length ? [h("h3", {}, "Instead of it"), h("dl", { class: "guides" }, ...rows)] : []),
    h("p", { class: "dim" }, h("kbd", {}, "↓"), " ", h("kbd", {}, "↑"), " show another category."),
    h("button", { class: "link", onclick: () => act.key("Escape") }, "Close")];
}

// What people decided shows of it. The card's own item is left out: nobody is told what was said of it before.
function examples(state, category) {
  const guide = state.guide;
  if (guide?.category_id !== category.id) return [h("p", { class: "dim" }, "Looking through the decisions …")];
  if (guide.failed) return [h("p", { class: "dim" }, "The examples could not be fetched. Close this, and G tries again.")];
  const others = (list) => list.filter((one) => one.item_id !== state.hand[0].item_id);
  const parts = [
    ...section("Typical", others(guide.typical), (one) => [one.text, ...noted(one.note)]),
    ...section("Not this", others(guide.near_misses), (one) =>
      [h("b", {}, one.categories.join(" + ")), h("span", { class: "dim" }, " it is: "), one.text, ...noted(one.note)]),
    ...section("Open questions and notes", others(guide.questions), (one) =>
      [h("b", {}, `${one.who} ${ABOUT[one.kind] ?? one.kind}`), ": ", one.text, ...noted(one.note)]),
  ];
  return parts.length ? parts : [h("p", { class: "dim" }, "There are no examples yet: they come with the decisions.")];
}

function section(title, list, line) {
  return list.length ? [h("h3", {}, title), h("ul", { class: "alike" }, ...list.map((one) => h("li", {}, ...line(one))))] : [];
}

const noted = (note) => (note ? [h("br", {}), h("span", { class: "dim" }, `“${note}”`)] : []);
