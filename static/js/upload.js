// Sends files one by one with their progress. Without it the form sends them all at once.
const AT_ONCE = 3;
const TOO_MANY = 429;
const WAIT_S = 10;

function el(tag, className, text) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}

function size(bytes) {
  return bytes < 1048576 ? `${Math.max(1, Math.round(bytes / 1024))} KB` : `${(bytes / 1048576).toFixed(1)} MB`;
}

// The files of a drop, those in folders with their path: [{ file, path }].
export async function dropped(transfer) {
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
  if (!entries.length) return [...transfer.files].map((file) => ({ file, path: file.name }));
  const found = [];
  for (const entry of entries) await walk(entry, "", found);
  return found;
}

async function walk(entry, above, found) {
  if (entry.name.startsWith(".")) return;
  if (entry.isFile) {
    const file = await new Promise((resolve, reject) => { entry.file(resolve, reject); });
    found.push({ file, path: above + entry.name });
    return;
  }
  const reader = entry.createReader();
  for (;;) {
    const some = await new Promise((resolve, reject) => { reader.readEntries(resolve, reject); });
    if (!some.length) return;
    for (const one of some) await walk(one, `${above}${entry.name}/`, found);
  }
}

// A list of files on their way. `where()` gives the address to send to; `onTaken(told, line)` hears what became of each.
export class Loader {
  constructor(list, { where, csrf, most, onTaken = () => {}, onChange = () => {} }) {
    Object.assign(this, { list, where, csrf, most, onTaken, onChange });
    this.waiting = [];
    this.running = 0;
    this.counts = { taken: 0, same: 0, failed: 0 };
  }

  add(files) {
    for (const { file, path } of files) {
      const line = new Line(this, file, path);
      this.list.append(line.element);
      if (file.size > this.most) line.fail(`It is larger than ${size(this.most)}. Split it.`, false);
      else this.waiting.push(line);
    }
    this.next();
  }

  next() {
    while (this.running < AT_ONCE && this.waiting.length) {
      this.running += 1;
      this.waiting.shift().send().finally(() => { this.running -= 1; this.next(); });
    }
    this.onChange();
  }

  get left() {
    return this.waiting.length + this.running;
  }
}

class Line {
  constructor(loader, file, path) {
    Object.assign(this, { loader, file, path });
    this.element = el("li");
    this.state = el("span", "status none", "Waiting");
    this.button = el("button", "button compact", "Cancel");
    this.button.type = "button";
    this.button.setAttribute("aria-label", `Cancel ${path}`);
    this.button.addEventListener("click", () => this.act());
    this.bar = el("progress");
    this.bar.max = 100;
    this.bar.value = 0;
    this.bar.setAttribute("aria-label", `Progress of ${path}`);
    const name = el("span", "name", path);
    name.append(" ", el("span", "soft", size(file.size)));
    this.element.append(name, this.state, this.button, this.bar);
  }

  say(tone, text) {
    this.state.className = `status ${tone}`;
    this.state.textContent = text;
  }

  act() {
    if (this.isOver && this.mayRetry) this.again();
    else if (this.isOver) this.drop();
    else if (this.request) this.request.abort();
    else {
      this.loader.waiting = this.loader.waiting.filter((one) => one !== this);
      this.drop();
    }
  }

  again() {
    this.isOver = false;
    this.why?.remove();
    this.button.textContent = "Cancel";
    this.bar.value = 0;
    this.bar.hidden = false;
    this.say("none", "Waiting");
    this.loader.counts.failed -= 1;
    this.loader.waiting.push(this);
    this.loader.next();
  }

  drop() {
    this.element.remove();
    this.loader.onChange();
  }

  async send() {
    try {
      const address = await this.loader.where();
      for (;;) {
        const reply = await this.post(address);
        if (reply.status !== TOO_MANY) {
          this.take(reply);
          return;
        }
        this.say("warn", "Waiting, as much was sent at once");
        const seconds = Number(reply.getResponseHeader("retry-after")) || WAIT_S;
        await new Promise((resolve) => { setTimeout(resolve, seconds * 1000); });
      }
    } catch (error) {
      if (error.name === "AbortError") this.drop();
      else this.fail(error.message || "The connection broke. Try again.");
    }
  }

  post(address) {
    return new Promise((resolve, reject) => {
      const request = new XMLHttpRequest();
      this.request = request;
      request.open("POST", address);
      request.setRequestHeader("accept", "application/json");
      request.setRequestHeader("x-csrftoken", this.loader.csrf);
      request.upload.addEventListener("progress", (event) => this.show(event));
      request.addEventListener("load", () => resolve(request));
      request.addEventListener("error", () => reject(new Error("The connection broke. Try again.")));
      request.addEventListener("abort", () => reject(Object.assign(new Error("Stopped"), { name: "AbortError" })));
      const form = new FormData();
      form.append("path", this.path);
      form.append("file", this.file);
      this.say("info", "Sending");
      request.send(form);
    });
  }

  show(event) {
    if (!event.lengthComputable) return;
    this.bar.value = (100 * event.loaded) / event.total;
    this.say("info", event.loaded < event.total ? `Sending ${Math.floor(this.bar.value)} %` : "Storing");
  }

  take(reply) {
    this.request = null;
    let told = {};
    try {
      told = JSON.parse(reply.responseText);
    } catch { /* a page instead: the session is over, or the server is not well */ }
    if (reply.status !== 200 || !told.id) {
      const why = told.error?.message || told.error;
      this.fail(why || "It was not taken in. Load the page again, and sign in where it asks.", !why);
      return;
    }
    this.bar.hidden = true;
    this.button.remove();
    if (told.became === "unchanged") {
      this.loader.counts.same += 1;
      this.say("none", "Here already");
    } else {
      this.loader.counts.taken += 1;
      this.say("good", told.became === "replaced" ? "Replaces the one before" : "Taken in");
    }
    this.loader.onTaken(told, this);
  }

  fail(why, mayRetry = true) {
    this.request = null;
    this.isOver = true;
    this.mayRetry = mayRetry;
    this.loader.counts.failed += 1;
    this.say("bad", "Not taken in");
    this.bar.hidden = true;
    this.button.textContent = mayRetry ? "Try again" : "Dismiss";
    this.button.setAttribute("aria-label", mayRetry ? `Try ${this.path} again` : `Dismiss ${this.path}`);
    this.why = el("span", "why", why);
    this.element.append(this.why);
    this.loader.onChange();
  }
}

// Lets a form's field be dropped on, and gives what came to `take`.
export function openDrop(zone, take) {
  const input = zone.querySelector('input[type="file"]');
  zone.classList.add("is-scripted");
  input.addEventListener("change", () => {
    take([...input.files].map((file) => ({ file, path: file.name })));
    input.value = "";
  });
  for (const name of ["dragenter", "dragover"]) {
    zone.addEventListener(name, (event) => { event.preventDefault(); zone.classList.add("is-over"); });
  }
  for (const name of ["dragleave", "drop"]) zone.addEventListener(name, () => zone.classList.remove("is-over"));
  zone.addEventListener("drop", async (event) => {
    event.preventDefault();
    take(await dropped(event.dataTransfer));
  });
}
