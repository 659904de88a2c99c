// Draws the OpenAPI document of this service, without a library and with a single request, for the document. All texts of
// the document become text nodes.
"use strict";

const METHODS = ["get", "post", "put", "patch", "delete"];
let api;
const lineLength = window.matchMedia("(max-width: 36rem)").matches ? 32 : 60;

/** An element with attributes and children; children are elements or texts. */
function el(name, attributes, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes || {})) element.setAttribute(key, value);
  element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined));
  return element;
}

/** Text in which `this` is code. */
function prose(text) {
  return (text || "").split("`").map((part, index) => (index % 2 ? el("code", {}, part) : part));
}

function paragraphs(text) {
  return (text || "").split("\n\n").map((part) => el("p", {}, prose(part)));
}

/** What a reference leads to. */
function follow(value) {
  while (value && value.$ref) {
    value = value.$ref.slice(2).split("/").reduce((at, key) => at[key.replace(/~1/g, "/").replace(/~0/g, "~")], api);
  }
  return value;
}

const nameOf = (value) => value.$ref.split("/").pop();

/** JSON with each value on a line of its own that does not fit on one with its neighbours. */
function json(value, indent = "") {
  const flat = JSON.stringify(value, null, 1).replace(/\n\s*/g, " ");
  if (value === null || typeof value !== "object" || (flat.length <= lineLength && indent)) return flat;
  const inner = indent + "  ";
  const parts = Array.isArray(value) ? value.map((one) => json(one, inner))
    : Object.entries(value).map(([key, one]) => JSON.stringify(key) + ": " + json(one, inner));
  const [open, close] = Array.isArray(value) ? "[]" : "{}";
  return parts.length ? `${open}\n${parts.map((part) => inner + part).join(",\n")}\n${indent}${close}` : open + close;
}

// MARK: Schemas

function word(schema) {
  if (schema.$ref) return el("a", { href: "#schema-" + nameOf(schema) }, nameOf(schema));
  if ("const" in schema) return el("code", {}, JSON.stringify(schema.const));
  if (schema.enum && schema.enum.length <= 8) {
    return el("span", {}, schema.enum.flatMap((one, index) => [index ? " or " : "", el("code", {}, JSON.stringify(one))]));
  }
  if (schema.enum) return el("span", {}, `one of ${schema.enum.length} words`);
  if (schema.oneOf) return el("span", {}, schema.oneOf.flatMap((one, index) => [index ? " or " : "", word(one)]));
  if (schema.type === "array") return el("span", {}, "array of ", schema.items.properties ? "objects" : word(schema.items));
  return el("span", {}, [].concat(schema.type || "any").join(" or "));
}

function bounds(schema) {
  const parts = [];
  if (schema.format) parts.push(schema.format);
  // The description says a longer one in words.
  if (schema.pattern && schema.pattern.length <= 40) parts.push(el("code", {}, schema.pattern));
  const range = (least, most, what) => {
    if (least !== undefined && most !== undefined) parts.push(least === most ? `${least}${what}` : `${least} to ${most}${what}`);
    else if (least !== undefined) parts.push(`${least}${what} or more`);
    else if (most !== undefined) parts.push(`${most}${what} or fewer`);
  };
  range(schema.minimum, schema.maximum === 9223372036854775807 ? undefined : schema.maximum, "");
  range(schema.minLength, schema.maxLength, " characters");
  range(schema.minItems, schema.maxItems, " elements");
  range(schema.minProperties, schema.maxProperties, " members");
  if ("default" in schema) parts.push(el("span", {}, "default ", el("code", {}, JSON.stringify(schema.default))));
  return parts.flatMap((one) => [", ", one]);
}

function members(schema) {
  if (schema.oneOf) schema = schema.oneOf.find((one) => one.properties) || schema;
  const rows = [];
  for (const [name, member] of Object.entries(schema.properties || {})) {
    if (member === false) continue;
    rows.push(...row(name, member, (schema.required || []).includes(name) ? "required" : null));
  }
  if (schema.additionalProperties && schema.type === "object" && !schema.properties) rows.push(...row("any code", schema.additionalProperties, null));
  return rows.length ? el("dl", {}, rows) : null;
}

function row(name, schema, mark) {
  const inner = schema.type === "array" && schema.items && schema.items.properties ? schema.items : schema;
  // A member says of itself only what differs from the schema that it refers to.
  const [reference] = (schema.oneOf || [schema]).filter((one) => one.$ref);
  const whole = { ...follow(reference), ...schema };
  return [
    el("dt", {}, el("code", {}, name), mark ? el("span", { class: "soft" }, " " + mark) : null),
    el("dd", {}, el("span", {}, word(schema), bounds(whole)), whole.description ? el("p", { class: "soft" }, prose(whole.description)) : null, members(inner)),
  ];
}

function shape(schema, isOpen) {
  // A problem with the codes of its case.
  if (schema.$ref && schema.properties) return el("p", {}, word(schema), " with ", codes(schema.properties.code.enum));
  const target = follow(schema);
  if (schema.$ref) return el("div", {}, word(schema), target.description ? el("span", { class: "soft" }, " ", prose(target.description)) : null,
    isOpen ? members(target) : null);
  return el("div", {}, el("p", {}, word(schema), bounds(schema)), schema.description ? el("p", { class: "soft" }, prose(schema.description)) : null, members(schema));
}

// MARK: Parts of a call

function sample(text, label) {
  const button = el("button", { type: "button" }, "Copy");
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(text);
    button.textContent = "Copied";
    setTimeout(() => { button.textContent = "Copy"; }, 1500);
  });
  const hasClipboard = navigator.clipboard && window.isSecureContext;
  return [label ? el("p", { class: "soft" }, label) : null, el("div", { class: hasClipboard ? "sample" : "" },
    el("pre", { tabindex: "0" }, el("code", {}, text)), hasClipboard ? button : null)];
}

function examplesOf(media) {
  if (media.example !== undefined) return [{ value: media.example }];
  return Object.values(media.examples || {}).map(follow);
}

function shown(value) {
  return typeof value === "string" ? value : json(value);
}

function content(body, isOpen) {
  return Object.entries(body.content || {}).map(([type, media]) => el("div", {},
    el("p", { class: "soft" }, el("code", {}, type)), shape(media.schema || {}, isOpen),
    examplesOf(media).map((example) => sample(shown(example.value), example.summary))));
}

function parameters(list) {
  const rows = list.flatMap((one) => row(one.name, { ...follow(one.schema), description: one.description },
    one.in + (one.required ? ", required" : "")));
  return rows.length ? [el("h4", {}, "Parameters"), el("dl", {}, rows)] : [];
}

function answer(status, response) {
  const headers = Object.entries(response.headers || {}).flatMap(([name, header]) => {
    const told = follow(header);
    return [el("dt", {}, el("code", {}, name)), el("dd", {}, word(told.schema), el("span", { class: "soft" }, " ", prose(told.description)))];
  });
  const links = Object.values(response.links || {}).map(follow);
  const kind = status < "400" ? "ok" : status < "500" ? "no" : "fault";
  return el("details", kind === "ok" && response.content ? { class: "answer", open: "" } : { class: "answer" },
    el("summary", {}, el("span", { class: "status " + kind }, status), " ", prose(response.description)),
    el("div", {}, content(response),
      headers.length ? [el("h4", {}, "Headers"), el("dl", {}, headers)] : null,
      links.length ? [el("h4", {}, "Goes on with"), el("ul", {}, links.map((link) =>
        el("li", {}, el("a", { href: "#" + link.operationId }, link.operationId), " ", prose(link.description))))] : null));
}

function curl(method, path, operation, list) {
  const quote = (text) => "'" + text.replace(/'/g, "'\\''") + "'";
  let target = path;
  for (const one of list.filter((one) => one.in === "path")) target = target.replace(`{${one.name}}`, one.example);
  const parts = ["curl"];
  if (method !== "get") parts.push(`-X ${method.toUpperCase()}`);
  const scheme = (operation.security || api.security || [])[0];
  if (scheme && scheme.holdToken) parts.push('-H "Authorization: Bearer $TOKEN"');
  if (scheme && scheme.operatorKey) parts.push('-H "Authorization: Bearer $KEY"');
  for (const one of list.filter((one) => one.in === "header" && (one.required || one.name === "If-Match"))) {
    parts.push("-H " + quote(`${one.name}: ${one.example}`));
  }
  const body = operation.requestBody && Object.entries(operation.requestBody.content)[0];
  if (body) {
    const example = examplesOf(body[1])[0];
    if (example) parts.push("-H " + quote("Content-Type: " + body[0]), "-d " + quote(JSON.stringify(example.value)));
  }
  parts.push(quote(location.origin + target));
  return parts.join(parts.length > 3 ? " \\\n     " : " ");
}

function who(operation) {
  const schemes = (operation.security || api.security || []).flatMap((one) => Object.keys(one));
  if (!schemes.length) return "anyone";
  return schemes.map((name) => ({ holdToken: "the hold's token", operatorKey: "an operator's key" })[name] || name).join(" or ");
}

function call(path, method, operation, shared) {
  const list = [...shared, ...(operation.parameters || [])].map(follow);
  const answers = Object.entries(operation.responses).map(([status, response]) => [status, follow(response)]);
  const anywhere = answers.filter(([, response]) => response["x-any-call"]).map(([status]) => status);
  return el("section", { class: "call", id: operation.operationId, "aria-labelledby": operation.operationId + "-name" },
    el("header", {},
      el("h3", { id: operation.operationId + "-name" }, operation.summary),
      el("div", { class: "line" }, el("span", { class: "method " + method }, method.toUpperCase()), el("span", {}, path))),
    el("div", {}, paragraphs(operation.description),
      el("p", {}, el("span", { class: "tag" }, "for " + who(operation)), " ", el("span", { class: "tag" }, operation.operationId)),
      parameters(list),
      operation.requestBody ? [el("h4", {}, "Body" + (operation.requestBody.required ? "" : " (may be left out)")),
        el("p", {}, prose(operation.requestBody.description)), bodyOf(operation.requestBody)] : null,
      el("h4", {}, "Try it"), sample(curl(method, path, operation, list)),
      el("h4", {}, "Answers"),
      answers.filter(([, response]) => !response["x-any-call"]).map(([status, response]) => answer(status, response)),
      anywhere.length ? el("p", { class: "soft" }, "And, as any call: ", el("a", { href: "#any-call" }, anywhere.join(", ")), ".") : null));
}

/** The same schema under several media types is shown once. */
function bodyOf(body) {
  const entries = Object.entries(body.content);
  const first = { content: { [entries.map(([type]) => type).join(" or ")]: entries[0][1] } };
  return content(first, true);
}

// MARK: The page

function draw() {
  const index = document.getElementById("index");
  const main = document.getElementById("content");
  const title = `${api.info.title} ${api.info.version}`;
  document.title = title + ": the calls";
  const operations = Object.entries(api.paths).flatMap(([path, item]) => METHODS.filter((method) => item[method])
    .map((method) => ({ path, method, operation: item[method], shared: item.parameters || [] })));
  main.replaceChildren(el("h1", {}, title), paragraphs(api.info.description).length ? el("div", {}, paragraphs(api.info.description)) : "",
    el("p", {}, el("a", { href: "/openapi.json" }, "openapi.json"), " · ", el("a", { href: "/problems" }, "Problems")));
  const entry = (href, ...words) => el("a", { href }, words);
  for (const tag of api.tags) {
    main.append(el("h2", { id: "tag-" + tag.name }, tag.name), ...paragraphs(tag.description));
    index.append(el("p", {}, tag.name));
    for (const { path, method, operation, shared } of operations.filter((one) => one.operation.tags.includes(tag.name))) {
      main.append(call(path, method, operation, shared));
      index.append(entry("#" + operation.operationId, el("span", { class: "method " + method }, method.toUpperCase()), " ", operation.summary));
    }
  }
  main.append(el("h2", { id: "any-call" }, "Any call"), el("p", {}, "These tell of the request and not of what was asked; any call can be answered so."));
  for (const response of Object.values(api.components.responses).filter((one) => one["x-any-call"])) {
    const status = response.content["application/problem+json"].schema.properties.status.const;
    main.append(answer(String(status), response));
  }
  main.append(el("h2", { id: "schemas" }, "Schemas"));
  for (const [name, schema] of Object.entries(api.components.schemas).sort(([a], [b]) => (a < b ? -1 : 1))) {
    main.append(el("section", { class: "call", id: "schema-" + name }, el("header", {}, el("h3", {}, name)),
      el("div", {}, el("p", {}, schema.enum && schema.enum.length > 8 ? codes(schema.enum) : word(schema), bounds(schema)), schema.description ? paragraphs(schema.description) : null, members(schema))));
  }
  index.append(el("p", {}, "Besides"), entry("#any-call", "Any call"), entry("#schemas", "Schemas"), entry("/problems", "Problems"));
}

function codes(list) {
  return list.flatMap((code, index) => [index ? ", " : "", el("a", { href: "/problems/" + code }, el("code", {}, code))]);
}

function openMenu() {
  const menu = document.getElementById("menu");
  const wide = window.matchMedia("(min-width: 60rem)");
  const fit = () => { menu.open = wide.matches; };
  wide.addEventListener("change", fit);
  fit();
  menu.addEventListener("click", (event) => { if (event.target.closest("a") && !wide.matches) menu.open = false; });
}

async function start() {
  try {
    const response = await fetch("/openapi.json");
    if (!response.ok) throw new Error("the answer is " + response.status);
    api = await response.json();
    draw();
    openMenu();
    if (location.hash) document.getElementById(decodeURIComponent(location.hash.slice(1)))?.scrollIntoView();
  } catch (error) {
    document.getElementById("content").replaceChildren(el("p", {}, "The calls could not be shown: " + error.message + ". "),
      el("a", { href: "/openapi.json" }, "openapi.json"));
  }
}

start();
