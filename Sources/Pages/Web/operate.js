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
    const answer = await fetch(location.href, { headers: { Accept: "text/html" }, signal: AbortSignal.timeout(5000) });
    if (answer.redirected) return location.reload();
    if (!answer.ok) throw new Error(String(answer.status));
    replace(new DOMParser().parseFromString(await answer.text(), "text/html"));
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

localizeTimes(document);
if (asof) setTimeout(refresh, every);
