// The edit box says how many words changed against the text it was opened with.
const LIMIT = 400;
const cut = (text) => text.match(/[\p{L}\p{N}_]+|[^\s\p{L}\p{N}_]/gu) ?? [];

// Fewest removed and added words (Myers); gives up beyond LIMIT, because nobody counts further.
function distance(before, after) {
  const most = Math.min(before.length + after.length, LIMIT);
  const reach = new Map([[1, 0]]);
  for (let edits = 0; edits <= most; edits += 1) {
    for (let line = -edits; line <= edits; line += 2) {
      const down = line === -edits || (line !== edits && (reach.get(line - 1) ?? -1) < (reach.get(line + 1) ?? -1));
      let x = down ? reach.get(line + 1) ?? 0 : (reach.get(line - 1) ?? 0) + 1;
      while (x < before.length && x - line < after.length && before[x] === after[x - line]) x += 1;
      reach.set(line, x);
      if (x >= before.length && x - line >= after.length) return edits;
    }
  }
  return Infinity;
}

function changedWords(before, after) {
  const [old, now] = [cut(before), cut(after)];
  const edits = distance(old, now);
  return Number.isFinite(edits) ? (edits + Math.abs(now.length - old.length)) / 2 : Infinity;
}

function words(before, after) {
  if (before === after) return "";
  const count = changedWords(before, after);
  if (!Number.isFinite(count)) return "many words changed";
  if (count === 0) return "only spaces changed";
  return count === 1 ? "1 word changed" : `${count} words changed`;
}

function note(textarea) {
  const box = textarea.closest("[data-edit]");
  // A form that came back refused holds the edit; the text it started from stands beside it.
  const said = words(box.querySelector(".was")?.defaultValue ?? textarea.defaultValue, textarea.value);
  box.querySelector(".changed").textContent = said;
  box.classList.toggle("has-changes", Boolean(said));
}

const timers = new WeakMap();
document.addEventListener("input", (event) => {
  const textarea = event.target.closest?.("[data-edit] textarea");
  if (!textarea) return;
  clearTimeout(timers.get(textarea));
  timers.set(textarea, setTimeout(note, 150, textarea));
});

function open(root) {
  for (const was of root.querySelectorAll("[data-edit] .was")) note(was.closest("[data-edit]").querySelector("textarea"));
}

open(document);
document.addEventListener("htmx:load", (event) => open(event.target));
