// One key per decision. Keys never act while somebody writes, but for Ctrl+Enter and Escape.
const OFF = "gradebench.keys-off";
const writing = "textarea, input:not([type=radio]):not([type=checkbox]):not([type=hidden])";
const native = "a[href], button, summary, input[type=checkbox]";
let last = null;

const byId = (id) => document.getElementById(id);
const keysOn = () => byId("keys-on")?.checked ?? true;

function submit() {
  const button = byId("submit");
  if (button && !button.disabled) button.click();
}

function group(radio) {
  return [...byId("grade").querySelectorAll("input[type=radio]")].filter((other) => other.name === radio.name);
}

// Where several fields share a key it goes to the one under the keyboard, else to the first without an answer,
// else to the one answered last.
function target(radios) {
  const focused = document.activeElement?.matches(":focus-visible") ? document.activeElement.name : null;
  return (
    radios.find((radio) => radio.name === focused) ??
    radios.find((radio) => !group(radio).some((other) => other.checked)) ??
    radios.find((radio) => radio.name === last) ??
    radios[0]
  );
}

function choose(key) {
  const radios = [...(byId("grade")?.querySelectorAll("input[data-key]") ?? [])].filter((radio) => radio.dataset.key.toLowerCase() === key.toLowerCase());
  if (!radios.length) return false;
  const radio = target(radios);
  radio.checked = !(radio.checked && radio.closest("[data-optional]"));
  last = radio.name;
  radio.closest("label").scrollIntoView({ block: "nearest" });
  radio.dispatchEvent(new Event("change", { bubbles: true }));
  return true;
}

function edit() {
  const boxes = [...document.querySelectorAll("[data-edit]")];
  const box = boxes.find((one) => one.open) ?? boxes[0];
  if (!box) return false;
  box.open = true;
  box.querySelector("textarea").focus();
  return true;
}

function show(id) {
  byId(id)?.togglePopover();
  return true;
}

// To a neighbour in the session, or back from there.
function follow(key) {
  const link = document.querySelector(`a[data-goto="${key}"]`);
  link?.click();
  return Boolean(link);
}

const commands = {
  Enter: () => (submit(), true),
  e: edit,
  s: () => (byId("skip")?.requestSubmit(), true),
  h: () => follow("h"),
  l: () => follow("l"),
  "!": () => show("flag"),
  "?": () => show("keys"),
};

function onWriting(event, element) {
  if (event.key === "Escape") element.blur();
}

document.addEventListener("keydown", (event) => {
  const element = event.target;
  const chord = (event.ctrlKey || event.metaKey || event.altKey) && !event.getModifierState("AltGraph");
  if (event.defaultPrevented || event.isComposing) return;
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && !element.closest("[popover]")) {
    event.preventDefault();
    submit();
  } else if (element.matches?.(writing)) {
    onWriting(event, element);
  } else if (!chord && !event.repeat && keysOn() && !element.closest?.("[popover]")) {
    if (event.key === "Enter" && element.matches?.(native)) return;
    if (choose(event.key) || commands[event.key]?.()) event.preventDefault();
  }
});

// An optional answer can be taken back with the pointer too.
document.addEventListener("pointerdown", (event) => {
  const radio = event.target.closest?.("[data-optional] .option")?.querySelector("input");
  if (!radio?.checked) return;
  radio.closest(".option").addEventListener("click", (click) => { click.preventDefault(); setTimeout(() => { radio.checked = false; }); }, { once: true });
});

const box = byId("keys-on");
if (box) {
  box.checked = localStorage.getItem(OFF) !== "1";
  box.addEventListener("change", () => localStorage.setItem(OFF, box.checked ? "0" : "1"));
}
