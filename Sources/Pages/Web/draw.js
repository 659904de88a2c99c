// Checks a published draw, and a receipt, in the browser: with Web Crypto, and with what the service published for everybody.

const number = new Intl.NumberFormat(document.documentElement.lang);
const hex = (bytes) => [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
const bytesOf = (digits) => Uint8Array.from(digits.match(/../g) ?? [], (pair) => parseInt(pair, 16));
const sha256 = async (bytes) => new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));

function joined(...parts) {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** A number as eight bytes, the highest first. */
function eight(value) {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(value));
  return bytes;
}

/** A text in UTF-8, behind its length. */
function framed(text) {
  const bytes = new TextEncoder().encode(text);
  return joined(eight(bytes.length), bytes);
}

/** Whether one digest comes before another in the order of the draw. */
function isBefore(left, right) {
  for (let index = 0; index < left.length; index += 1) {
    if (left[index] !== right[index]) return left[index] < right[index];
  }
  return false;
}

/** Where a number stands, from 0: all numbers are drawn once more. */
async function positionOf(drawn, count, seed, progress) {
  const mine = await sha256(joined(seed, eight(drawn)));
  let before = 0;
  for (let first = 0; first < count; first += 1000) {
    const digests = await Promise.all(Array.from(
      { length: Math.min(1000, count - first) }, (_, index) => sha256(joined(seed, eight(first + index)))));
    before += digests.filter((digest) => isBefore(digest, mine)).length;
    progress.value = 100 * first / count;
  }
  return before;
}

/** `EVENT NUMBER TIME COMMITMENT SIGNATURE`; `undefined` if it cannot be read. */
function readReceipt(line) {
  const parts = line.trim().split(/\s+/);
  const [event, entry, , commitment, signature] = parts;
  if (parts.length !== 5 || !/^\d{1,10}$/.test(entry) || !/^[0-9a-f]{64}$/i.test(commitment)
    || !/^[0-9a-f]{128}$/i.test(signature)) return undefined;
  return { event, commitment: commitment.toLowerCase(), signature, entry: Number(entry), signed: parts.slice(0, 4).join(" ") };
}

/** Whether one of the keys signed the receipt; `undefined` in a browser that does not know Ed25519. */
async function isSigned(receipt, keys) {
  try {
    for (const digits of keys) {
      const key = await crypto.subtle.importKey("raw", bytesOf(digits), { name: "Ed25519" }, false, ["verify"]);
      const signed = new TextEncoder().encode(receipt.signed);
      if (await crypto.subtle.verify({ name: "Ed25519" }, key, bytesOf(receipt.signature), signed)) return true;
    }
    return false;
  } catch {
    return undefined;
  }
}

class Check {
  constructor(form) {
    this.form = form;
    this.texts = form.dataset;
    this.list = document.getElementById("checks");
    this.verdict = document.getElementById("verdict");
    this.progress = document.getElementById("progress");
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.run();
    });
  }

  /** Adds a line; `isGood` is `undefined` for what was not decided. */
  say(isGood, text) {
    const line = document.createElement("li");
    line.className = isGood === undefined ? "open" : isGood ? "good" : "bad";
    line.textContent = text;
    this.list.append(line);
    this.isGood &&= isGood !== false;
  }

  async run() {
    if (this.isRunning) return;
    this.isRunning = true;
    this.list.replaceChildren();
    this.verdict.textContent = "";
    this.isGood = true;
    try {
      if (!globalThis.crypto?.subtle) {
        this.verdict.textContent = this.texts.cannot;
        return;
      }
      const answer = await fetch(`/v1/events/${encodeURIComponent(this.texts.event)}/queue`);
      if (!answer.ok) throw new Error(answer.status);
      await this.compare(await answer.json());
      this.verdict.textContent = this.isGood ? this.texts.good : this.texts.bad;
    } catch {
      this.verdict.textContent = this.texts.lost;
    } finally {
      this.progress.hidden = true;
      this.isRunning = false;
    }
  }

  async compare(told) {
    const { secret, commitment, count, beacon, seed } = told.draw;
    const isSecret = hex(await sha256(bytesOf(secret))) === commitment;
    this.say(isSecret, isSecret ? this.texts.secretGood : this.texts.secretBad);
    const own = await sha256(joined(bytesOf(secret), eight(count), framed(told.event), framed(beacon ?? "")));
    // A value has one spelling: else whoever gave it could have chosen among draws.
    const isSeed = hex(own) === seed && /^[a-z0-9]+$/.test(beacon ?? "none");
    this.say(isSeed, isSeed ? this.texts.seedGood : this.texts.seedBad);
    const line = document.getElementById("line").value;
    if (isSeed && line.trim()) await this.compareReceipt(line, told, own);
  }

  async compareReceipt(line, told, seed) {
    const receipt = readReceipt(line);
    if (!receipt) return this.say(false, this.texts.unreadable);
    if (receipt.event !== told.event || receipt.commitment !== told.draw.commitment) return this.say(false, this.texts.foreign);
    const signed = await isSigned(receipt, told.receipt_keys);
    this.say(signed, signed === undefined ? this.texts.unsigned : signed ? this.texts.signed : this.texts.forged);
    const shown = receipt.entry;
    const isDrawn = shown < told.draw.count;
    this.progress.hidden = !isDrawn;
    const position = isDrawn ? await positionOf(shown, told.draw.count, seed, this.progress) : shown;
    // The service says where the reader's own entry stands: it must be there.
    const isOwn = this.texts.position !== undefined && String(shown) === this.texts.number;
    if (isOwn && Number(this.texts.position) !== position) return this.say(false, this.texts.positionBad);
    this.say(true, (isDrawn ? this.texts.positionGood : this.texts.late).replace("{position}", number.format(position + 1)));
  }
}

const form = document.getElementById("check");
if (form) new Check(form);
