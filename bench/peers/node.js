// node.js http|fetch|plexjs URL N MODE [CAFILE]; see bench/us.lua. fetch takes
// no CA file: run.py names it in NODE_EXTRA_CA_CERTS.
const fs = require("fs");
const [kind, url, n, mode, caFile] = process.argv.slice(2);

const token = "bench-token-0123456789";
const target = url + (mode === "user" ? "/user"
  : "/security/token?type=delegation&scope=all");
const headers = {
  "Accept": "application/json",
  "X-Plex-Client-Identifier": "6f1c0a52-bench",
  "X-Plex-Token": token,
};

const peers = {
  http() {
    const http = require(target.startsWith("https") ? "https" : "http");
    const agent = new http.Agent({
      keepAlive: true, ca: caFile && fs.readFileSync(caFile),
    });
    return () => new Promise((resolve, reject) => {
      http.get(target, { agent, headers }, (answer) => {
        const parts = [];
        answer.on("data", (bytes) => parts.push(bytes));
        answer.on("end", () => resolve(JSON.parse(Buffer.concat(parts))));
        answer.on("error", reject);
      }).on("error", reject);
    });
  },
  fetch() {
    return async () => (await fetch(target, { headers })).json();
  },
  plexjs() {
    const { PlexAPI } = require("@lukehagar/plexjs");
    const { authentication: api } = new PlexAPI({
      accessToken: token, serverURL: url,
    });
    return mode === "user" ? () => api.getTokenDetails({ serverURL: url })
      : () => api.getTransientToken("delegation", "all");
  },
};

const now = () => performance.now() / 1000;

async function run(call) {
  const start = now();
  await call();
  const first = now();
  for (let i = 1; i < Number(n); i++) await call();
  console.log((first - start).toFixed(6), (now() - first).toFixed(6));
  process.exit(0); // a kept connection would keep the process
}

run(peers[kind]());
