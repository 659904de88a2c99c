// Keeps the operators' pages fresh. Everything works without it, by reloading.

const every = 1000;
const asof = document.querySelector("[data-asof]");

/** Shows moments in the reader's own time zone. The server writes UTC. */
function localizeTimes(root) {
  const form = new Intl.DateTimeFormat(document.documentElement.lang, { dateStyle: "medium", timeStyle: "medium" });
  for (const element of root.querySelectorAll("time[datetime]")) {
    const moment = new Date(element.dateTime);
    if (!Number.isNaN(moment.getTime())) element.textContent = form.format(moment);
  }
}

/** Replaces what changes by itself with what the page says now; what has the focus stays. */
function replace(fresh) {
  for (const part of document.querySelectorAll("[data-live]")) {
    const next = fresh.querySelector(`[data-live="${part.dataset.live}"]`);
    if (!next || part.contains(document.activeElement)) continue;
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

localizeTimes(document);
if (asof) setTimeout(refresh, every);
