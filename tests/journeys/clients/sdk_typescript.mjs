// The TypeScript SDK on request: run in a folder whose node_modules holds it. The verbs are those of sdk_python.py.
import { createRequire } from "node:module";
import { createInterface } from "node:readline";

const Anthropic = createRequire(process.cwd() + "/")("@anthropic-ai/sdk");

const verbs = {
  async create(client, { params, headers }) {
    const message = await client.messages.create(params, { headers });
    return { message, request_id: message._request_id };
  },
  async stream(client, { params, headers }) {
    const stream = client.messages.stream(params, { headers });
    let text = "";
    stream.on("text", (piece) => (text += piece));
    const message = await stream.finalMessage();
    return { message, text, request_id: stream.request_id };
  },
  async events(client, { params }) {
    const types = [];
    for await (const event of await client.messages.create({ ...params, stream: true })) types.push(event.type);
    return types;
  },
  async raw(client, { params, headers }) {
    const response = await client.messages.create(params, { headers }).asResponse();
    return { headers: Object.fromEntries(response.headers), body: await response.json() };
  },
  async count(client, { params }) {
    const ofBeta = await client.beta.messages.countTokens(params);
    return [(await client.messages.countTokens(params)).input_tokens, ofBeta.input_tokens];
  },
  async models(client, { limit }) {
    const ids = [];
    for await (const model of client.models.list({ limit })) ids.push(model.id);
    return ids;
  },
  model: (client, { id }) => client.models.retrieve(id),
  async converse(client, { params, is_streaming, then }) {
    const messages = [...params.messages];
    const heard = [];
    for (;;) {
      const asked = { ...params, messages };
      const message = await (is_streaming ? client.messages.stream(asked).finalMessage() : client.messages.create(asked));
      heard.push(message);
      messages.push({ role: "assistant", content: message.content });
      const results = message.content
        .filter((block) => block.type === "tool_use")
        .map((block) => ({
          type: "tool_result",
          tool_use_id: block.id,
          content: `${block.name} says ${JSON.stringify(block.input)}`,
        }));
      if (!results.length && !then) return heard;
      messages.push({ role: "user", content: results.length ? results : then });
      if (!results.length) then = "";
    }
  },
  async run_tools(client, { params }) {
    const add = {
      type: "custom",
      name: "add",
      description: "Add two numbers.",
      input_schema: {
        type: "object",
        properties: { a: { type: "integer" }, b: { type: "integer" } },
        required: ["a", "b"],
      },
      parse: (input) => input,
      run: ({ a, b }) => String(a + b),
    };
    const heard = [];
    for await (const message of client.beta.messages.toolRunner({ ...params, tools: [add] })) heard.push(message);
    return heard;
  },
  async many(client, { params, times }) {
    const heard = await Promise.all(Array.from({ length: times }, () => client.messages.create(params)));
    return heard.map((message) => message.id);
  },
  batches: (client) => client.messages.batches.list(),
  files: (client) => client.beta.files.list(),
};

function clientOf({ env = {}, base_url, api_key, auth_token, max_retries }) {
  Object.assign(process.env, env);
  try {
    const options = { baseURL: base_url, apiKey: api_key, authToken: auth_token, maxRetries: max_retries };
    return new Anthropic(Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)));
  } finally {
    for (const name of Object.keys(env)) delete process.env[name];
  }
}

function raised(error) {
  const classes = [];
  for (let kind = error.constructor; kind?.name; kind = Object.getPrototypeOf(kind)) classes.push(kind.name);
  const { message, status, error: body, requestID } = error;
  return { classes, message, status, body, request_id: requestID };
}

for await (const line of createInterface({ input: process.stdin })) {
  const { verb, client, ...rest } = JSON.parse(line);
  let answer;
  try {
    answer = { gives: await verbs[verb](clientOf(client), rest) };
  } catch (error) {
    answer = { raised: raised(error) };
  }
  process.stdout.write(JSON.stringify(answer) + "\n");
}
