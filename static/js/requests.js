// Live requests: rows come over a websocket while it is open, else the page asks again every few seconds.
const MOST_ROWS = 200;
const POLL_MS = 4000;
const RETRY_MS = [1000, 2000, 5000, 10000, 30000];
const GONE = 4404;
const panel = document.getElementById("requests");

class Live {
  constructor(where) {
    this.panel = where;
    this.body = where.querySelector("#rows");
    this.button = where.querySelector("[data-live]");
    this.word = this.button.querySelector("[data-word]");
    this.state = where.querySelector("[data-live-status]");
    this.droppedTag = where.querySelector("[data-dropped]");
    this.paused = false;
    this.missed = 0;
    this.dropped = 0;
    this.tries = 0;
    this.button.hidden = false;
    this.state.hidden = false;
    this.button.addEventListener("click", () => this.setPaused(!this.paused));
    this.open();
  }

  open() {
    this.say("info", "Connecting");
    const url = new URL(this.panel.dataset.socket, location.href);
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
      this.say(this.paused ? "none" : "good", this.paused ? "Paused" : "Live");
      if (!this.paused) this.refresh(); // what ended between the page and the socket
      return;
    }
    if (this.paused) {
      this.missed += message.count + message.dropped;
      this.say("none", `Paused, ${this.missed} new`);
      return;
    }
    this.addDropped(message.dropped);
    this.add(message.html);
  }

  add(html) {
    // The server has escaped every value: these are the same rows that the page was drawn with.
    const held = document.createElement("template");
    held.innerHTML = html;
    const rows = [...held.content.querySelectorAll("tr")].filter((row) => !document.getElementById(row.id));
    for (const row of rows) row.classList.add("fresh");
    this.body.prepend(...rows);
    while (this.body.rows.length > MOST_ROWS) this.body.rows[this.body.rows.length - 1].remove();
    this.show();
  }

  addDropped(count) {
    this.dropped += count;
    this.droppedTag.hidden = !this.dropped;
    this.droppedTag.textContent = `${this.dropped} not shown: more came than can be read`;
  }

  show() {
    const has = this.body.rows.length > 0;
    this.panel.querySelector("[data-requests]").hidden = !has;
    this.panel.querySelector("[data-empty]").hidden = has;
  }

  async refresh() {
    let answer;
    try {
      answer = await fetch(this.panel.dataset.page, { credentials: "same-origin" });
    } catch {
      return;
    }
    if (!answer.ok || answer.redirected || this.paused) return;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const fresh = page.getElementById("rows");
    if (!fresh) return;
    this.body.replaceChildren(...fresh.rows);
    this.show();
  }

  closed(code) {
    if (code === GONE) {
      this.say("bad", "You may not see these requests any more");
      return;
    }
    this.say("warn", this.paused ? "Paused" : "Every few seconds");
    if (!this.polling) this.polling = setInterval(() => { if (!this.paused) this.refresh(); }, POLL_MS);
    setTimeout(() => this.open(), RETRY_MS[Math.min(this.tries, RETRY_MS.length - 1)]);
    this.tries += 1;
  }

  setPaused(paused) {
    this.paused = paused;
    this.word.textContent = paused ? "Resume" : "Pause";
    this.button.setAttribute("aria-pressed", String(paused));
    if (paused) {
      this.say("none", "Paused");
      return;
    }
    this.missed = 0;
    this.say(this.socket.readyState === WebSocket.OPEN ? "good" : "warn", this.socket.readyState === WebSocket.OPEN ? "Live" : "Every few seconds");
    this.refresh();
  }

  say(tone, text) {
    if (this.state.textContent === text) return;
    this.state.className = `status ${tone}`;
    this.state.textContent = text;
  }
}

if (panel?.dataset.socket) new Live(panel);
