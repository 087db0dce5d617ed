// Documents that a question is asked about: loaded into a collection from here, and waited for until they are searched.
import { Loader, openDrop } from "./upload.js";

const NEW = "+";
const POLL_MS = 800;
const GONE = [403, 404];
const WORDS = { queued: "Waiting to be read", parsing: "Reading", chunking: "Cutting", embedding: "Embedding" };

export class AskedDocuments {
  constructor(box, csrf) {
    Object.assign(this, { box, csrf, followed: new Map() });
    this.choice = box.querySelector("#collection");
    this.drop = box.querySelector("#drop");
    this.choice.addEventListener("change", () => this.show());
    if (this.drop) {
      this.loader = new Loader(box.querySelector("#files-list"), {
        where: () => this.address(),
        csrf,
        most: Number(box.dataset.most),
        onTaken: (told, line) => this.follow(told, line),
      });
      openDrop(this.drop, (files) => this.loader.add(files));
    }
    this.show();
  }

  get chosen() {
    return this.choice.selectedOptions[0];
  }

  // What the request says of documents; nothing: as its key is set.
  get wish() {
    return this.choice.value === NEW ? "" : this.choice.value;
  }

  // A collection is wanted that nothing has been sent to yet.
  get isUnmade() {
    return this.choice.value === NEW && !this.loader?.left;
  }

  show() {
    const isNew = this.choice.value === NEW;
    const named = this.box.querySelector("#new-collection");
    if (named) named.hidden = !isNew;
    if (this.drop) this.drop.hidden = !isNew && !this.chosen.dataset.upload;
  }

  // Where files go; makes the collection that was named first.
  async address() {
    if (this.choice.value === NEW) await (this.making ??= this.make().finally(() => { this.making = null; }));
    if (!this.chosen.dataset.upload) throw new Error("Choose a collection first.");
    return this.chosen.dataset.upload;
  }

  async make() {
    const input = this.box.querySelector("#new-name");
    const name = input.value.trim();
    if (!name) {
      input.focus();
      throw new Error("Give the new collection a name, then try again.");
    }
    const reply = await fetch(this.box.dataset.new, {
      method: "POST",
      headers: { accept: "application/json", "x-csrftoken": this.csrf },
      body: new URLSearchParams({ name }),
      credentials: "same-origin",
      redirect: "error",
    });
    const told = (reply.headers.get("content-type") || "").includes("json") ? await reply.json() : {};
    if (!reply.ok) throw new Error(told.error || "The collection could not be made. Load the page again.");
    const option = new Option(told.name, told.name, true, true);
    Object.assign(option.dataset, { upload: told.upload, progress: told.progress });
    this.choice.querySelector(`option[value="${NEW}"]`).before(option);
    this.choice.value = told.name;
    this.show();
  }

  follow(told, line) {
    if (told.status === "indexed") {
      line.say("good", "Ready");
      return;
    }
    line.say("info", WORDS.queued);
    line.bar.hidden = false;
    line.bar.removeAttribute("value");
    this.followed.set(told.id, { line, progress: this.chosen.dataset.progress });
    this.polling ??= setInterval(() => this.look(), POLL_MS);
  }

  async look() {
    if (this.isLooking) return;
    this.isLooking = true;
    try {
      const byPlace = group(this.followed);
      for (const [place, some] of byPlace) await this.ask(place, some.map(([id]) => id));
    } finally {
      this.isLooking = false;
    }
    if (!this.followed.size) {
      clearInterval(this.polling);
      this.polling = undefined;
    }
  }

  async ask(place, ids) {
    let reply;
    try {
      reply = await fetch(`${place}?${ids.map((id) => `document=${id}`).join("&")}`, { credentials: "same-origin" });
    } catch {
      return; // the next look asks again
    }
    if (reply.redirected || GONE.includes(reply.status)) {
      for (const id of ids) this.tell(id, { reason: "You may not see it any more. Load the page again." });
    } else if (reply.ok) {
      const told = (await reply.json()).documents;
      for (const id of ids) this.tell(id, told[id]);
    }
  }

  tell(id, state) {
    const { line } = this.followed.get(id);
    if (state && WORDS[state.status]) {
      const isEmbedding = state.status === "embedding";
      line.say("info", isEmbedding ? `${WORDS.embedding} ${state.progress} %` : WORDS[state.status]);
      if (isEmbedding) line.bar.value = state.progress;
      return;
    }
    this.followed.delete(id);
    if (state?.status === "indexed") {
      line.bar.hidden = true;
      line.say("good", "Ready");
    } else line.fail(state?.reason || "Its reading was cancelled, or it was deleted.", false);
  }

  // Until everything that is on its way is searched, or has failed; stops with the question.
  async ready(signal, say) {
    for (;;) {
      const left = (this.loader?.left || 0) + this.followed.size;
      if (!left) return;
      say(`Waiting for ${left} document${left === 1 ? "" : "s"}`);
      await new Promise((resolve, reject) => {
        setTimeout(resolve, 300);
        signal.addEventListener("abort", () => reject(new DOMException("Stopped", "AbortError")), { once: true });
      });
    }
  }
}

function group(followed) {
  const found = new Map();
  for (const entry of followed) found.set(entry[1].progress, [...(found.get(entry[1].progress) || []), entry]);
  return found;
}
