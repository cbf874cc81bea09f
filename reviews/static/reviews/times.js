// Moments in the reader's own clock. The server writes them in its own, with the zone, for pages without scripts.
const forms = {
  clock: { hour: "2-digit", minute: "2-digit" },
  second: { hour: "2-digit", minute: "2-digit", second: "2-digit" },
  day: { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" },
};
const full = new Intl.DateTimeFormat(undefined, { dateStyle: "full", timeStyle: "long" });
const steps = [["day", 86400], ["h", 3600], ["min", 60], ["s", 1]];

function ago(moment) {
  const seconds = Math.round((moment - Date.now()) / 1000);
  if (Math.abs(seconds) < 2) return "now";
  const [unit, length] = steps.find(([, size]) => Math.abs(seconds) >= size);
  const count = Math.round(Math.abs(seconds) / length);
  const words = `${count} ${unit}${unit === "day" && count > 1 ? "s" : ""}`;
  return seconds < 0 ? `${words} ago` : `in ${words}`;
}

function write(element) {
  const moment = new Date(element.dateTime);
  const form = element.dataset.time;
  const today = moment.toDateString() === new Date().toDateString();
  const options = forms[form === "day" && today ? "clock" : form];
  element.textContent = options
    ? moment.toLocaleString("en-GB", options)
    : ago(moment);
  element.title = full.format(moment);
}

function tick(root) {
  for (const element of root.querySelectorAll("time[data-time]")) write(element);
  for (const words of root.querySelectorAll("[data-after]")) {
    const over = Date.now() > Date.parse(words.dataset.after);
    words.hidden = !over;
    words.previousElementSibling.hidden = over;
  }
}

// Whoever signs in is shown moments in this zone by the server too.
for (const field of document.querySelectorAll("input[data-zone]")) field.value = Intl.DateTimeFormat().resolvedOptions().timeZone;

tick(document);
setInterval(() => tick(document), 5000);
document.addEventListener("htmx:load", (event) => tick(event.target));
document.addEventListener("htmx:oobAfterSwap", () => tick(document));
