// How text is shown, rendered or as it was written, stays as it was chosen. Pictures come when they are asked for.
const CHOSEN = "gradebench.shown";
const radios = () => document.querySelectorAll("input[name=shown]");

function restore() {
  const chosen = localStorage.getItem(CHOSEN);
  // An address that says how to show it wins.
  if (!chosen || new URLSearchParams(location.search).has("raw")) return;
  for (const radio of radios()) radio.checked = radio.value === chosen;
}

document.addEventListener("change", (event) => {
  if (event.target.name === "shown") localStorage.setItem(CHOSEN, event.target.value);
});

document.addEventListener("click", (event) => {
  const link = event.target.closest?.("a[data-load]");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  const picture = new Image();
  picture.className = "picture";
  picture.alt = link.dataset.alt;
  picture.addEventListener("load", () => { link.textContent = link.dataset.shown; });
  picture.addEventListener("error", () => { picture.remove(); link.textContent = link.dataset.failed; });
  link.removeAttribute("data-load");
  picture.src = link.href;
  link.closest(".load").before(picture);
});

document.addEventListener("htmx:load", restore);
restore();
