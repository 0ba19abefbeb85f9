---A certificate authority for the specs, made anew by each process with the
-- openssl command line: { dir, ca, good, wrong_host, expired, self_signed }.
--
-- `openssl ca` signs them all, as it alone takes an end date in the past in
-- every OpenSSL (`x509 -req` learned -not_after in 3.4, and refuses -days -1
-- in places).

local lua = require "spec.support.lua"

local certs = {}

local made

local config = [[
[ca]
default_ca = authority
[authority]
database = index
serial = serial
new_certs_dir = .
certificate = ca.pem
private_key = ca.key
default_md = sha256
policy = anything
unique_subject = no
[anything]
commonName = supplied
[req]
distinguished_name = subject
[subject]
[root]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
[good]
authorityKeyIdentifier = keyid
subjectAltName = DNS:localhost, DNS:plex.tv, IP:127.0.0.1, IP:::1, \
  DNS:192-168-1-10.0123456789abcdef.plex.direct
[wrong_host]
authorityKeyIdentifier = keyid
subjectAltName = DNS:other.example
[self_signed]
subjectAltName = DNS:localhost, IP:127.0.0.1, IP:::1
]]

local script = [[
set -e
exec 2>&1
cd '%s'
: >index
own() {                        # name, extensions: signed with its own key
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes \
    -config config -extensions $2 -days 3650 -subj "/CN=specs $1" \
    -keyout $1.key -out $1.pem
}
issued() {                     # name, extensions, end: signed by the CA
  openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes \
    -config config -subj "/CN=specs $1" -keyout $1.key -out $1.csr
  openssl ca -batch -notext -create_serial -config config -extensions $2 \
    -startdate 20200101000000Z -enddate $3 -in $1.csr -out $1.pem
}
own ca root
issued good good 20491231235959Z
issued wrong_host wrong_host 20491231235959Z
issued expired good 20200201000000Z
own self_signed self_signed
echo made
]]

local function output(command)
  local pipe = assert(io.popen(command))
  local text = pipe:read "*a"
  pipe:close()
  return text
end

local function write(path, text)
  local file = assert(io.open(path, "w"))
  file:write(text)
  file:close()
end

local function remove(dir)
  os.execute("rm -rf '" .. dir .. "'")
end

local function paths(dir)
  local result = { dir = dir, ca = dir .. "/ca.pem" }
  for _, name in ipairs { "good", "wrong_host", "expired", "self_signed" } do
    local stem = dir .. "/" .. name
    result[name] = { cert = stem .. ".pem", key = stem .. ".key" }
  end
  return result
end

---Paths of the CA and of { cert =, key = } pairs; the same all through.
function certs.make()
  if made then return made end
  local dir = assert(output "mktemp -d":match "^(/[^\n']+)\n$", "no mktemp")
  local guard = lua.finaliser(function() remove(dir) end)
  write(dir .. "/config", config)
  local text = output(script:format(dir))
  if not text:find "made\n$" then error("certs: " .. text, 0) end
  made = paths(dir)
  made.guard = guard           -- lives as long as the paths are in use
  return made
end

---Removes the files. Harmless when done before; make() then makes new ones.
function certs.clean()
  if made then remove(made.dir) end
  made = nil
end

return certs
