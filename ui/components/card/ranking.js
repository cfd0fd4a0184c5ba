// Which categories are offered for a card, and in which order.

// Digits 1 to 9 choose among the first nine.
export const KEYED = 9;

// The categories for a task: most likely first. On a blind task, or without a prediction, the
// project's own order, so that nothing leans towards the machine.
// Returns [{name, description, shortcut, confidence: 0..1 | null}].
export function options(task, categories) {
  const plain = categories.map((category) => ({ ...category, confidence: null }));
  if (!task || task.blind || !task.prediction) return plain;
  const likely = new Map(task.prediction.top.map((entry) => [entry.category, entry.confidence]));
  if (!likely.has(task.prediction.category)) likely.set(task.prediction.category, task.prediction.confidence);
  return plain
    .map((category, order) => ({ ...category, confidence: likely.get(category.name) ?? null, order }))
    .sort((a, b) => (b.confidence ?? -1) - (a.confidence ?? -1) || a.order - b.order)
    .map(({ order, ...category }) => category);
}

// The options that match what was typed, best match first, likelier first among equals.
export function matches(list, query) {
  const wanted = fold(query);
  if (!wanted) return list;
  return list
    .map((option, order) => ({ option, order, rank: closeness(fold(option.name), wanted) }))
    .filter((entry) => entry.rank < NO_MATCH)
    .sort((a, b) => a.rank - b.rank || a.order - b.order)
    .map((entry) => entry.option);
}

const NO_MATCH = 5;

// 0 the same, 1 begins with it, 2 a word begins with it, 3 contains it, 4 has its letters in order.
function closeness(name, wanted) {
  if (name === wanted) return 0;
  if (name.startsWith(wanted)) return 1;
  if (name.split(/[^\p{L}\p{N}]+/u).some((word) => word.startsWith(wanted))) return 2;
  if (name.includes(wanted)) return 3;
  let at = -1;
  for (const letter of wanted) {
    at = name.indexOf(letter, at + 1);
    if (at < 0) return NO_MATCH;
  }
  return 4;
}

function fold(text) {
  return text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase().trim();
}
