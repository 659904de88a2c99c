// What the pages of a queue do beyond their forms. Everything works without it: a page without scripts loads itself anew.

const language = document.documentElement.lang;
const number = new Intl.NumberFormat(language);

/** `template` with its `{name}`s filled. */
function filled(template, values) {
  return template.replace(/\{(\w+)\}/g, (_, name) => values[name]);
}

/** Minutes and seconds, as 2:05. */
function clockText(milliseconds) {
  const seconds = Math.max(0, Math.ceil(milliseconds / 1000));
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
}

/** Shows in the reader's own form what a script has brought into the page (pages.js). */
function announce(part) {
  document.dispatchEvent(new CustomEvent("holdfast:shown", { detail: part }));
}

// MARK: Sound

/** The sound for the turn. Browsers let a page make one only after its reader has pressed something on it. */
class Bell {
  constructor(place) {
    this.place = place;
    this.box = place.querySelector("#sound");
    this.silent = place.querySelector("#silent");
    try { this.box.checked = localStorage.getItem("holdfast:sound") === "on"; } catch { /* not remembered */ }
    this.box.addEventListener("change", () => this.choose());
    for (const kind of ["pointerdown", "keydown"]) addEventListener(kind, () => this.wake(), true);
    if (navigator.userActivation?.hasBeenActive) this.wake();
    this.show();
  }

  /** Who switches it on hears it once. */
  async choose() {
    try { localStorage.setItem("holdfast:sound", this.box.checked ? "on" : "off"); } catch { /* not remembered */ }
    await this.wake();
    this.ring();
  }

  async wake() {
    if (!this.box.checked) return this.show();
    try {
      this.audio ??= new AudioContext();
      await this.audio.resume();
    } catch { /* it stays silent, and says so */ }
    this.show();
  }

  get isOn() { return this.box.checked && this.audio?.state === "running"; }

  show() {
    const text = this.box.checked && !this.isOn ? this.silent.dataset.text : "";
    if (this.silent.textContent !== text) this.silent.textContent = text;
  }

  /** Two short tones; returns when they are over. */
  async ring() {
    if (!this.isOn) return;
    const start = this.audio.currentTime;
    for (const [pitch, from] of [[660, 0], [880, 0.25]]) {
      const tone = this.audio.createOscillator();
      const volume = this.audio.createGain();
      volume.gain.value = 0.3;
      tone.frequency.value = pitch;
      tone.connect(volume).connect(this.audio.destination);
      tone.start(start + from);
      tone.stop(start + from + 0.2);
    }
    await new Promise((done) => setTimeout(done, 500));
  }
}

// MARK: Waiting

/** Asks for the page anew when it is time, and shows what is new in it. What the stream says, it shows at once. */
class Waiting {
  constructor(section) {
    this.section = section;
    // What everybody reads, and what is only said of what the page shows by itself.
    this.status = document.getElementById("status");
    this.said = document.getElementById("said");
    this.place = document.getElementById("bell");
    this.bell = new Bell(this.place);
    this.title = document.title;
    this.failures = 0;
    this.equip();
    this.plan(Number(section.dataset.poll));
    this.listen();
    // A page that slept, or was away, asks at once.
    document.addEventListener("visibilitychange", () => { if (!document.hidden) this.look(); });
    document.addEventListener("resume", () => this.look());
    addEventListener("pageshow", (event) => { if (event.persisted) this.look(); });
    addEventListener("online", () => this.look());
    addEventListener("offline", () => this.lose());
  }

  // MARK: The stream

  listen() {
    const source = new EventSource(`/v1/events/${encodeURIComponent(this.section.dataset.event)}/availability/stream`);
    source.addEventListener("queue", (event) => this.follow(JSON.parse(event.data)));
    for (const kind of ["snapshot", "change"]) {
      source.addEventListener(kind, (event) => this.followSale(JSON.parse(event.data).state));
    }
    source.addEventListener("open", () => { clearTimeout(this.losing); this.losing = undefined; });
    source.addEventListener("error", () => {
      // Without a stream the page asks now and then, and tries again later.
      if (source.readyState === EventSource.CLOSED) setTimeout(() => this.listen(), 30000 + Math.random() * 30000);
      this.losing ??= setTimeout(() => this.look(), 2000 + Math.random() * 3000);
    });
  }

  /** What everybody can read of the queue has changed. */
  follow({ phase, head, joined, odds }) {
    if (this.position !== undefined && this.section.dataset.phase === phase) this.showPlace(head, odds);
    const isNews = phase !== this.section.dataset.phase && phase !== this.news;
    this.news = phase;
    if (isNews) {
      if (phase === "over") this.status.textContent = this.section.dataset.over;
      // Not everybody asks at once: about 3,000 a second.
      this.plan(Math.random() * Math.min(45000, Math.max(1000, joined / 3)));
    }
    // Once: where no turn can begin yet, asking again and again changes nothing.
    const isPassed = this.position !== undefined && this.position <= head;
    if (isPassed && !this.isPassed) this.look();
    this.isPassed = isPassed;
  }

  followSale(state) {
    if (state === this.section.dataset.sale || state === this.saleNews) return;
    this.saleNews = state;
    this.plan(Math.random() * 2000);
  }

  /** The position, counted from 1; `undefined` where the page shows none. */
  get position() {
    const shown = this.section.querySelector("#position");
    return shown ? Number(shown.textContent.replace(/\D/g, "")) : undefined;
  }

  /** Where somebody stands, reckoned from what everybody can read. People ahead never become more. */
  showPlace(head, odds) {
    const ahead = this.section.querySelector("#ahead");
    const shown = Number(ahead.textContent.replace(/\D/g, ""));
    const now = Math.min(shown, Math.max(0, this.position - 1 - head));
    if (now !== shown) ahead.textContent = number.format(now);
    const before = (border) => this.position <= border;
    const word = before(odds.likely_up_to) ? "likely" : before(odds.open_up_to) ? "open"
      : before(odds.unlikely_up_to) ? "unlikely" : "hardly";
    const place = this.section.querySelector("#odds");
    if (!place.classList.contains(word)) {
      place.className = `odds ${word}`;
      place.textContent = this.section.dataset[word];
    }
    this.showTitle();
  }

  // MARK: Looking

  plan(milliseconds) {
    const due = Date.now() + milliseconds;
    if (this.due !== undefined && this.due <= due) return;
    clearTimeout(this.timer);
    this.due = due;
    this.timer = setTimeout(() => this.look(), milliseconds);
  }

  async look() {
    if (this.isAsking) return;
    this.isAsking = true;
    clearTimeout(this.timer);
    clearTimeout(this.losing);
    this.due = this.losing = undefined;
    // After failures ever less often, and not all at the same moment.
    let next = (4000 + Math.random() * 4000) * 2 ** Math.min(3, this.failures);
    try {
      const answer = await fetch(location.pathname, { headers: { Accept: "text/html" }, signal: AbortSignal.timeout(10000) });
      // The event is gone: the page in words says so.
      if (answer.status === 404 || answer.status === 410) return location.reload();
      if (!answer.ok) throw new Error(answer.status);
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      if (page.getElementById("turn")) return await this.enter(answer.url);
      const fresh = page.getElementById("waiting");
      if (!fresh) return location.assign(answer.url);
      this.status.textContent = "";
      this.isLost = false;
      this.failures = 0;
      next = Number(fresh.dataset.poll);
      this.show(fresh);
    } catch {
      this.failures += 1;
      this.lose();
    } finally {
      this.isAsking = false;
    }
    this.plan(next);
  }

  lose() {
    if (this.isLost) return;
    this.isLost = true;
    this.status.textContent = this.section.dataset.lost;
  }

  show(fresh) {
    const focused = document.activeElement?.id;
    for (const part of this.section.querySelectorAll("details[open]")) {
      fresh.querySelector(`#${part.id}`)?.setAttribute("open", "");
    }
    if (fresh.dataset.phase !== this.section.dataset.phase || fresh.dataset.sale !== this.section.dataset.sale) {
      const place = [...fresh.querySelectorAll(".place div")].map((pair) => [...pair.children].map((one) => one.textContent).join(": "));
      this.said.textContent = [fresh.querySelector(".badge").textContent, ...place].join(". ");
    }
    this.section.replaceWith(fresh);
    this.section = fresh;
    this.news = this.saleNews = undefined;
    this.equip();
    announce(fresh);
    if (focused) document.getElementById(focused)?.focus({ preventScroll: true });
  }

  /** The turn has come. */
  async enter(url) {
    document.title = this.section.dataset.turn;
    this.said.textContent = this.section.dataset.turn;
    await this.bell.ring();
    location.assign(url);
  }

  equip() {
    this.place.hidden = this.section.dataset.stays === undefined;
    this.showTitle();
  }

  showTitle() {
    const ahead = this.section.querySelector("#ahead")?.textContent;
    document.title = ahead ? `${filled(this.section.dataset.ahead, { people: ahead })} – ${this.title}` : this.title;
  }
}

// MARK: The turn

/** Whether a turn stands, because the sale is paused. The page loads itself anew when it goes on (pages.js). */
function stands(turn) { return "stands" in turn.dataset; }

/** Shows how long a turn still runs, also in the title, by the server's clock. */
class TurnClock {
  constructor(element) {
    this.element = element;
    this.shown = element.querySelector("strong");
    this.shown.hidden = false;
    this.title = document.title;
    this.status = document.getElementById("turn-status");
    this.set(Number(element.dataset.endsIn));
    this.said = this.left;
    this.tick();
    // A clock may have stood still.
    document.addEventListener("visibilitychange", () => { if (!document.hidden) this.ask(); });
    document.addEventListener("resume", () => this.ask());
    addEventListener("pageshow", (event) => { if (event.persisted) this.ask(); });
    addEventListener("online", () => this.ask());
  }

  set(left) { this.end = performance.now() + left; }

  get left() { return Math.max(0, this.end - performance.now()); }

  tick() {
    clearTimeout(this.timer);
    const left = this.left;
    const text = clockText(left);
    this.shown.textContent = text;
    document.title = `${text} – ${document.hidden ? this.element.dataset.title : this.title}`;
    this.element.classList.toggle("soon", left <= 60000);
    if (this.said > 60000 && left <= 60000) this.status.textContent = this.element.dataset.minute;
    this.said = left;
    if (left <= 0) return this.finish();
    this.timer = setTimeout(() => this.tick(), left % 1000 || 1000);
  }

  /** What was chosen cannot be held any more. */
  finish() {
    this.status.textContent = this.element.dataset.over;
    this.load();
  }

  load() { location.replace(location.pathname.replace(/\/holds$/, "")); }

  async ask() {
    try {
      const answer = await fetch(location.pathname.replace(/\/holds$/, ""), {
        headers: { Accept: "text/html" }, signal: AbortSignal.timeout(10000) });
      if (!answer.ok) return;
      const turn = new DOMParser().parseFromString(await answer.text(), "text/html").getElementById("turn");
      if (!turn) return this.finish();
      // The sale was paused meanwhile.
      if (stands(turn)) return this.load();
      this.set(Number(turn.dataset.endsIn));
      this.tick();
    } catch { /* The clock goes on by itself. */ }
  }
}

const section = document.getElementById("waiting");
if (section) new Waiting(section);
const turn = document.getElementById("turn");
if (turn && !stands(turn)) new TurnClock(turn);
