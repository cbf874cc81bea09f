// The box of a merge: what it starts from, and whose words stand at each place where both sides changed the same ones.
// It is filled as if by typing, so that the browser's own undo brings back what stood there.
const plain = (text) => text.replaceAll("\r\n", "\n").replaceAll("\r", "\n");

function put(box, start, end, text) {
  box.focus();
  box.setSelectionRange(start, end);
  if (!document.execCommand(text ? "insertText" : "delete", false, text)) {
    box.setRangeText(text, start, end, "end");
    box.dispatchEvent(new Event("input", { bubbles: true }));
  }
}

document.addEventListener("click", (event) => {
  const button = event.target.closest?.("[data-fill]");
  if (!button) return;
  const box = document.getElementById(button.dataset.fill);
  put(box, 0, box.value.length, document.getElementById(button.dataset.from).value);
});

// What was written between two states of a text: from `head` to `end` of the former, `shift` longer now.
function written(before, after) {
  const most = Math.min(before.length, after.length);
  let [head, tail] = [0, 0];
  while (head < most && before[head] === after[head]) head += 1;
  while (tail < most - head && before.at(-1 - tail) === after.at(-1 - tail)) tail += 1;
  return { head, end: before.length - tail, shift: after.length - before.length };
}

// A place moves with what is written before it, and grows with what is written into it. What is written across its
// edges takes it away: nobody knows any more whose words are whose.
function follow({ start, end }, change) {
  if (change.head > end || (change.head === end && start !== end)) return { start, end };
  if (change.end <= start && start !== end) return { start: start + change.shift, end: end + change.shift };
  return change.head >= start && change.end <= end ? { start, end: end + change.shift } : null;
}

function pickable(span) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = span.className;
  button.dataset.text = plain(span.dataset.text);
  button.append(...span.childNodes);
  span.replaceWith(button);
  return button;
}

function open(list) {
  const box = document.getElementById(list.dataset.clashes);
  // Where nothing but clashes differs, the merge is ours.
  const merged = (document.getElementById(`${box.id}-merged`) ?? document.getElementById(`${box.id}-ours`)).value;
  const items = [...list.querySelectorAll("li")];
  const picks = items.map((item) => [...item.querySelectorAll("span.pick")].map(pickable));
  let places = items.map(({ dataset }) => ({ start: Number(dataset.start), end: Number(dataset.end) }));
  // The texts of which every place is known: the merge, and those to which the browser's undo may lead back.
  const known = new Map([[merged, places]]);
  let [text, putting] = [merged, null];

  const look = () => {
    const change = putting ?? written(text, box.value);
    const now = known.get(box.value) ?? places.map((place) => place && follow(place, change));
    if (places.every(Boolean) && !now.every(Boolean)) known.set(text, places);
    [places, text] = [now, box.value];
    picks.forEach((pair, at) => {
      const words = places[at] && text.slice(places[at].start, places[at].end);
      for (const pick of pair) {
        pick.disabled = words === null;
        pick.setAttribute("aria-pressed", String(words === pick.dataset.text));
      }
    });
  };
  picks.forEach((pair, at) => pair.forEach((pick) => pick.addEventListener("click", () => {
    const { start, end } = places[at];
    putting = { head: start, end, shift: pick.dataset.text.length - (end - start) };
    if (text.slice(start, end) !== pick.dataset.text) put(box, start, end, pick.dataset.text);
    putting = null;
    box.setSelectionRange(places[at].start, places[at].end);
  })));
  box.addEventListener("input", look);
  look();
}

function start(root) {
  root.querySelectorAll("[data-clashes]").forEach(open);
}

start(document);
document.addEventListener("htmx:load", (event) => start(event.target));
