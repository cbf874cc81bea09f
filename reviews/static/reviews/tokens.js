// Uncertain tokens: what else the model could have written, on focus and on hover; ] and [ go from one to the next.
// Enter or a click chooses, and edit.js puts the choice into the edit. The words come from the list below the answer, so
// nothing is sent twice; the list of a long answer is a page of its own, fetched once the item is on the screen.
const float = document.getElementById("alternatives");
const GAP = 8;
const MOST_DIGITS = 9;
const CALM = 300;
const lists = new Map();
let shown = null;
let last = null;
// The token whose words are on their way, and what is to be done once they are here.
let awaited = null;
let then = null;

const plain = (text) => text.replaceAll("\r\n", "\n").replaceAll("\r", "\n");
const percent = (words) => Number.parseFloat(words.replace("under ", "").replace("over ", "")) || 0;
const boxOf = (token) => document.getElementById(token.closest("[data-tokens]").dataset.tokens)?.closest("[data-edit]");
// Where a link leads: the word of the list that was chosen, or a certain piece of the text.
const addressOf = (link) => link.getAttribute("href").split("#")[0];
const isApart = (link) => addressOf(link) !== "";
const named = (link) =>
  isApart(link) ? lists.get(addressOf(link))?.list?.querySelector(`a[name="${link.hash.slice(1)}"]`) : document.getElementsByName(link.hash.slice(1))[0];
const choices = () => [...float.querySelectorAll("button")];

function element(name, words = "") {
  const made = document.createElement(name);
  made.textContent = words;
  return made;
}

// A row: one word of the list with its probability. Only what can be written by itself can be chosen.
function line(item, word, { chosen, writable }) {
  const row = element(writable && !("no" in word.dataset) ? "button" : "div");
  const [share] = /(?:under |over )?[\d.]+ %|\p{L}+/u.exec(word.nextSibling.textContent) ?? [""];
  const [text, bar] = [element("b", word.textContent), element("progress")];
  bar.max = 100;
  bar.value = percent(share);
  bar.setAttribute("aria-hidden", "true");
  if (chosen) {
    row.className = "chosen";
    text.append(" ", element("small", item.closest("ol").dataset.chosen));
  }
  if (row.type) {
    row.type = "button";
    row.tabIndex = -1;
    row.dataset.text = real(item, word);
  }
  row.append(text, bar, element("span", share));
  return [bar.value, row];
}

const real = (item, word) => ("s" in item.dataset ? " " : "") + plain(word.dataset.t ?? word.textContent);

function fill(token, item) {
  const box = boxOf(token);
  const words = [...item.querySelectorAll("a, b")];
  const rows = words.map((word, at) => line(item, word, { chosen: at === 0, writable: Boolean(box) }));
  rows.sort((one, other) => other[0] - one[0]);
  float.replaceChildren(...rows.map(([, row]) => row));
  choices().slice(0, MOST_DIGITS).forEach((button, at) => button.append(element("kbd", String(at + 1))));
  if (choices().length) float.append(element("p", box.dataset.choose));
}

// A list that is not on this page: asked for once, and again after a failure.
function fetchList(address) {
  if (lists.has(address)) return lists.get(address).ready;
  const entry = { list: null, ready: load(address).then((list) => { entry.list = list; if (!list) lists.delete(address); return list; }) };
  lists.set(address, entry);
  return entry.ready;
}

async function load(address) {
  const answer = await fetch(address).catch(() => null);
  if (!answer?.ok || answer.redirected) return null;
  return new DOMParser().parseFromString(await answer.text(), "text/html").querySelector("ol.words");
}

async function wait(token) {
  awaited = token;
  then = null;
  if (!(await fetchList(addressOf(token))) || awaited !== token || !token.isConnected) return;
  awaited = null;
  show(token);
  then?.();
  then = null;
}

function show(token) {
  if (token === shown) return;
  if (isApart(token) && !lists.get(addressOf(token))?.list) {
    if (awaited !== token) wait(token);
    return;
  }
  const item = named(token)?.closest("li");
  if (!item) return;
  shown?.removeAttribute("aria-describedby");
  shown = token;
  fill(token, item);
  token.setAttribute("aria-describedby", float.id);
  if (!float.matches(":popover-open")) float.showPopover();
  const [box] = token.getClientRects();
  const size = float.getBoundingClientRect();
  const below = box.bottom + GAP + size.height < window.innerHeight;
  float.style.left = `${Math.max(GAP, Math.min(box.left - 12, window.innerWidth - size.width - GAP))}px`;
  float.style.top = `${below ? box.bottom + GAP : Math.max(GAP, box.top - GAP - size.height)}px`;
}

function hide() {
  awaited = null;
  then = null;
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
  const apart = [...root.querySelectorAll("[data-list]")].map((link) => link.getAttribute("href"));
  // After the answer is painted, and before anybody points at a word of it.
  if (apart.length) setTimeout(() => { if (root.isConnected) apart.forEach(fetchList); }, CALM);
}

function look(token) {
  last = token;
  oneStop(token.closest("[data-tokens]"), token);
  token.focus({ focusVisible: true });
  token.scrollIntoView({ block: "nearest" });
  show(token);
}

function go(step) {
  const tokens = [...document.querySelectorAll("[data-tokens] a.t")].filter((token) => token.checkVisibility());
  const low = tokens.filter((token) => !token.classList.contains("t1"));
  const stops = low.length ? low : tokens;
  if (!stops.length) return false;
  const here = stops.indexOf(shown && float.contains(document.activeElement) ? shown : document.activeElement);
  const from = here < 0 ? stops.indexOf(last) : here;
  look(stops[from < 0 ? (step > 0 ? 0 : stops.length - 1) : (from + step + stops.length) % stops.length]);
  return true;
}

// Choosing -----------------------------------------------------------------------------------------------------------

// What the token is and where it stands in the text that it is a token of.
function placeOf(token) {
  const text = token.closest("[data-tokens]");
  const word = named(token);
  const old = real(word.closest("li"), word);
  const before = new Range();
  before.setStart(text, 0);
  before.setEndBefore(token);
  // White space at the ends of a token stands outside its link.
  const at = plain(before.toString()).length - old.indexOf(plain(token.textContent));
  return { name: text.dataset.tokens, source: plain(text.textContent), at, old };
}

function choose(button) {
  const [token, { text }] = [shown, button.dataset];
  last = token;
  hide();
  document.dispatchEvent(new CustomEvent("gradebench:put", { detail: { ...placeOf(token), text } }));
}

function move(step) {
  const all = choices();
  const next = all[(all.indexOf(document.activeElement) + step + all.length) % all.length];
  next.focus({ focusVisible: true });
}

function open() {
  const all = choices();
  (all.find((button) => button.className !== "chosen") ?? all[0])?.focus({ focusVisible: true });
  return all.length > 0;
}

function back() {
  const token = shown;
  token?.focus({ focusVisible: true });
  return true;
}

const moves = { ArrowDown: () => move(1), ArrowUp: () => move(-1), Home: () => choices()[0].focus(), End: () => choices().at(-1).focus() };

// Keys while a choice is made; true when the key was meant for it.
function onChoosing(key) {
  if (moves[key]) moves[key]();
  else if (/^[1-9]$/.test(key)) choices()[Number(key) - 1]?.click();
  else if (key === "Escape" || key === "Tab") back();
  else if (key === "]" || key === "[") go(key === "]" ? 1 : -1);
  else return false;
  return true;
}

// What happens ---------------------------------------------------------------------------------------------------------

const tokenOf = (event) => event.target.closest?.("[data-tokens] a.t");
const inside = (element) => float.contains(element);

document.addEventListener("focusin", (event) => {
  if (tokenOf(event)) show(tokenOf(event));
  else if (!inside(event.target)) hide();
});
document.addEventListener("focusout", (event) => {
  if (!inside(event.relatedTarget) && !(shown && event.relatedTarget === shown)) hide();
});
document.addEventListener("pointerover", (event) => {
  if (inside(document.activeElement)) return;
  if (tokenOf(event)) show(tokenOf(event));
  else if (!inside(event.target) && shown !== document.activeElement) hide();
});
document.addEventListener("scroll", (event) => {
  if (shown && shown !== document.activeElement && !inside(document.activeElement) && !inside(event.target)) hide();
}, { passive: true });
// The focus stays with the token while the pointer chooses.
float.addEventListener("pointerdown", (event) => event.preventDefault());
float.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (button) choose(button);
});

// A member leads to its least likely token; a certain one has nothing to show but its place.
function lead(link) {
  const token = link.closest(".answer").querySelector(`[data-tokens] a.t[href$="${link.hash}"]`);
  if (token) return look(token);
  const place = named(link);
  place.tabIndex = -1;
  place.focus({ preventScroll: true });
  return place.scrollIntoView({ block: "center", behavior: "instant" });
}

document.addEventListener("click", (event) => {
  const member = event.target.closest?.("a[data-member]");
  // A tap shows the alternatives where it is; only without scripts does it go to the list.
  if (tokenOf(event)) { event.preventDefault(); show(tokenOf(event)); }
  if (member) { event.preventDefault(); lead(member); }
});
document.addEventListener("keydown", (event) => {
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
  if (inside(event.target)) {
    if (onChoosing(event.key)) event.preventDefault();
    return;
  }
  if (event.target.matches?.("textarea, input:not([type=radio])")) return;
  if (event.key === "Enter" && tokenOf(event)) {
    show(tokenOf(event));
    if (shown !== tokenOf(event) && awaited) {
      event.preventDefault();
      then = open;
    } else if (open()) {
      event.preventDefault();
    }
  }
  if (document.getElementById("keys-on")?.checked === false) return;
  if (event.key === "Escape" && shown) { document.activeElement.blur(); hide(); }
  if ((event.key === "]" && go(1)) || (event.key === "[" && go(-1))) event.preventDefault();
});
document.addEventListener("htmx:beforeSwap", hide);
document.addEventListener("htmx:load", (event) => {
  // What was listed of the item before is not asked for again.
  if (event.target.id === "review") lists.clear();
  start(event.target);
});
start(document);
