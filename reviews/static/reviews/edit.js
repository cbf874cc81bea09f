// The edit boxes: what an edit changes, marked word by word beside it; another word of the model put into it; the way
// back to what stood there; and what will be sent.
const LIMIT = 600; // differences beyond which nobody reads word by word; their cost grows with their square
const AROUND = 90; // characters kept around a change
const MOST_SHOWN = 4000;
const PAUSE = 150;
const WORDS = /[\p{L}\p{M}\p{N}_]+|\n|[^\S\n]+|[^\s\p{L}\p{M}\p{N}_]/gu;

const cut = (text) => text.match(WORDS) ?? [];
const plain = (text) => text.replaceAll("\r\n", "\n").replaceAll("\r", "\n");
const boxOf = (area) => area.closest("[data-edit]");
// A form that came back, or a draft, holds the edit; the text it started from stands beside it.
const originalOf = (area) => boxOf(area).querySelector(".was")?.defaultValue ?? area.defaultValue;

// Comparing ----------------------------------------------------------------------------------------------------------

// How far each line reaches before each round of Myers' algorithm ("An O(ND) Difference Algorithm", 1986), whose rounds
// are the fewest differences; null beyond LIMIT.
function roundsOf(old, now) {
  const most = Math.min(old.length + now.length, LIMIT);
  const reach = new Int32Array(2 * most + 3);
  const zero = most + 1;
  const rounds = [];
  for (let edits = 0; edits <= most; edits += 1) {
    rounds.push(reach.slice(zero - edits - 1, zero + edits + 2));
    for (let line = -edits; line <= edits; line += 2) {
      const at = zero + line;
      const down = line === -edits || (line !== edits && reach[at - 1] < reach[at + 1]);
      let x = down ? reach[at + 1] : reach[at - 1] + 1;
      while (x < old.length && x - line < now.length && old[x] === now[x - line]) x += 1;
      reach[at] = x;
      if (x >= old.length && x - line >= now.length) return rounds;
    }
  }
  return null;
}

// [place in old, place in now, length] of what both share, in order; null where too much differs.
function sharedMiddle(old, now) {
  const rounds = roundsOf(old, now);
  if (!rounds) return null;
  const found = [];
  let [x, y] = [old.length, now.length];
  for (let edits = rounds.length - 1; edits > 0; edits -= 1) {
    const reach = (line) => rounds[edits][line + edits + 1];
    const line = x - y;
    const down = line === -edits || (line !== edits && reach(line - 1) < reach(line + 1));
    const from = down ? reach(line + 1) : reach(line - 1);
    const begin = down ? from : from + 1;
    if (x > begin) found.push([begin, begin - line, x - begin]);
    [x, y] = [from, from - (down ? line + 1 : line - 1)];
  }
  if (x > 0) found.push([0, 0, x]);
  return found.reverse();
}

// What two rows of things share at their ends: most edits are small.
function ends(old, now) {
  const most = Math.min(old.length, now.length);
  let [head, tail] = [0, 0];
  while (head < most && old[head] === now[head]) head += 1;
  while (tail < most - head && old[old.length - 1 - tail] === now[now.length - 1 - tail]) tail += 1;
  return [head, tail];
}

// Two texts as parts of kind "same", "gone" and "come"; `whole` when too much differs to be told word by word.
function compare(before, after) {
  const [old, now] = [cut(before), cut(after)];
  const [head, tail] = ends(old, now);
  const known = new Map();
  const number = (word) => known.get(word) ?? (known.set(word, known.size), known.size - 1);
  const middle = (words) => Int32Array.from(words.slice(head, words.length - tail), number);
  const shared = sharedMiddle(middle(old), middle(now));
  const runs = [[0, 0, head], ...(shared ?? []).map(([x, y, length]) => [x + head, y + head, length]), [old.length - tail, now.length - tail, tail]];
  const parts = [];
  let [x, y] = [0, 0];
  const add = (kind, words, from, to) => { if (to > from) parts.push({ kind, text: words.slice(from, to).join(""), count: words.slice(from, to).filter((word) => word.trim()).length }); };
  for (const [start, place, length] of runs) {
    add("gone", old, x, start);
    add("come", now, y, place);
    add("same", old, start, start + length);
    [x, y] = [start + length, place + length];
  }
  return { parts, whole: !shared };
}

// Changes that only a blank parts, as one: people change phrases.
function phrases(parts) {
  const made = [];
  let [gone, come, gap] = ["", "", ""];
  const flush = () => {
    if (gone) made.push({ kind: "gone", text: gone });
    if (come) made.push({ kind: "come", text: come });
    if (gap) made.push({ kind: "same", text: gap });
    [gone, come, gap] = ["", "", ""];
  };
  for (const { kind, text } of parts) {
    if (kind === "same") {
      if (gap || !(gone || come) || !/^[^\S\n]+$/.test(text)) flush();
      if (gone || come) gap = text;
      else made.push({ kind, text });
    } else {
      if (gap) [gone, come, gap] = [gone + gap, come + gap, ""];
      if (kind === "gone") gone += text;
      else come += text;
    }
  }
  flush();
  return made;
}

// Showing ------------------------------------------------------------------------------------------------------------

const SIGNS = { " ": "·", "\t": "→", "\n": "↵\n", "\u00a0": "⍽" };

function shortened(text, first, last) {
  if (text.length <= (first || last ? AROUND : 2 * AROUND) + 20) return text;
  const head = first ? "" : text.slice(0, AROUND).replace(/\S*$/, "");
  const tail = last ? "" : text.slice(-AROUND).replace(/^\S*/, "");
  return `${head} … ${tail}`;
}

function mark({ kind, text }, first, last) {
  if (kind === "same") return document.createTextNode(shortened(text, first, last));
  const made = document.createElement(kind === "gone" ? "del" : "ins");
  const most = text.length > MOST_SHOWN ? `${text.slice(0, MOST_SHOWN)} …` : text;
  // Nobody sees a space that is gone.
  made.textContent = most.trim() ? most : most.replace(/[ \t\n\u00a0]/g, (sign) => SIGNS[sign]);
  return made;
}

function showMarks(pane, { parts, whole }) {
  const all = phrases(parts);
  const nodes = all.map((part, at) => mark(part, at === 0, at === all.length - 1));
  const text = document.createElement("div");
  text.className = "text";
  text.dir = "auto";
  text.append(...nodes);
  const said = document.createElement("p");
  said.className = "quiet";
  said.textContent = whole ? pane.dataset.whole : parts.length ? "" : pane.dataset.none;
  pane.replaceChildren(...[said, text].filter((part) => part.textContent));
  // What scrolls is reached by the keyboard.
  if (pane.scrollHeight > pane.clientHeight) pane.tabIndex = 0;
  else pane.removeAttribute("tabindex");
}

function wordsFor(line, { parts, whole }) {
  if (whole) return line.dataset.many;
  const sum = (kind) => parts.filter((part) => part.kind === kind).reduce((all, part) => all + part.count, 0);
  const count = Math.max(sum("gone"), sum("come"));
  if (count === 0) return line.dataset.spaces;
  return count === 1 ? line.dataset.one : line.dataset.words.replace("#", String(count));
}

function note(area) {
  const [box, original] = [boxOf(area), originalOf(area)];
  const line = box.querySelector(".changed");
  const changed = area.value !== original;
  const found = changed ? compare(original, area.value) : { parts: [], whole: false };
  line.textContent = changed ? wordsFor(line, found) : "";
  box.classList.toggle("has-changes", changed);
  showMarks(box.querySelector("[data-marked]"), found);
  turn(area, changed);
  if (box.querySelector(".sent").open) ask(box);
}

// Putting something in -----------------------------------------------------------------------------------------------

// As if by typing, so that the browser's own undo brings back what stood there.
function put(area, start, end, text) {
  area.focus({ preventScroll: true });
  area.setSelectionRange(start, end);
  if (start === end && !text) return;
  if (!document.execCommand(text ? "insertText" : "delete", false, text)) {
    area.setRangeText(text, start, end, "end");
    area.dispatchEvent(new Event("input", { bubbles: true }));
  }
}

// Stretches [place in before, place in after, length] that an edit left as they were, to the character.
function kept(before, after) {
  const found = [];
  let [x, y] = [0, 0];
  const add = (length) => {
    const former = found.at(-1);
    if (former && former[0] + former[2] === x && former[1] + former[2] === y) former[2] += length;
    else if (length) found.push([x, y, length]);
    [x, y] = [x + length, y + length];
  };
  let gone = "";
  const close = (come) => {
    const [head, tail] = ends(gone, come);
    add(head);
    [x, y] = [x + gone.length - head - tail, y + come.length - head - tail];
    add(tail);
    gone = "";
  };
  for (const { kind, text } of compare(before, after).parts) {
    if (kind === "come") close(text);
    else if (gone) close("");
    if (kind === "gone") gone = text;
    else if (kind === "same") add(text.length);
  }
  if (gone) close("");
  return found;
}

// A text of the model with words chosen in it, and where the one at `at` has come to stand.
function withChoices(source, choices, at, old) {
  let [text, from, shift] = ["", 0, 0];
  for (const choice of [...choices].sort((one, other) => one.at - other.at)) {
    text += source.slice(from, choice.at) + choice.text;
    from = choice.at + choice.old.length;
    if (choice.at < at) shift += choice.text.length - choice.old.length;
  }
  const mine = choices.find((choice) => choice.at === at);
  return { text: text + source.slice(from), start: at + shift, length: (mine?.text ?? old).length };
}

function placeNow(area, { source, at, old }, choices) {
  const { text, start, length } = withChoices(source, choices, at, old);
  const run = text === area.value ? [0, 0, text.length] : kept(text, area.value).find(([x, , size]) => x <= start && start + length <= x + size);
  return run && { start: start - run[0] + run[1], end: start - run[0] + run[1] + length };
}

// The words that were chosen in each box, to find a place again after earlier ones were put in.
const chosen = new WeakMap();

document.addEventListener("gradebench:put", ({ detail }) => {
  const area = document.getElementById(detail.name);
  const box = boxOf(area);
  const line = box.querySelector(".put-note");
  const made = chosen.get(area) ?? [];
  const others = made.filter((choice) => choice.at !== detail.at);
  // One that was undone stands there no longer.
  const known = detail.source.slice(detail.at, detail.at + detail.old.length) === detail.old;
  const place = known && (placeNow(area, detail, made) ?? placeNow(area, detail, others) ?? placeNow(area, detail, []));
  box.open = true;
  if (place) {
    put(area, place.start, place.end, detail.text);
    chosen.set(area, [...others, detail]);
    const end = place.start + detail.text.length;
    area.setSelectionRange(end, end);
    note(area);
    line.textContent = area.value.slice(end).trim() ? line.dataset.after : "";
  } else {
    line.textContent = line.dataset.lost;
  }
  box.scrollIntoView({ block: "nearest" });
});

// The way back ---------------------------------------------------------------------------------------------------------

const edits = new WeakMap();

function turn(area, changed) {
  const button = boxOf(area).querySelector("[data-revert]");
  button.dataset.back ??= button.textContent;
  button.hidden = !changed && !edits.has(area);
  button.textContent = changed ? button.dataset.back : button.dataset.again;
}

document.addEventListener("click", (event) => {
  const button = event.target.closest?.("[data-revert]");
  if (!button) return;
  const area = button.closest("[data-edit]").querySelector("textarea[name]");
  const [now, original] = [area.value, originalOf(area)];
  put(area, 0, now.length, now === original ? edits.get(area) : original);
  if (now !== original) edits.set(area, now);
  area.setSelectionRange(0, 0);
  area.closest("[data-edit]").querySelector(".put-note").textContent = "";
  note(area);
  button.focus();
});

// What will be sent ----------------------------------------------------------------------------------------------------

async function ask(box) {
  const details = box.querySelector(".sent");
  const target = details.querySelector("[data-sent]");
  const { preview, failed } = details.dataset;
  if (!preview) return;
  const { form } = box.querySelector("textarea[name]");
  const answer = await fetch(preview, { method: "POST", body: new FormData(form) }).catch(() => null);
  if (!answer?.ok || answer.redirected) {
    target.textContent = failed;
    return;
  }
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const mine = [...page.querySelectorAll("[data-pointer]")].find((leaf) => leaf.dataset.pointer === target.dataset.sent);
  target.replaceChildren(...[page.querySelector("[data-late]"), mine ?? page.querySelector("[data-unchanged]")].filter(Boolean));
}

document.addEventListener("toggle", ({ target }) => {
  if (target.open && target.matches?.("[data-edit] .sent")) ask(target.closest("[data-edit]"));
}, true);

// When ---------------------------------------------------------------------------------------------------------------

const timers = new WeakMap();
document.addEventListener("input", (event) => {
  const area = event.target.closest?.("[data-edit] textarea[name]");
  if (!area) return;
  clearTimeout(timers.get(area));
  timers.set(area, setTimeout(note, PAUSE, area));
  boxOf(area).querySelector(".put-note").textContent = "";
});

function open(root) {
  for (const area of root.querySelectorAll("[data-edit] textarea[name]")) {
    if (area.value !== originalOf(area)) note(area);
  }
}

open(document);
document.addEventListener("htmx:load", (event) => open(event.target));
