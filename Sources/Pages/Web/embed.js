// Embeds a sale of this box office into a page of another origin, which must be one of its pages.embed_origins:
//
//   <script type="module" src="https://tickets.example/embed.js"></script>
//   <holdfast-sale event="main" lang="en"></holdfast-sale>
//
// The element is as high as what it shows. It emits holdfast:held, holdfast:released, holdfast:expired and
// holdfast:purchased, with the event's and the hold's name in `detail`; they bubble. This page never gets a hold's secret.

const origin = new URL(import.meta.url).origin;
const steps = ["held", "released", "expired", "purchased"];

class HoldfastSale extends HTMLElement {
  static observedAttributes = ["event", "lang"];

  constructor() {
    super();
    this.listen = (event) => this.hear(event);
  }

  connectedCallback() {
    window.addEventListener("message", this.listen);
    this.show();
  }

  disconnectedCallback() {
    window.removeEventListener("message", this.listen);
    this.frame?.remove();
    this.frame = undefined;
  }

  attributeChangedCallback() {
    if (this.frame) this.show();
  }

  show() {
    this.frame?.remove();
    this.last = undefined;
    const frame = document.createElement("iframe");
    const language = this.getAttribute("lang");
    frame.title = this.title || "Tickets";
    frame.src = `${origin}/events/${encodeURIComponent(this.getAttribute("event") ?? "main")}`
      + (language ? `?lang=${encodeURIComponent(language)}` : "");
    frame.style.cssText = "display: block; width: 100%; height: 30rem; border: 0";
    // The page in the frame answers every page around it that asks.
    frame.addEventListener("load", () => frame.contentWindow.postMessage("holdfast:hello", origin));
    this.frame = frame;
    this.append(frame);
  }

  hear({ source, origin: from, data }) {
    if (!this.frame || source !== this.frame.contentWindow || from !== origin || data?.from !== "holdfast") return;
    if (Number.isFinite(data.height)) this.frame.style.height = `${Math.min(Math.max(data.height, 0), 100000)}px`;
    if (!steps.includes(data.step)) return;
    const detail = { event: String(data.event), hold: String(data.hold) };
    const now = `${data.step} ${detail.hold}`;
    // Each page of a hold says so: one event for each step is enough.
    if (now === this.last) return;
    this.last = now;
    if (this.getBoundingClientRect().top < 0) this.scrollIntoView();
    this.dispatchEvent(new CustomEvent(`holdfast:${data.step}`, { bubbles: true, detail }));
  }
}

customElements.define("holdfast-sale", HoldfastSale);
