"""make bench: what plexauth costs beside libcurl alone (the floor) and beside
what else calls Plex. Tables on the screen and in bench/RESULTS.md.

The floor and each other take turns, and a ratio is the median of neighbours'
ratios: what slows the machine down for a while then slows both. Figures are
for people to read; none is asserted.
"""
import datetime, glob, json, os, re, resource, signal, subprocess, sys
import tempfile, time
from statistics import median

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import server as servers

LUA = os.environ.get("LUA", "lua5.4")
BUILD = os.environ.get("BUILD", "build")
BIN = BUILD + "/bench/"
QUICK = os.environ.get("QUICK", "") not in ("", "0")
LONGEST = 900                   # seconds; who takes longer is left out
FILES = 8192                    # descriptors, where the system grants them

# What each section does how often.
PLAN = {
    "rounds": 7, "calls": 2000, "starts": 15, "counted": (100, 600),
    "memory": (1000, 10000), "json": 21, "colds": 15, "reconnects": 100,
    "handshakes": 1000, "many": 10000, "many_rounds": 5,
    "frames": 10000, "frames_rounds": 5,
}
if QUICK:
    PLAN = {
        "rounds": 2, "calls": 200, "starts": 2, "counted": (20, 60),
        "memory": (100, 1000), "json": 3, "colds": 2, "reconnects": 10,
        "handshakes": 1000, "many": 1000, "many_rounds": 1,
        "frames": 1000, "frames_rounds": 1,
    }

PATHS = {"user": "/user", "token": "/security/token?type=delegation&scope=all"}
ACCOUNT, TOKEN = "account (8.8 KB)", "transient token"


def said(*command):
    """What a command prints, be it as an error; "" where it fails."""
    try:
        done = subprocess.run(command, text=True, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT)
    except OSError:
        return ""
    return done.stdout if done.returncode == 0 else ""


# Debian's package of requests belongs to Debian's Python.
PYTHON = next((python for python in ("python3", "/usr/bin/python3")
               if said(python, "-c", "import requests; print(1)")), "python3")

FLOOR, US = "libcurl in C (floor)", "plexauth"
SUBJECTS = {                    # each takes URL N MODE [CAFILE]
    FLOOR: [BIN + "floor"],     # but this takes URL-AND-PATH N [CAFILE]
    US: [LUA, "bench/us.lua"],
    "LuaSocket, lua-cjson": [LUA, "bench/peers/luasocket.lua"],
    "lua-curl, lua-cjson": ["lua5.1", "bench/peers/luacurl.lua"],
    "Python requests": [PYTHON, "bench/peers/session.py"],
    "Node http": ["node", "bench/peers/node.js", "http"],
    "Node fetch": ["node", "bench/peers/node.js", "fetch"],
    "plexjs (Node)": ["node", "bench/peers/node.js", "plexjs"],
}
SLOW = {("LuaSocket, lua-cjson", "https")}      # a handshake for every call


class Failed(Exception):
    """Of one subject or section, which then is left out and named."""
    def __init__(self, why, output=""):
        super().__init__(why)
        self.output = output


class Report:
    def __init__(self, facts):
        self.facts, self.parts = facts, []
        for fact in facts:
            print("%s: %s" % fact)

    def skip(self, what, why):
        self.facts.append(("left out", "%s (%s)" % (what, why)))
        print("  left out: %s (%s)" % (what, why), flush=True)

    def table(self, title, head, rows, note=""):
        rows = [tuple(map(str, row)) for row in [head, *rows]]
        widths = [max(map(len, column)) for column in zip(*rows)]
        print("\n" + title)
        for first, *rest in rows:
            print("  " + first.ljust(widths[0]), *(
                cell.rjust(width) for cell, width in zip(rest, widths[1:])),
                sep="  ")
        print("  " + note if note else "", flush=True)
        lines = ["| " + " | ".join(row) + " |" for row in rows]
        lines.insert(1, "|---" + "|--:" * (len(head) - 1) + "|")
        self.parts.append("\n".join(["\n## " + title, "", *lines, "", note]))

    def write(self, path, command):
        with open(path, "w", encoding="utf-8") as file:
            file.write("# Results of `%s`\n\n" % command)
            file.writelines("- %s: %s\n" % fact for fact in self.facts)
            file.write("\n".join(self.parts).rstrip() + "\n")


def environment(ca=""):
    """The tree's own modules, no proxy for loopback, the peers' CA."""
    env = {name: value for name, value in os.environ.items()
           if not re.search("(?i)_proxy$|_ca_bundle$", name)}
    env.update(LUA_PATH="lua/?.lua;lua/?/init.lua;./?.lua;;",
               LUA_CPATH=BUILD + "/?.so;;", NODE_EXTRA_CA_CERTS=ca,
               NODE_PATH=os.path.abspath(BIN + "node_modules"))
    return env


class Bench:
    def __init__(self, server, report):
        self.server, self.report = server, report
        self.env, self.subjects = environment(server.ca), dict(SUBJECTS)

    def output(self, *command):
        try:
            done = subprocess.run(
                list(map(str, command)), env=self.env, timeout=LONGEST,
                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        except (OSError, subprocess.TimeoutExpired) as problem:
            raise Failed(type(problem).__name__) from None
        if done.returncode == 0:
            return done.stdout
        told = re.findall(r"(?im)^.*error.*$|^.*: .*$", done.stderr)
        raise Failed((told or ["exit %d" % done.returncode])[0].strip()[:120],
                     done.stdout)

    def command(self, name, base, n, mode="user", ca=None):
        tail = [ca] if ca else []
        if name == FLOOR:
            return [*self.subjects[name], base + PATHS[mode], n, *tail]
        return [*self.subjects[name], base, n, mode, *tail]

    def times(self, *args):
        """Seconds of the first call, and of the others together."""
        return list(map(float, self.output(*self.command(*args)).split()))

    def mean(self, name, base, n, *rest):
        return self.times(name, base, n, *rest)[1] / (n - 1)

    def wall(self, *args):
        began = time.perf_counter()
        self.output(*self.command(*args))
        return time.perf_counter() - began

    def paired(self, rounds, names, measure):
        """{name: (median of measure(name), median of the ratios to
        measure(FLOOR))}, the floor first."""
        pairs = {name: [] for name in names if name != FLOOR}
        for _ in range(rounds):
            for name in list(pairs):
                try:
                    pairs[name].append((measure(FLOOR), measure(name)))
                except Failed as problem:
                    self.report.skip(name, problem)
                    del pairs[name]
        floors = [floor for all in pairs.values() for floor, _ in all]
        result = {FLOOR: (median(floors), 1)} if floors else {}
        for name, seen in pairs.items():
            result[name] = (median(mine for _, mine in seen),
                            median(mine / floor for floor, mine in seen))
        return result

    def leave_out(self):
        """Who does not run; the floor and ours have to."""
        for name in SUBJECTS:
            try:
                self.wall(name, self.server.http, 1, "user")
                self.wall(name, self.server.http, 2, "token")
            except Failed as problem:
                if name in (FLOOR, US):
                    raise SystemExit("bench: %s: %s" % (name, problem))
                del self.subjects[name]
                self.report.skip(name, problem)


def rows_of(result, unit):
    return [(name, "%.1f" % (seconds * unit), "%.2f" % ratio)
            for name, (seconds, ratio) in result.items()]


def sequential(bench):
    for title, scheme, mode in ((ACCOUNT, "http", "user"),
                                (TOKEN, "http", "token"),
                                (ACCOUNT, "https", "user")):
        def measure(name):
            n = PLAN["calls"] // (20 if (name, scheme) in SLOW else 1)
            ca = bench.server.ca if scheme == "https" else None
            return bench.mean(name, getattr(bench.server, scheme), n, mode, ca)
        result = bench.paired(PLAN["rounds"], bench.subjects, measure)
        bench.report.table(
            "One call after the other: %s, %s" % (title, scheme),
            ("", "µs a call", "× floor"), rows_of(result, 1e6),
            "The floor decodes nothing. LuaSocket opens a connection for each "
            "call. plexjs validates an account; a transient token it drops.")


def start_up(bench):
    result = bench.paired(PLAN["starts"], bench.subjects, lambda name:
                          bench.wall(name, bench.server.http, 1))
    bench.report.table("A process that makes one call", (
        ACCOUNT + ", http", "ms", "× floor"), rows_of(result, 1e3))


def peak(bench, name, n):
    """Peak RSS in KB. A child's rusage begins with what this process had at
    the fork; /proc counts from the exec on."""
    child = subprocess.Popen(
        list(map(str, bench.command(name, bench.server.http, n))),
        env=bench.env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    seen = 0
    while child.poll() is None:
        with open("/proc/%d/status" % child.pid) as file:
            found = re.search(r"VmHWM:\s*(\d+)", file.read())
        seen = int(found[1]) if found else seen
        time.sleep(0.005)
    return seen


def memory(bench):
    if not os.path.exists("/proc/self/status"):
        raise Failed("there is no /proc")
    few, many = PLAN["memory"]
    rows = []
    for name in bench.subjects:
        a, b = peak(bench, name, few), peak(bench, name, many)
        rows.append((name, a, b, "%.0f" % ((b - a) * 1024 / (many - few))))
    bench.report.table("Peak RSS in KB", (
        ACCOUNT + ", http", "%d calls" % few, "%d calls" % many,
        "bytes a call between"), rows)


def json_alone(bench):
    files = sorted(glob.glob("spec/samples/*.json"))
    rounds = [bench.output(BIN + "json", *files, bench.server.document)
              .splitlines() for _ in range(PLAN["json"])]
    rows = []
    for name, *lines in zip(files + [ACCOUNT], *rounds):
        size, ours, theirs = zip(*(map(float, line.split())
                                   for line in lines))
        rows.append((os.path.basename(name).replace(".json", ""),
                     "%.0f" % size[0], "%.0f" % median(ours),
                     "%.0f" % median(theirs),
                     "%.2f" % median(a / b for a, b in zip(ours, theirs))))
    bench.report.table("JSON alone", (
        "document", "bytes", "plexauth, ns", "lua-cjson, ns", "ratio"), rows,
        "Behind lua-cjson comes a pass in C that makes the same table.")


def handshake_rows(bench):
    server, calls = bench.server, PLAN["handshakes"]
    counts = []
    for base, n in ((server.counted, calls),
                    (server.counted + "/close", PLAN["reconnects"])):
        server.connections()
        bench.times(US, base, n, "user", server.ca)
        counts.append(server.connections())
    return [("plexauth: handshakes for %d calls" % calls, counts[0][0], ""),
            ("plexauth: resumed, of %d reconnects" % (counts[1][0] - 1),
             counts[1][1], "")]


def https(bench):
    server, rows = bench.server, handshake_rows(bench)
    for store, ca in (("small ca_file", server.ca),
                      ("system bundle", server.bundle)):
        for what, measure in (
                ("cold first call", lambda name: bench.times(
                    name, server.https, 2, "user", ca)[0]),
                ("call that reconnects", lambda name: bench.mean(
                    name, server.counted + "/close", PLAN["reconnects"],
                    "user", ca))):
            if ca:
                result = bench.paired(PLAN["colds"], [US], measure)
                rows += [("%s: %s, %s" % (name, what, store), ms + " ms", x)
                         for name, ms, x in rows_of(result, 1e3)]
    bench.report.table("https", (ACCOUNT, "figure", "× floor"), rows)


def many_at_once(bench):
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    n, url, rows = PLAN["many"], bench.server.http, []
    commands = {FLOOR: [BIN + "floor_many", url + PATHS["user"], n],
                US: [LUA, "bench/us_many.lua", url, n]}
    for k in (1, 10, 100, 1000):
        if limit < k + 100:
            bench.report.skip("%d in flight" % k, "ulimit -n %d" % limit)
            continue
        result = bench.paired(PLAN["many_rounds"], [US], lambda name:
                              float(bench.output(*commands[name], k)) / n)
        if US in result:
            rows.append((k, "%.0f" % (1 / result[FLOOR][0]),
                         "%.0f" % (1 / result[US][0]),
                         "%.2f" % (1 / result[US][1])))
    bench.report.table("Many in flight: requests a second", (
        ACCOUNT + ", http", "epoll in C (floor)", "plexauth.gather",
        "× floor"), rows, "Here the floor decodes, with our decoder.")


def in_a_loop(bench):
    server = bench.server
    try:
        text = bench.output(
            LUA, "bench/many.lua", server.http, server.https, server.ca,
            server.bundle or "-", server.document, "quick" * QUICK or "full")
    except Failed as problem:
        bench.report.skip("what comes after this table's last row", problem)
        text = problem.output
    bench.report.table("Many calls in a program with a loop", ("", "figure"), [
        line.split("\t") for line in text.splitlines()])


def frames(bench, scheme):
    """One run: how many calls, and the longest frames."""
    bench.env.update(BENCH_URL=getattr(bench.server, scheme),
                     BENCH_CA=bench.server.ca)
    text = bench.output(BUILD + "/embed/embed", PLAN["frames"], 1000,
                        *["bench/embed.lua"] * 5)
    seen = {name: figures for name, *figures in (
        line.split("\t") for line in text.splitlines())}
    return [float(figure) for figure in (
        seen["count"][1], *seen["wall"], *seen["used"])]


def embedded(bench):
    """What plugins take of a frame, in a program that has plexauth inside."""
    rows = []
    for scheme in "http", "https":
        runs = [frames(bench, scheme) for _ in range(PLAN["frames_rounds"])]
        calls, *ms = map(median, zip(*runs))
        rows.append((scheme, "%d" % calls, *("%.2f" % figure for figure in ms)))
    bench.report.table("Frames of a program in C, in ms: 50 calls in flight", (
        ACCOUNT, "calls", "longest", "but 0.1 %", "its CPU", "but 0.1 %"),
        rows, "Medians of %d runs of %d frames with five plugins, small "
        "ca_file. All connections are opened in the first frames."
        % (PLAN["frames_rounds"], PLAN["frames"]))


def counts(bench, name, n, mode, *options):
    """Instructions by library, as callgrind counts them."""
    out, sums = bench.server.dir + "/callgrind.out", {}
    bench.output("valgrind", "--tool=callgrind", "--callgrind-out-file=" + out,
                 *options, *bench.command(name, bench.server.http, n, mode))
    text = bench.output("callgrind_annotate", "--threshold=100", "--auto=no",
                        out)
    for count, place in re.findall(
            r"(?m)^ *([\d,]+) (?!.*TOTALS).*?(?:\[(.*)\])?$", text):
        library = os.path.basename(place or "other").split(".so")[0]
        sums[library] = sums.get(library, 0) + int(count.replace(",", ""))
    return sums


def counts_a_call(*args):
    """With what start-up takes taken off."""
    few, many = PLAN["counted"]
    bench, name, *rest = args
    a, b = (counts(bench, name, n, *rest) for n in (few, many))
    return {library: (count - a.get(library, 0)) / (many - few)
            for library, count in b.items()}


def instructions(bench):
    for title, mode in ((ACCOUNT, "user"), (TOKEN, "token")):
        floor = counts_a_call(bench, FLOOR, mode)
        us = counts_a_call(bench, US, mode)
        decoding = sum(counts_a_call(
            bench, US, mode, "--toggle-collect=pa_pushjson").values())
        least, ours = sum(floor.values()), sum(us.values())
        rows = [("all", least, ours),
                ("all but decoding", least, ours - decoding)]
        rows += [("in " + library, floor.get(library, 0), count) for
                 library, count in sorted(us.items(), key=lambda x: -x[1])[:6]]
        bench.report.table("Instructions a call: %s, http" % title, (
            "callgrind", FLOOR, US, "× floor"), [
            (what, "%.0f" % a, "%.0f" % b, "%.2f" % (b / a) if a > 1 else "")
            for what, a, b in rows], "Start-up is taken off.")


SECTIONS = [sequential, start_up, memory, json_alone, https, many_at_once,
            in_a_loop, embedded, instructions]


def first(pattern, text):
    found = re.search(pattern, text)
    return " ".join(found.groups()) if found else "?"


def apart():
    """Keep a core for nginx and the others for who calls it: a call takes a
    fifth as long where the scheduler puts both on one."""
    try:
        *ours, theirs = sorted(os.sched_getaffinity(0))
        os.sched_setaffinity(0, ours)
    except (AttributeError, OSError):   # no Linux; one core
        return None
    return theirs


def facts():
    """Of the machine and of what takes part."""
    cpu = first(r"model name\s*: (.*)", said("cat", "/proc/cpuinfo"))
    ours = 'for k, v in pairs(require "plexauth".version()) do print(k, v) end'
    lua_peers = ('print(require "socket"._VERSION .. " LuaSec " .. '
                 'require "ssl"._VERSION, "cjson", require "cjson"._VERSION)')
    python = "import requests as r, sys; print(sys.version, r.__version__)"
    plexjs = said("sh", "-c", "cat %s/*/plexjs/package.json" % (
        BIN + "node_modules"))
    text = said(LUA, "-e", ours)
    return [
        ("date", datetime.date.today().isoformat()),
        ("machine", "%s, %d cores" % (cpu, os.cpu_count())),
        ("kernel", " ".join(os.uname()[0:3:2])),
        ("load before", "%.1f" % os.getloadavg()[0]),
        ("Lua", first(r"Lua (\S+)", said(LUA, "-v"))),
        ("plexauth", first(r"plexauth\s(\S+)", text)),
        ("libcurl", first(r"libcurl\s(\S+)", text)),
        ("TLS", first(r"tls\s(\S+)", text)),
        ("server", first(r"(nginx/\S+)", said(servers.NGINX, "-v"))),
        ("Lua peers", " ".join(said(LUA, "-e", lua_peers).split())),
        ("lua-curl", first(r"Version: (\S+)", said("dpkg", "-s", "lua-curl"))),
        ("Python, requests", first(r"^(\S+)(?s:.*) (\S+)\n$",
                                   said(PYTHON, "-c", python))),
        ("Node", said("node", "-v").strip()),
        ("plexjs", first(r'"version": "(.*)"', plexjs)),
    ]


def main():
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    os.chdir(os.path.dirname(sys.path[0]))
    os.environ.update(environment())
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (
        FILES if most < 0 else min(FILES, most), most))
    report = Report(facts())
    with tempfile.TemporaryDirectory(dir=BIN) as name, servers.Server(
            os.path.abspath(name),
            "spec/samples/account-full.201.json", apart()) as server:
        bench = Bench(server, report)
        bench.leave_out()
        only = os.environ.get("ONLY", "").split()
        for section in SECTIONS:
            if only and section.__name__ not in only:
                continue
            try:
                section(bench)
            except Failed as problem:
                report.skip(section.__name__, problem)
    if QUICK or only:           # the file in the tree is a whole run's
        return report.write(BIN + "RESULTS.md", "make bench QUICK=1")
    report.write("bench/RESULTS.md", "make bench")


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
