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

// A place moves with what is written before it, and grows with what is written into it.
function follow(place, { head, end, shift }) {
  if (head > place.end || (head === place.end && head !== place.start)) return;
  if (end <= place.start && place.start !== place.end) {
    place.start += shift;
  } else {
    place.start = Math.min(place.start, head);
    place.end = Math.max(place.end, end);
  }
  place.end += shift;
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
  const places = [...list.querySelectorAll("li")].map((item) => ({
    start: Number(item.dataset.start),
    end: Number(item.dataset.end),
    picks: [...item.querySelectorAll("span.pick")].map(pickable),
  }));
  let [text, putting] = [merged, null];
  const look = () => {
    const change = putting ?? written(text, box.value);
    text = box.value;
    for (const place of places) {
      follow(place, change);
      const words = text.slice(place.start, place.end);
      for (const pick of place.picks) pick.setAttribute("aria-pressed", String(words === pick.dataset.text));
    }
  };
  for (const place of places) {
    for (const pick of place.picks) {
      pick.addEventListener("click", () => {
        const { start, end } = place;
        putting = { head: start, end, shift: pick.dataset.text.length - (end - start) };
        if (box.value.slice(start, end) !== pick.dataset.text) put(box, start, end, pick.dataset.text);
        putting = null;
        box.setSelectionRange(place.start, place.end);
      });
    }
  }
  box.addEventListener("input", look);
  look();
}

function start(root) {
  root.querySelectorAll("[data-clashes]").forEach(open);
}

start(document);
document.addEventListener("htmx:load", (event) => start(event.target));
