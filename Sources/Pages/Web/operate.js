// Keeps the operators' pages fresh. Everything works without it, by reloading.

const every = 1000;
const asof = document.querySelector("[data-asof]");

/** Shows moments in the reader's own time zone. The server writes UTC. */
function localizeTimes(root) {
  const language = document.documentElement.lang;
  const form = new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle: "medium" });
  const time = new Intl.DateTimeFormat(language, { timeStyle: "medium" });
  const zone = new Intl.DateTimeFormat(language, { timeZoneName: "short", hour: "numeric" });
  for (const element of root.querySelectorAll("time[datetime]")) {
    const moment = new Date(element.dateTime);
    if (Number.isNaN(moment.getTime())) continue;
    const name = zone.formatToParts(moment).find((part) => part.type === "timeZoneName");
    const text = (element.dataset.form === "time" ? time : form).format(moment);
    element.textContent = name ? `${text} ${name.value}` : text;
  }
}

/** Whether somebody typed into a part and has not sent it, or it was sent and refused. */
function isTyped(part) {
  return part.dataset.typed !== undefined
    || [...part.querySelectorAll("input")].some((input) =>
      input.value !== input.defaultValue || input.checked !== input.defaultChecked);
}

/** Replaces what changes by itself with what the page says now; what has the focus, or was typed into, stays. */
function replace(fresh) {
  for (const part of document.querySelectorAll("[data-live]")) {
    const next = fresh.querySelector(`[data-live="${part.dataset.live}"]`);
    if (!next || part.contains(document.activeElement) || isTyped(part)) continue;
    localizeTimes(next);
    if (part.innerHTML !== next.innerHTML) part.replaceChildren(...next.childNodes);
  }
}

/** Milliseconds in which somebody sees that a button is another one than before. */
const settling = 400;
const placed = new Map();

/** A form's own `action` would be its button of this name. */
function nameOf(button) {
  return `${button.form.getAttribute("action")} ${button.value}`;
}

/** Notes where the buttons are that change something, and when each came there. */
function placeButtons() {
  const now = performance.now();
  for (const button of document.querySelectorAll("form[method=post] button")) {
    const box = button.getBoundingClientRect();
    const place = `${Math.round(box.left + scrollX)} ${Math.round(box.top + scrollY)}`;
    const before = placed.get(nameOf(button));
    if (before?.place !== place) placed.set(nameOf(button), { place, at: now });
  }
}

/** A button that moved under the pointer a moment ago is not the one that somebody meant to press. */
document.addEventListener("click", (event) => {
  const button = event.target.closest("form[method=post] button");
  const before = button && placed.get(nameOf(button));
  // Keys press what has the focus, wherever it is.
  if (before && event.detail > 0 && performance.now() - before.at < settling) event.preventDefault();
}, true);

function setBroken(isBroken) {
  if (asof.classList.contains("broken") === isBroken) return;
  asof.classList.toggle("broken", isBroken);
  if (isBroken) {
    const alarm = document.createElement("span");
    alarm.setAttribute("role", "alert");
    alarm.textContent = ` ${asof.dataset.broken}`;
    asof.append(alarm);
  } else {
    asof.querySelector('[role="alert"]')?.remove();
  }
}

async function refresh() {
  try {
    const address = new URL(location.href);
    address.searchParams.set("live", "1");
    address.hash = "";
    const answer = await fetch(address, { headers: { Accept: "text/html" }, signal: AbortSignal.timeout(5000) });
    if (answer.redirected) return location.reload();
    if (!answer.ok) throw new Error(String(answer.status));
    // The reader may have moved the buttons, by the size of the window or of a field.
    placeButtons();
    for (const one of placed.values()) one.at = -Infinity;
    replace(new DOMParser().parseFromString(await answer.text(), "text/html"));
    placeButtons();
    setBroken(false);
  } catch {
    setBroken(true);
  }
  setTimeout(refresh, every);
}

/** Sends each form once: a second press before the answer changes nothing. Parts come and go, so the document listens. */
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.method !== "post") return;
  if (form.dataset.sent) return event.preventDefault();
  form.dataset.sent = "1";
  for (const button of form.querySelectorAll("button")) button.setAttribute("aria-disabled", "true");
});

/** The page comes back from the browser's memory as it was left: its forms can be sent again. */
window.addEventListener("pageshow", () => {
  for (const form of document.forms) {
    delete form.dataset.sent;
    for (const button of form.querySelectorAll("[aria-disabled]")) button.removeAttribute("aria-disabled");
  }
});

/** Adds an empty row for a ticket type below the last one, with the next number. */
function addRow(place, form) {
  const rows = form.querySelectorAll("fieldset[data-row]");
  const last = rows[rows.length - 1];
  const [before, number] = [rows.length, rows.length + 1];
  const row = last.cloneNode(true);
  row.dataset.row = number;
  row.querySelector("legend").textContent = place.dataset.add.replace("{number}", number);
  for (const mistake of row.querySelectorAll(".mistake")) mistake.remove();
  for (const element of row.querySelectorAll("*")) {
    for (const name of ["id", "name", "for"]) {
      const value = element.getAttribute(name);
      if (value) element.setAttribute(name, value.replace(`type-${before}-`, `type-${number}-`));
    }
  }
  for (const input of row.querySelectorAll("input")) {
    input.setAttribute("value", "");
    input.value = "";
    for (const name of ["aria-invalid", "aria-describedby", "required"]) input.removeAttribute(name);
    if (row.querySelector(`#h-${input.name}`)) input.setAttribute("aria-describedby", `h-${input.name}`);
  }
  last.after(row);
  form.elements.rows.value = number;
  place.hidden = number >= Number(place.dataset.most);
  row.querySelector("input").focus();
}

/** Without a script a button asks for more rows. */
function growHere(place) {
  const form = place.closest("form");
  form.querySelector("[data-grow]")?.remove();
  place.hidden = form.querySelectorAll("fieldset[data-row]").length >= Number(place.dataset.most);
  place.querySelector("button").addEventListener("click", () => addRow(place, form));
}

for (const place of document.querySelectorAll("[data-add]")) growHere(place);
localizeTimes(document);
if (asof) setTimeout(refresh, every);
