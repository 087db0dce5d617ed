// A collection's page: files are sent with their progress, and the table follows how far documents are.
import { Loader, openDrop } from "./upload.js";

const POLL_MS = 3000;
const RETRY_MS = [1000, 2000, 5000, 10000, 30000];
const GONE = 4404;
const GONE_AFTER_MS = 4000;

class Live {
  constructor(where) {
    this.where = where;
    this.state = document.querySelector("[data-live-status]");
    this.state.hidden = false;
    this.tries = 0;
    this.open();
  }

  open() {
    const url = new URL(this.where.dataset.socket, location.href);
    url.protocol = location.protocol === "https:" ? "wss:" : "ws:";
    this.socket = new WebSocket(url);
    this.socket.addEventListener("message", (event) => this.take(JSON.parse(event.data)));
    this.socket.addEventListener("close", (event) => this.closed(event.code));
  }

  take(message) {
    if (message.kind === "ready") {
      this.tries = 0;
      clearInterval(this.polling);
      this.polling = 0;
      this.say("good", "Live");
    } else {
      // The server has escaped every value: this is the piece that the page was drawn with.
      const held = document.createElement("template");
      held.innerHTML = message.html;
      this.show(held.content);
    }
  }

  // Rows that are the same stay, so that what somebody is about to press does not move away under the hand.
  show(fresh) {
    if (outline(this.where) === outline(fresh)) {
      const next = [...fresh.children];
      for (const [at, part] of [...this.where.children].entries()) {
        if (part.matches("table")) this.merge(part.tBodies[0], next[at].tBodies[0]);
        else if (plain(part) !== plain(next[at])) part.replaceWith(next[at]);
      }
    } else this.where.replaceChildren(...fresh.childNodes);
    globalThis.htmx?.process(this.where);
  }

  merge(old, next) {
    const known = new Map([...old.rows].map((row) => [row.id, row]));
    const rows = [...next.rows].map((row) => {
      const before = known.get(row.id);
      if (before && plain(before) === plain(row)) return before;
      const focused = before?.contains(document.activeElement) && document.activeElement.getAttribute("aria-label");
      if (focused) queueMicrotask(() => row.querySelector(`[aria-label="${CSS.escape(focused)}"]`)?.focus());
      return row;
    });
    if (rows.length !== old.rows.length || rows.some((row, at) => old.rows[at] !== row)) old.replaceChildren(...rows);
  }

  async refresh() {
    let answer;
    try {
      answer = await fetch(location.href, { credentials: "same-origin" });
    } catch {
      return;
    }
    if (!answer.ok || answer.redirected) return;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const fresh = page.getElementById("documents");
    if (fresh) this.show(fresh);
  }

  closed(code) {
    if (code === GONE) {
      this.say("bad", "You may not see these documents any more");
      return;
    }
    this.say("warn", "Every few seconds");
    if (!this.polling) this.polling = setInterval(() => this.refresh(), POLL_MS);
    setTimeout(() => this.open(), RETRY_MS[Math.min(this.tries, RETRY_MS.length - 1)]);
    this.tries += 1;
  }

  say(tone, text) {
    if (this.state.textContent === text) return;
    this.state.className = `status ${tone}`;
    this.state.textContent = text;
  }
}

function outline(root) {
  return [...root.children].map((part) => `${part.tagName} ${part.className}`).join();
}

function plain(element) {
  return element.textContent.replace(/\s+/g, " ") + element.querySelectorAll("rect, button, a").length;
}

function sum(loader) {
  const { taken, same, failed } = loader.counts;
  const parts = [];
  if (loader.left) parts.push(`${loader.left} on the way`);
  if (taken) parts.push(`${taken} taken in`);
  if (same) parts.push(`${same} here already`);
  if (failed) parts.push(`${failed} not taken in`);
  return parts.length ? `${parts.join(", ")}.` : "";
}

const form = document.getElementById("loader");
if (form) {
  const summary = form.querySelector("[data-summary]");
  form.querySelector("[data-plain]").hidden = true;
  const loader = new Loader(form.querySelector("[data-files]"), {
    where: () => form.dataset.upload,
    csrf: form.dataset.csrf,
    most: Number(form.dataset.most),
    onTaken: (_told, line) => setTimeout(() => line.element.remove(), GONE_AFTER_MS), // it is in the table now
    onChange: () => { summary.textContent = sum(loader); },
  });
  openDrop(form.querySelector("[data-drop]"), (files) => loader.add(files));
  addEventListener("beforeunload", (event) => { if (loader.left) event.preventDefault(); });
}

const documents = document.getElementById("documents");
if (documents) new Live(documents);
