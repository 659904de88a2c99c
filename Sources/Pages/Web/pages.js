// What the pages do beyond their forms. Everything works without it.

const language = document.documentElement.lang;
const number = new Intl.NumberFormat(language);

/** Shows moments in the reader's own time zone. The server writes UTC, or the zone of an event, which stays. */
function localizeTimes(root) {
  const form = new Intl.DateTimeFormat(language, { dateStyle: "long", timeStyle: "short" });
  const time = new Intl.DateTimeFormat(language, { timeStyle: "medium" });
  const zone = new Intl.DateTimeFormat(language, { timeZoneName: "short", hour: "numeric" });
  for (const element of root.querySelectorAll("time[datetime]:not([data-zoned])")) {
    const moment = new Date(element.dateTime);
    if (Number.isNaN(moment.getTime())) continue;
    const name = zone.formatToParts(moment).find((part) => part.type === "timeZoneName");
    element.textContent = element.dataset.form === "time" ? time.format(moment)
      : form.format(moment) + (name ? ` ${name.value}` : "");
  }
}

/** `template` with its `{name}`s filled. */
function filled(template, values) {
  return template.replace(/\{(\w+)\}/g, (_, name) => values[name]);
}

/** Milliseconds as "2 h 3 min 4 s", from the largest unit that counts. */
function duration(milliseconds, units) {
  const [days, hours, minutes, seconds] = units.split(" ");
  const rest = Math.max(0, Math.ceil(milliseconds / 1000));
  const parts = [[Math.floor(rest / 86400), days], [Math.floor(rest / 3600) % 24, hours],
    [Math.floor(rest / 60) % 60, minutes], [rest % 60, seconds]];
  const first = Math.min(parts.findIndex(([value]) => value > 0) + 4, 7) % 4;
  return parts.slice(rest === 0 ? 3 : first).map(([value, unit]) => `${value}\u00a0${unit}`).join(" ");
}

/** An amount in minor units, which have `decimals` digits. Browsers know other digits for some currencies. */
function money(minor, currency, decimals) {
  return new Intl.NumberFormat(language, {
    style: "currency", currency, minimumFractionDigits: decimals, maximumFractionDigits: decimals,
  }).format(minor / 10 ** decimals);
}

/** Sends a form once: a second press before the answer changes nothing. */
function sendOnce(form) {
  form.addEventListener("submit", (event) => {
    if (form.dataset.sent) return event.preventDefault();
    form.dataset.sent = "1";
    for (const button of form.querySelectorAll("button:not([type])")) button.setAttribute("aria-disabled", "true");
  });
}

/** A form that opens a tab can be sent again. This page waits for what comes of it there. */
function payApart(form) {
  form.addEventListener("submit", () => setTimeout(() => location.replace(form.dataset.apart), 1000));
}

/** The page comes back from the browser's memory as it was left: its forms can be sent again. */
window.addEventListener("pageshow", () => {
  for (const form of document.forms) {
    delete form.dataset.sent;
    for (const button of form.querySelectorAll("[aria-disabled]")) button.removeAttribute("aria-disabled");
  }
});

// MARK: A sale

/** Follows what is left: by a stream of events, and by asking now and then where there is none. */
class Sale {
  constructor(form) {
    this.form = form;
    this.status = document.getElementById("status");
    this.lines = [...form.querySelectorAll("[data-type]")];
    this.restore();
    for (const line of this.lines) this.addButtons(line);
    form.addEventListener("input", () => this.sum());
    this.sum();
    this.follow();
  }

  get path() { return `/v1/events/${encodeURIComponent(this.form.dataset.event)}/availability`; }

  follow() {
    const source = new EventSource(`${this.path}/stream`);
    for (const kind of ["snapshot", "change"]) {
      source.addEventListener(kind, (event) => this.show(JSON.parse(event.data)));
    }
    source.addEventListener("open", () => this.hear());
    source.addEventListener("error", () => {
      if (source.readyState === EventSource.CLOSED) this.poll();
      else this.lose();
    });
  }

  async poll() {
    try {
      const answer = await fetch(this.path, { signal: AbortSignal.timeout(10000) });
      if (!answer.ok) throw new Error(answer.status);
      this.show(await answer.json());
    } catch {
      this.lose();
    }
    setTimeout(() => this.poll(), 3000 + Math.random() * 4000);
  }

  hear() {
    clearTimeout(this.losing);
    this.losing = this.lostAt = undefined;
    if (this.isLost) this.status.textContent = "";
    this.isLost = false;
  }

  /** Says since when the numbers may be wrong, if nothing is heard for five seconds. */
  lose() {
    this.lostAt ??= Date.now();
    this.losing ??= setTimeout(() => {
      this.isLost = true;
      const time = new Intl.DateTimeFormat(language, { timeStyle: "medium" }).format(this.lostAt);
      this.status.textContent = filled(this.form.dataset.stale, { time });
    }, 5000);
  }

  show(left) {
    this.hear();
    if (left.state !== this.form.dataset.state) return this.reload();
    const changed = [];
    for (const type of left.types) {
      const line = this.lines.find((one) => one.dataset.type === type.type);
      if (!line) return this.reload();
      const state = line.querySelector(".state");
      const label = state.querySelector("[data-label]");
      if (!state.classList.contains(type.state)) {
        state.className = `state ${type.state}`;
        label.textContent = this.form.dataset[type.state];
        changed.push(`${line.querySelector(".name").textContent}: ${label.textContent}`);
      }
      const sells = type.state === "available" || type.state === "low";
      const count = sells && type.free !== undefined
        ? ` · ${filled(this.form.dataset.left, { left: number.format(type.free) })}` : "";
      const shown = state.querySelector("[data-left]");
      if (shown.textContent !== count) shown.textContent = count;
      const pick = line.querySelector(".pick");
      if (!pick) continue;
      const input = pick.querySelector("input");
      if (input.disabled === sells) {
        input.disabled = !sells;
        pick.hidden = !sells;
        this.sum();
      }
    }
    if (changed.length) this.status.textContent = changed.join(". ");
  }

  addButtons(line) {
    const input = line.querySelector("input");
    if (!input) return;
    const name = line.querySelector(".name").textContent;
    for (const [step, sign, words] of [[-1, "−", this.form.dataset.less], [1, "+", this.form.dataset.more]]) {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = sign;
      button.setAttribute("aria-label", words + name);
      button.addEventListener("click", () => {
        input.value = Math.min(Number(input.max), Math.max(0, (Number(input.value) || 0) + step));
        this.sum();
      });
      if (step < 0) input.before(button);
      else input.after(button);
    }
  }

  sum() {
    const total = document.getElementById("total");
    if (!total) return;
    let sum = 0;
    for (const line of this.lines) {
      const input = line.querySelector("input");
      if (input && !input.disabled) sum += Math.max(0, Math.floor(Number(input.value) || 0)) * Number(line.dataset.price);
    }
    total.hidden = false;
    total.querySelector("output").textContent = money(
      sum, this.form.dataset.currency, Number(this.form.dataset.decimals));
  }

  /** Loads the page anew, since the sale as a whole has changed, and keeps what was written. */
  reload() {
    if (this.isReloading) return;
    this.isReloading = true;
    const kept = {};
    for (const input of this.fields) kept[input.name] = input.value;
    // A page that shows no fields, because of a pause, leaves what an earlier one kept.
    if (this.fields.length) {
      try { sessionStorage.setItem(`sale:${this.form.dataset.event}`, JSON.stringify(kept)); } catch { /* not kept */ }
    }
    setTimeout(() => location.replace(`/events/${this.form.dataset.event}`), 200);
  }

  /** What can be written into. */
  get fields() { return [...this.form.querySelectorAll("input:not([type=hidden])")]; }

  restore() {
    if (!this.fields.length) return;
    try {
      const key = `sale:${this.form.dataset.event}`;
      const kept = JSON.parse(sessionStorage.getItem(key) || "{}");
      sessionStorage.removeItem(key);
      for (const [name, value] of Object.entries(kept)) {
        const input = this.form.elements.namedItem(name);
        if (input) input.value = value;
      }
    } catch { /* nothing was kept */ }
  }
}

/** Counts down to the opening, by the server's clock. */
function countToOpening(element) {
  const end = performance.now() + Number(element.dataset.opensIn);
  element.hidden = false;
  const tick = () => {
    const left = end - performance.now();
    element.textContent = filled(element.dataset.text, { time: duration(left, element.dataset.units) });
    if (left > 0 && element.isConnected) setTimeout(tick, 1000 - (performance.now() % 1000));
  };
  tick();
}

// MARK: A hold

/** Asks again and again. A payment that was just made at the shop arrives soon, so at first its page asks more often. */
function askAgain(ask) {
  const isSoon = document.querySelector("[data-awaits]") && performance.now() < 120000;
  setTimeout(async () => {
    await ask();
    askAgain(ask);
  }, (isSoon ? 2000 : 10000) + Math.random() * 2000);
}

/** Whether the event was cancelled and its holds with it, or nothing of the hold is shown any more: the page says so. */
function isGone(answer) {
  return answer.status === 410 || answer.status === 404;
}

/** Counts down a hold by the server's clock, and follows what becomes of it elsewhere. */
class HoldClock {
  constructor(element) {
    this.element = element;
    // The query says that the buyer comes from paying.
    this.path = `/holds/${element.dataset.hold}`;
    this.page = this.path + location.search;
    this.status = document.getElementById("status");
    this.title = document.title;
    this.shown = element.querySelector("strong");
    this.shown.hidden = false;
    this.set(Number(element.dataset.leftMs));
    this.said = this.left;
    this.tick();
    askAgain(() => this.ask());
    window.addEventListener("pageshow", (event) => { if (event.persisted) this.ask(); });
    document.addEventListener("visibilitychange", () => { if (!document.hidden) this.ask(); });
    window.addEventListener("online", () => this.ask());
  }

  /** Both clocks are kept: one of them stands still while a machine sleeps, the other one may be set. */
  set(left) {
    this.end = performance.now() + left;
    this.endOfDay = Date.now() + left;
  }

  get left() { return Math.max(0, this.end - performance.now()); }

  tick() {
    if (Math.abs(this.endOfDay - Date.now() - (this.end - performance.now())) > 2000) {
      this.set(this.left);
      this.ask();
    }
    const left = this.left;
    const seconds = Math.ceil(left / 1000);
    const text = `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
    this.shown.textContent = text;
    document.title = `${text} – ${this.title}`;
    this.element.classList.toggle("soon", left <= 60000);
    this.say(left);
    if (left <= 0) return this.finish();
    setTimeout(() => this.tick(), left % 1000 || 1000);
  }

  /** In words at five minutes, one minute and the end. */
  say(left) {
    for (const minutes of [5, 1]) {
      const mark = minutes * 60000;
      if (this.said > mark && left <= mark) {
        this.status.textContent = minutes === 1 ? this.element.dataset.minute
          : filled(this.element.dataset.minutes, { n: minutes });
      }
    }
    this.said = left;
  }

  finish() {
    if (this.isOver) return;
    this.isOver = true;
    this.status.textContent = this.element.dataset.over;
    location.replace(this.page);
  }

  async ask() {
    if (this.isOver) return;
    try {
      const answer = await fetch(this.path, {
        headers: { accept: "application/json" }, signal: AbortSignal.timeout(10000) });
      if (isGone(answer)) return location.replace(this.page);
      if (!answer.ok) return;
      const hold = await answer.json();
      if (hold.state !== "held") return location.replace(this.page);
      // Extended in another tab.
      if (hold.expires_in_ms > this.left + 5000) return location.replace(this.path);
      this.set(hold.expires_in_ms);
    } catch { /* The clock goes on by itself. */ }
  }
}

/** A hold is over, but its payment may be under way elsewhere: shows what came of it when that is known. */
function watchForPurchase(hold) {
  const ask = async () => {
    if (document.hidden) return;
    try {
      const answer = await fetch(`/holds/${hold}`, {
        headers: { accept: "application/json" }, signal: AbortSignal.timeout(10000) });
      if (isGone(answer)) return location.replace(`/holds/${hold}`);
      if (!answer.ok) return;
      const { state, refund_owed: isOwed, paid_back: isPaidBack } = await answer.json();
      if (state === "purchased" || state === "returned" || isOwed || isPaidBack) location.replace(`/holds/${hold}`);
    } catch { /* It asks again. */ }
  };
  askAgain(ask);
  document.addEventListener("visibilitychange", ask);
}

// MARK: A purchase

/** A kept link has the code behind its #, where no server sees it. Other links of the page have something else there. */
function openByLink(form) {
  const code = location.hash.slice(1);
  if (!/^[\w-]{32}$/.test(code)) return;
  history.replaceState(null, "", location.pathname);
  form.elements.code.value = code;
  form.requestSubmit();
}

// MARK: An embedding

/**
 * Says how high the page is, and what became of a hold, to the page around it once that has asked. Browsers let only pages
 * around it that may embed it (`frame-ancestors`).
 */
function answerEmbedding() {
  if (window.parent === window) return;
  const { step, hold, event: sale } = document.getElementById("content").dataset;
  window.addEventListener("message", (event) => {
    if (event.source !== window.parent || event.data !== "holdfast:hello") return;
    const say = (words) => window.parent.postMessage({ from: "holdfast", ...words }, event.origin);
    new ResizeObserver(() => say({ height: document.body.offsetHeight })).observe(document.body);
    if (step) say({ step, hold, event: sale });
  });
}

/** What every part of a page gets, also one that another script brings in later. */
function equip(root) {
  localizeTimes(root);
  for (const element of root.querySelectorAll("[data-scripted]")) element.hidden = false;
  for (const form of root.querySelectorAll("form[method=post]")) form.dataset.apart ? payApart(form) : sendOnce(form);
  for (const element of root.querySelectorAll("[data-opens-in]")) countToOpening(element);
}

answerEmbedding();
equip(document);
document.addEventListener("holdfast:shown", (event) => equip(event.detail));
const sale = document.getElementById("sale");
if (sale) new Sale(sale);
const clock = document.getElementById("clock");
if (clock) new HoldClock(clock);
for (const element of document.querySelectorAll("[data-watched]")) watchForPurchase(element.dataset.watched);
for (const form of document.querySelectorAll("form[data-code]")) openByLink(form);
for (const button of document.querySelectorAll("[data-print]")) {
  button.hidden = false;
  button.addEventListener("click", () => window.print());
}
document.getElementById("notice")?.focus();
