// What the pages do beyond their forms. Everything works without it.

/** Shows moments in the reader's own time zone. The server writes UTC. */
function localizeTimes() {
  const form = new Intl.DateTimeFormat(document.documentElement.lang, {
    dateStyle: "long", timeStyle: "short" });
  const zone = new Intl.DateTimeFormat(document.documentElement.lang, { timeZoneName: "short", hour: "numeric" });
  for (const element of document.querySelectorAll("time[datetime]")) {
    const moment = new Date(element.dateTime);
    if (Number.isNaN(moment.getTime())) continue;
    const name = zone.formatToParts(moment).find((part) => part.type === "timeZoneName");
    element.textContent = form.format(moment) + (name ? ` ${name.value}` : "");
  }
}

localizeTimes();
