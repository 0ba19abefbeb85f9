"""nginx on loopback with what Plex would send, and its certificates."""
import ctypes, json, os, shutil, signal, socket, subprocess, time

NGINX = shutil.which("nginx") or "/usr/sbin/nginx"
ACCOUNT_BYTES = 8800
SYSTEM_BUNDLE = "/etc/ssl/certs/ca-certificates.crt"

# Without sendfile, head and body leave in one packet. A log costs time, so
# what is to be counted goes to a port of its own.
CONFIG = """
daemon off;
%(user)s
worker_processes 1;
%(core)s
pid nginx.pid;
error_log error.log;
events { worker_connections 4000; }
http {
  access_log off;
  log_format counted '$connection $ssl_session_reused';
  default_type application/json;
  root "%(dir)s/www";
  sendfile off;
  open_file_cache max=16;
  keepalive_requests 1000000000;
  keepalive_timeout 3600;
  client_body_temp_path tmp;
  proxy_temp_path tmp;
  fastcgi_temp_path tmp;
  uwsgi_temp_path tmp;
  scgi_temp_path tmp;
  ssl_certificate "%(dir)s/server.pem";
  ssl_certificate_key "%(dir)s/server.key";
  ssl_protocols TLSv1.2 TLSv1.3;
  ssl_session_tickets on;
  server { listen 127.0.0.1:%(http)d backlog=4096; }
  server { listen 127.0.0.1:%(https)d ssl backlog=4096; }
  server {
    listen 127.0.0.1:%(counted)d ssl;
    access_log "%(dir)s/counted.log" counted;
    location /close/ { alias "%(dir)s/www/"; keepalive_timeout 0; }
  }
}
"""

CERTIFICATES = """set -e
key='-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes'
openssl req -x509 $key -subj /CN=bench -days 3650 -keyout ca.key -out ca.pem
openssl req $key -subj /CN=localhost -new -keyout server.key -out server.csr
echo subjectAltName=DNS:localhost,IP:127.0.0.1 >server.ext
openssl x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial \
  -days 3650 -extfile server.ext -out server.pem
[ ! -e %s ] || cat %s ca.pem >bundle.pem
""" % (SYSTEM_BUNDLE, SYSTEM_BUNDLE)

TOKEN = {"MediaContainer": {
    "size": 0, "token": "transient-5b0c7a1e-9d34-4c57-8f0e-2a61d7c3be98"}}


def compact(value):
    return json.dumps(value, separators=(",", ":"),
                      ensure_ascii=False).encode()


FEATURES = 80                   # as many as a real answer was seen to have


def past_subscription(i):
    """One paid month; all values are invented."""
    return {
        "id": "sub-%07d" % (4081237 - 811 * i), "mode": "monthly",
        "renewsAt": None, "endsAt": 1646772617 - i * 2592000,
        "billing": {"paymentMethodId": 5120349 + i,
                    "internalPaymentMethod": {}},
        "canceled": True, "gracePeriod": False, "onHold": False,
        "canReactivate": False, "canUpgrade": False, "canDowngrade": False,
        "canConvert": False, "type": "plexpass", "transfer": None,
        "state": "ended"}


def account(sample):
    """The sample with 80 features, and then as long a past as fills it up.
    What it is made of decides what decoding costs: do not fit it to a figure.
    """
    with open(sample, encoding="utf-8") as file:
        document = json.load(file)
    features = document["subscription"]["features"]
    names = list(features)
    while len(features) < FEATURES:
        features.append(names[len(features) % len(names)] + "-more")
    past = document["pastSubscriptions"]
    while len(compact(document)) < ACCOUNT_BYTES - 150:
        past.append(past_subscription(len(past)))
    return compact(document)


def free_ports(n):
    socks = [socket.create_server(("127.0.0.1", 0)) for _ in range(n)]
    ports = [sock.getsockname()[1] for sock in socks]
    for sock in socks:
        sock.close()
    return ports


def die_with_parent():
    """Were the run killed, nginx would stay; Linux knows how not to."""
    try:
        ctypes.CDLL(None).prctl(1, signal.SIGTERM, 0, 0, 0)
    except (AttributeError, OSError):
        pass


class Server:
    """`http`, `https` and `counted` are base URLs, `ca` and `bundle` (that
    may be None) CA files, `document` the account's file."""

    def __init__(self, directory, sample, core=None):
        self.core = core            # of the machine's, for nginx alone
        self.dir, self.log = directory, directory + "/counted.log"
        self.document = self.write("www/user", account(sample))
        self.write("www/security/token", compact(TOKEN))
        subprocess.run(["sh", "-c", CERTIFICATES], cwd=directory, check=True,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        bundle = directory + "/bundle.pem"
        self.ca = directory + "/ca.pem"
        self.bundle = bundle if os.path.exists(bundle) else None

    def write(self, name, data):
        path = os.path.join(self.dir, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(data)
        return path

    def configure(self):
        http, https, counted = free_ports(3)
        user = "user root;" if os.getuid() == 0 else ""
        core = "" if self.core is None else (
            "worker_cpu_affinity %s;" % format(1 << self.core, "b"))
        self.http = "http://127.0.0.1:%d" % http
        self.https = "https://127.0.0.1:%d" % https
        self.counted = "https://127.0.0.1:%d" % counted
        self.port = http
        return self.write("nginx.conf", (CONFIG % dict(
            dir=self.dir, user=user, core=core, http=http, https=https,
            counted=counted)).encode())

    def wait(self):
        for _ in range(600):
            if self.process.poll() is not None:
                break
            try:
                return socket.create_connection(
                    ("127.0.0.1", self.port)).close()
            except OSError:
                time.sleep(0.05)
        raise SystemExit("bench: nginx did not start")

    def __enter__(self):
        self.process = subprocess.Popen(
            [NGINX, "-p", self.dir, "-c", self.configure(), "-e", "stderr"],
            preexec_fn=die_with_parent)
        self.wait()
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()

    def connections(self):
        """Since the last time: how many connections the counted port had,
        how many of them resumed a TLS session."""
        with open(self.log) as file:
            seen = dict(line.split() for line in file)
        os.truncate(self.log, 0)
        return len(seen), list(seen.values()).count("r")
