// Citations of a streamed answer: a number behind the words that cite, and the sources with what they say beside them.
// Everything is put in as text: what a document says is nobody's markup.
function el(tag, className, text) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}

export class Citations {
  constructor(answer, panel) {
    Object.assign(this, { answer, panel, list: panel.querySelector("ol") });
    this.clear();
  }

  clear() {
    this.known = new Map();
    this.waiting = [];
    this.list.replaceChildren();
    this.panel.hidden = true;
  }

  take(citation) {
    const source = String(citation.source ?? "");
    const title = String(citation.title ?? citation.document_title ?? source);
    const text = String(citation.cited_text ?? "");
    const key = JSON.stringify([source, title, text]);
    if (!this.known.has(key)) this.known.set(key, this.add(source, title, text));
    if (!this.waiting.includes(this.known.get(key))) this.waiting.push(this.known.get(key));
  }

  add(source, title, text) {
    const number = this.known.size + 1;
    const line = el("li");
    line.id = `source-${number}`;
    line.append(el("span", "mark cite", String(number)), el("strong", "", title || "A source without a title"));
    if (source) {
      const link = el("a", "mono small", source);
      link.href = `${this.panel.dataset.source}?of=${encodeURIComponent(source)}`;
      line.append(link);
    }
    line.append(el("blockquote", "", text));
    this.list.append(line);
    this.panel.hidden = false;
    return number;
  }

  // The block of text is whole: number what it cites.
  mark() {
    for (const number of this.waiting) {
      const link = el("a", "cite", String(number));
      link.href = `#source-${number}`;
      link.setAttribute("aria-label", `Source ${number}`);
      this.answer.append(link);
    }
    this.waiting = [];
  }
}
