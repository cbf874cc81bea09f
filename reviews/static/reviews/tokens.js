// Uncertain tokens: what else the model could have written, on focus and on hover; ] and [ go from one to the next.
// The words come from the list below the answer, so nothing is sent twice.
const float = document.getElementById("alternatives");
const place = 8;
let shown = null;

const percent = (words) => Number.parseFloat(words.replace("under ", "").replace("over ", "")) || 0;

function line(name, words, chosen) {
  const row = document.createElement("div");
  const bar = document.createElement("progress");
  const text = document.createElement("b");
  const share = document.createElement("span");
  bar.max = 100;
  bar.value = percent(words);
  bar.setAttribute("aria-hidden", "true");
  text.textContent = name;
  share.textContent = words;
  if (chosen) {
    const word = document.createElement("small");
    word.textContent = " chosen";
    text.append(word);
    row.className = "chosen";
  }
  row.append(text, bar, share);
  return [bar.value, row];
}

function lines(item) {
  const words = [...item.querySelectorAll("b")];
  const rows = words.map((word, at) => line(word.textContent, (word.nextSibling?.textContent ?? "").replace(/,\s*$/, "").trim(), at === 0));
  return rows.sort((one, other) => other[0] - one[0]).map(([, row]) => row);
}

function show(token) {
  const item = document.getElementById(token.hash.slice(1));
  if (!item || token === shown) return;
  shown?.removeAttribute("aria-describedby");
  shown = token;
  float.replaceChildren(...lines(item));
  token.setAttribute("aria-describedby", float.id);
  if (!float.matches(":popover-open")) float.showPopover();
  const [box] = token.getClientRects();
  const size = float.getBoundingClientRect();
  const below = box.bottom + place + size.height < window.innerHeight;
  float.style.left = `${Math.max(place, Math.min(box.left - 12, window.innerWidth - size.width - place))}px`;
  float.style.top = `${below ? box.bottom + place : Math.max(place, box.top - place - size.height)}px`;
}

function hide() {
  shown?.removeAttribute("aria-describedby");
  shown = null;
  if (float.matches(":popover-open")) float.hidePopover();
}

// One stop of the Tab key for all tokens of a text: hundreds would stand between the answer and the decision.
function oneStop(text, stop) {
  for (const token of text.querySelectorAll("a.t")) token.tabIndex = token === stop ? 0 : -1;
}

function start(root) {
  for (const text of root.querySelectorAll("[data-tokens]")) oneStop(text, text.querySelector("a.t"));
}

function go(step) {
  const tokens = [...document.querySelectorAll("[data-tokens] a.t")].filter((token) => token.checkVisibility());
  const low = tokens.filter((token) => !token.classList.contains("t1"));
  const stops = low.length ? low : tokens;
  if (!stops.length) return false;
  const here = stops.indexOf(document.activeElement);
  const next = stops[here < 0 ? (step > 0 ? 0 : stops.length - 1) : (here + step + stops.length) % stops.length];
  oneStop(next.closest("[data-tokens]"), next);
  next.focus({ focusVisible: true });
  next.scrollIntoView({ block: "nearest" });
  show(next);
  return true;
}

const tokenOf = (event) => event.target.closest?.("[data-tokens] a.t");

document.addEventListener("focusin", (event) => (tokenOf(event) ? show(tokenOf(event)) : hide()));
document.addEventListener("focusout", hide);
document.addEventListener("pointerover", (event) => {
  if (tokenOf(event)) show(tokenOf(event));
  else if (!event.target.closest?.("#alternatives") && shown !== document.activeElement) hide();
});
document.addEventListener("scroll", () => { if (shown && shown !== document.activeElement) hide(); }, { passive: true });
document.addEventListener("click", (event) => {
  // A tap shows the alternatives where it is; only without scripts does it go to the list.
  if (tokenOf(event)) { event.preventDefault(); show(tokenOf(event)); }
});
document.addEventListener("keydown", (event) => {
  if (event.target.matches?.("textarea, input:not([type=radio])") || event.defaultPrevented) return;
  if (document.getElementById("keys-on")?.checked === false) return;
  if (event.key === "Escape" && shown) { document.activeElement.blur(); hide(); }
  if ((event.key === "]" && go(1)) || (event.key === "[" && go(-1))) event.preventDefault();
});
document.addEventListener("htmx:beforeSwap", hide);
document.addEventListener("htmx:load", (event) => start(event.target));
start(document);
