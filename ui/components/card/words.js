// Small helpers of the card: elements, numbers and the words for them.

// An element. Text only ever goes in as text, never as markup.
export function h(tag, props, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(props ?? {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children);
  return element;
}

export const percent = (share) => `${Math.round(share * 100)} %`;

export const plural = (count, noun) => `${count} ${noun}${count === 1 ? "" : "s"}`;

// A calibrated confidence in words: how sure, and how often such answers are right.
export function confidenceWords(share) {
  const word = share >= 0.97 ? "Nearly certain" : share >= 0.9 ? "Very likely" : share >= 0.7 ? "Likely"
    : share >= 0.5 ? "More likely than not" : share >= 0.3 ? "Unsure" : "A guess";
  const tenths = Math.round(share * 10);
  const often = share >= 0.97 ? "almost always right" : tenths >= 10 ? "right about 19 times in twenty"
    : tenths <= 0 ? "seldom right" : `right about ${tenths} times in ten`;
  return { word, frequency: `answers like this are ${often}` };
}

const LONGEST_HEADLINE = 160;

// Splits a text into its first line, where that reads as a headline, and the rest. `at` is where each begins.
export function headline(text) {
  const end = text.indexOf("\n");
  const first = end < 0 ? text : text.slice(0, end);
  if (!first.trim() || first.trim().length > LONGEST_HEADLINE) return { head: "", body: text, at: [0, 0] };
  const rest = end < 0 ? "" : text.slice(end + 1);
  const starts = (part) => part.length - part.trimStart().length;
  return { head: first.trim(), body: rest.trim(), at: [starts(first), end + 1 + starts(rest)] };
}

// A part of a text that begins at `from`, cut where words that weigh begin and end: [{text, weight: number | null}].
export function weighed(part, from, words) {
  const pieces = [];
  let done = 0;
  for (const word of [...words].sort((a, b) => a.start - b.start)) {
    const start = Math.max(word.start - from, done);
    const end = Math.min(word.end - from, part.length);
    if (start >= end) continue;
    if (start > done) pieces.push({ text: part.slice(done, start), weight: null });
    pieces.push({ text: part.slice(start, end), weight: word.weight });
    done = end;
  }
  if (done < part.length) pieces.push({ text: part.slice(done), weight: null });
  return pieces;
}

// How alike two texts are, in words, by the cosine of their vectors.
export const alikeness = (cosine) =>
  cosine >= 0.9 ? "nearly the same" : cosine >= 0.7 ? "very much alike" : cosine >= 0.5 ? "alike" : "somewhat alike";

const PACE = 12; // decisions over which the pace is taken

// Decisions a minute over the last few, or null while there are too few to tell.
export function pace(state) {
  const times = state.trail.slice(-PACE).map((step) => step.at);
  if (times.length < 3) return null;
  const minutes = (times.at(-1) - times[0]) / 60000;
  return minutes > 0 ? (times.length - 1) / minutes : null;
}

// What a step did, for messages.
export function words(step) {
  if (step.action === "skip") return "skip";
  if (step.action === "flag") return "flag";
  return step.categories.join(", ");
}
