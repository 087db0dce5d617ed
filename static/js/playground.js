// Asks /v1/messages as any client would. What comes back is only ever put into the page as text.
import { Citations } from "./citations.js";
import { AskedDocuments } from "./asked_documents.js";

const page = document.getElementById("playground");
const form = document.getElementById("ask");
const field = (id) => document.getElementById(id);
const answer = field("answer");
const thinking = field("thinking");
const RECORD_TRIES = 12;
const RECORD_MS = 600;
const SPARE_MS = 30000;
const asKey = field("as-key");
const documents = new AskedDocuments(field("documents"), page.dataset.csrf);
const citations = new Citations(answer, field("sources"));
let running = null;
let pass = null; // { key, secret, endsAt }: worth nothing outside this session

function isPasting() {
  return !asKey?.value;
}

// The secret to ask with: the pasted one, or a pass for the chosen key.
async function secret() {
  if (isPasting()) return field("key").value.trim();
  if (pass?.key === asKey.value && performance.now() < pass.endsAt - SPARE_MS) return pass.secret;
  const reply = await fetch(page.dataset.pass, {
    method: "POST",
    headers: { "x-csrftoken": page.dataset.csrf },
    body: new URLSearchParams({ key: asKey.value }),
    credentials: "same-origin",
    redirect: "error",
  });
  const told = (reply.headers.get("content-type") || "").includes("json") ? await reply.json() : {};
  if (!reply.ok) throw new Error(told.error || "This key cannot be used from here any more. Load the page again.");
  pass = { key: asKey.value, secret: told.secret, endsAt: performance.now() + told.seconds * 1000 };
  return pass.secret;
}

function say(tone, text) {
  field("progress").className = `status ${tone}`;
  field("progress").textContent = text;
}

function problems() {
  const found = [];
  if (isPasting() && !field("key").value.trim()) found.push(["key", "Paste an API key."]);
  if (!field("model").value.trim()) found.push(["model", "Name a model."]);
  if (!field("prompt").value.trim()) found.push(["prompt", "Write a prompt."]);
  if (!(Number(field("max-tokens").value) >= 1)) found.push(["max-tokens", "Give a number of tokens."]);
  if (documents.isUnmade) found.push(["new-name", "Load a document into the new collection first, or choose another one."]);
  for (const id of ["key", "model", "prompt", "max-tokens", "new-name"].filter(field)) {
    field(id).toggleAttribute("aria-invalid", false);
    if (found.some(([name]) => name === id)) field(id).setAttribute("aria-invalid", "true");
  }
  field("problem").replaceChildren(...found.map(([, text]) => Object.assign(document.createElement("li"), { textContent: text })));
  if (found.length) field(found[0][0]).focus();
  return found.length > 0;
}

function body() {
  const asked = {
    model: field("model").value.trim(),
    max_tokens: Math.floor(Number(field("max-tokens").value)),
    stream: true,
    messages: [{ role: "user", content: field("prompt").value }],
  };
  if (field("system").value.trim()) asked.system = field("system").value;
  return JSON.stringify(asked);
}

function clear() {
  answer.replaceChildren();
  citations.clear();
  field("given").hidden = true;
  answer.classList.remove("code");
  thinking.hidden = true;
  thinking.querySelector("pre").textContent = "";
  field("permalink").hidden = true;
  field("trace").replaceChildren();
  field("numbers").hidden = true;
  for (const cell of field("numbers").querySelectorAll("dd")) cell.textContent = "–";
}

function number(name, text) {
  field("numbers").hidden = false;
  field("numbers").querySelector(`[data-${name}]`).textContent = text;
}

function seconds(since) {
  const took = performance.now() - since;
  return took < 1000 ? `${Math.round(took)} ms` : `${(took / 1000).toFixed(2)} s`;
}

// The steps before the first byte, from the Server-Timing header.
function showTiming(header) {
  const list = document.createElement("ol");
  list.className = "waterfall";
  for (const part of header.split(",")) {
    const found = /^\s*([\w-]+);dur=([\d.]+)/.exec(part);
    if (!found) continue;
    const line = document.createElement("li");
    for (const [name, text] of [["name", found[1]], ["took", `${found[2]} ms`]]) {
      line.append(Object.assign(document.createElement("span"), { className: name, textContent: text }));
    }
    list.append(line);
  }
  if (list.children.length) field("trace").replaceChildren(list);
}

function showSteps(steps) {
  showTiming(steps.map((step) => `${step.step};dur=${step.us / 1000}`).join(","));
}

// The whole trace with its cost, from the request's own page, as soon as its record is written.
async function showRecord(id) {
  const url = `${page.dataset.records}${encodeURIComponent(id)}/`;
  for (let tries = 0; tries < RECORD_TRIES; tries += 1) {
    await new Promise((resolve) => { setTimeout(resolve, RECORD_MS); });
    let got;
    try {
      got = await fetch(url, { credentials: "same-origin" });
    } catch {
      continue;
    }
    if (!got.ok) continue;
    const shown = new DOMParser().parseFromString(await got.text(), "text/html");
    if (shown.querySelector(".status.info")) continue; // under way still
    const parts = shown.querySelectorAll(".waterfall, .facts-table");
    if (!parts.length) return;
    field("trace").replaceChildren(...parts);
    field("permalink").href = url;
    field("permalink").textContent = id;
    field("permalink").hidden = false;
    return;
  }
}

function take(event, began) {
  if (event.type === "message_start") number("input", total(event.message.usage));
  else if (event.type === "content_block_delta" && event.delta.type === "text_delta") {
    answer.append(event.delta.text);
    answer.scrollTop = answer.scrollHeight;
  } else if (event.type === "content_block_delta" && event.delta.type === "thinking_delta") {
    thinking.hidden = false;
    thinking.querySelector("pre").textContent += event.delta.thinking;
  } else if (event.type === "content_block_delta" && event.delta.type === "citations_delta") citations.take(event.delta.citation);
  else if (event.type === "content_block_stop") citations.mark();
  else if (event.type === "message_delta") {
    if (event.usage) number("output", String(event.usage.output_tokens));
    say("good", `Ended: ${event.delta.stop_reason}`);
  } else if (event.type === "message_stop") number("whole", seconds(began));
  else if (event.type === "error") fail(event.error);
}

// Whether passages were looked up, and how many the question was given.
function showGiven(headers) {
  const where = headers.get("x-llmp-rag");
  if (!where) return;
  const number = Number(headers.get("x-llmp-rag-passages") || 0);
  const words = number ? `Given ${number} passage${number === 1 ? "" : "s"} of ${where}` : `Nothing in ${where} fitted the question`;
  const other = (headers.get("x-llmp-rag-error") && `${where} could not be searched: answered without.`)
    || (headers.get("x-llmp-rag-tool") && `The model may search ${where} by itself.`);
  field("given").textContent = other || `${words}, looked up in ${headers.get("x-llmp-rag-ms") || "?"} ms.`;
  field("given").hidden = false;
}

function total(usage) {
  return String((usage.input_tokens || 0) + (usage.cache_read_input_tokens || 0) + (usage.cache_creation_input_tokens || 0));
}

function fail(error) {
  say("bad", error?.type || "Failed");
  answer.append(`${answer.textContent ? "\n\n" : ""}${error?.message || "The call failed without a message."}`);
}

async function read(reply, began) {
  const reader = reply.body.pipeThrough(new TextDecoderStream()).getReader();
  let held = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    held += value.replaceAll("\r", "");
    let end;
    while ((end = held.indexOf("\n\n")) >= 0) {
      const data = held.slice(0, end).split("\n").filter((line) => line.startsWith("data:")).map((line) => line.slice(5)).join("\n");
      held = held.slice(end + 2);
      if (data) take(JSON.parse(data), began);
    }
  }
}

async function call(isDry) {
  const headers = { "x-api-key": await secret(), "anthropic-version": "2023-06-01", "content-type": "application/json" };
  if (isDry) headers["x-llmp-dry-run"] = "true";
  if (documents.wish) headers["x-llmp-rag"] = documents.wish;
  return fetch("/v1/messages", { method: "POST", headers, body: body(), signal: running.signal, credentials: isPasting() ? "omit" : "same-origin", cache: "no-store" });
}

async function ask(isDry) {
  if (running || problems()) return;
  clear();
  running = new AbortController();
  page.querySelector("[data-stop]").hidden = false;
  for (const button of page.querySelectorAll("[data-send], [data-dry]")) button.disabled = true;
  let began = performance.now();
  let id = "";
  let isKnown = false;
  try {
    await documents.ready(running.signal, (words) => say("info", words));
    say("info", isDry ? "Dry run" : "Asking");
    began = performance.now();
    let reply = await call(isDry);
    if (reply.status === 401 && !isPasting()) { // the pass ended early: with the session's key, or by somebody's hand
      pass = null;
      reply = await call(isDry);
    }
    id = reply.headers.get("x-llmp-request-id") || "";
    isKnown = Boolean(id) && reply.status !== 401;
    number("first", seconds(began));
    showTiming(reply.headers.get("server-timing") || "");
    showGiven(reply.headers);
    if ((reply.headers.get("content-type") || "").startsWith("text/event-stream")) await read(reply, began);
    else await whole(reply, isDry);
  } catch (error) {
    if (error.name === "AbortError") say("none", "Stopped");
    else if (error instanceof TypeError) say("bad", "The connection broke");
    else fail({ type: "Not asked", message: error.message });
  } finally {
    running = null;
    page.querySelector("[data-stop]").hidden = true;
    for (const button of page.querySelectorAll("[data-send], [data-dry]")) button.disabled = false;
  }
  if (isKnown) await showRecord(id); // strangers leave no record
}

async function whole(reply, isDry) {
  const told = await reply.json();
  if (!reply.ok) {
    fail(told.error);
    return;
  }
  answer.classList.add("code");
  answer.textContent = JSON.stringify(isDry ? { would_send: told.would_send, estimate: told.estimate } : told, null, 2);
  if (told.steps) showSteps(told.steps);
  say("good", isDry ? "Nothing was sent" : "Ended");
}

form.addEventListener("submit", (event) => { event.preventDefault(); ask(false); });
form.addEventListener("keydown", (event) => { if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) { event.preventDefault(); ask(false); } });
asKey?.addEventListener("change", () => { field("paste").hidden = !isPasting(); });
field("paste").hidden = !isPasting();
page.querySelector("[data-dry]").addEventListener("click", () => ask(true));
page.querySelector("[data-stop]").addEventListener("click", () => running?.abort());
