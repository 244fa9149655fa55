// Questions to the server, and the token they carry.
import { recall } from "./page.parts.js";

const AWAY = "there is no answer from the server; see that `pixelwise serve` still runs, then try again";

// An error's message is the server's one line; its status is that of the answer.
async function ask(path, options = {}) {
  const token = recall("token");
  const headers = token ? { Authorization: `Bearer ${token}` } : {};
  const answer = await fetch(path, { ...options, headers }).catch((error) => {
    throw error.name === "AbortError" ? error : new Error(AWAY);
  });
  if (answer.ok) return answer;
  const told = await answer.json().then((body) => body.detail, () => null);
  const line = typeof told === "string" ? told : `the server answered ${answer.status}; its log says more`;
  throw Object.assign(new Error(line), { status: answer.status });
}

export const listModels = async () => (await ask("models")).json();

export function predict(file, model, answer, signal) {
  const body = new FormData();
  body.append("image", file);
  return ask(`predict?${new URLSearchParams({ model, answer })}`, { method: "POST", body, signal });
}
