"""The specs' loopback server with scripted faults; faults.lua drives it.

One process, any number of listeners. What a listener does comes as data over
the control connection (JSON lines, bytes in base64): a row says which bytes
leave, when they leave, and what becomes of the connection. The process ends
with its control connection.

TLS runs through memory BIOs over plain sockets, not through asyncio's
transports: close_notify, FIN and RST are then three separate acts, and the
same ones on every Python since 3.9.
"""
import asyncio, base64, json, os, re, resource, signal, socket, ssl, struct
import sys, warnings

BLOCK = 1 << 16
MAX_LINE = 1 << 28          # one command, all its rows included
MAX_REQUEST = 1 << 26       # a peer that sends more is taken for gone
MAX_RECORDED = 100_000      # further requests are counted, not kept
MAX_FILLERS = 16
HANGS = 0.3                 # a connect on loopback needs microseconds

COUNTED = ("connections", "handshakes", "resumed", "tls_failures",
           "requests", "closed")
LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*(\d+)[ \t]*\r", re.IGNORECASE)


def request_size(buffer):
    """The size of the request that buffer starts with; None: not all there."""
    end = buffer.find(b"\r\n\r\n")
    if end < 0:
        return None
    found = LENGTH.search(buffer, 0, end + 1)
    size = end + 4 + (int(found[1]) if found else 0)
    return size if len(buffer) >= size else None


def prefix_size(size):
    return lambda buffer: size if len(buffer) >= size else None


def decoded_row(row):
    for name in ("head", "unit", "tail"):
        row[name] = base64.b64decode(row[name])
    if row["times"] < 0:
        row["times"] = float("inf")
    return row


def blocks(row):
    """The whole reply; a repeated body in large blocks, for speed."""
    yield row["head"]
    left = row["times"]
    while left > 0:
        count = min(left, max(1, BLOCK // max(1, len(row["unit"]))))
        yield row["unit"] * count
        left -= count
    yield row["tail"]


def pieces(row):
    """What is to leave of the reply, in the portions in which it leaves."""
    left = row.get("cut", float("inf"))
    for block in blocks(row):
        block = block[:min(left, len(block))]
        left -= len(block)
        step = 1 if "drip" in row else max(1, len(block))
        for start in range(0, len(block), step):
            yield block[start:start + step]
        if left <= 0:
            return


def echoed(row, request):
    """The row, with the request's target in a JSON object for its body."""
    body = json.dumps({"target": request.split()[1].decode()}).encode()
    head = row["head"].replace(
        b"Content-Length: 0", b"Content-Length: %d" % len(body))
    return {**row, "head": head, "unit": body}


class Plain:
    """Bytes over a socket."""
    def __init__(self, sock):
        self.sock = sock
        self.loop = asyncio.get_running_loop()

    async def recv(self):
        return await self.loop.sock_recv(self.sock, BLOCK)

    async def send(self, data):
        await self.loop.sock_sendall(self.sock, data)

    async def goodbye(self):
        pass


class Tls(Plain):
    def __init__(self, sock, context):
        super().__init__(sock)
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self.incoming, self.outgoing, True)
        self.flushing = asyncio.Lock()      # records must not interleave

    async def flush(self):
        async with self.flushing:
            data = self.outgoing.read()
            if data:
                await super().send(data)

    async def drive(self, step):
        while True:
            try:
                return step()
            except ssl.SSLWantReadError:
                pass
            finally:
                await self.flush()          # an alert has to leave, too
            data = await super().recv()
            if data:
                self.incoming.write(data)
            else:
                self.incoming.write_eof()

    async def recv(self):
        return await self.drive(lambda: self.tls.read(BLOCK))

    async def send(self, data):
        self.tls.write(data)
        await self.flush()

    async def goodbye(self):
        try:
            self.tls.unwrap()
        except ssl.SSLError:
            pass                # it waits for the peer's; ours is written
        await self.flush()


class Connection:
    def __init__(self, listener, sock):
        self.listener, self.sock = listener, sock
        self.number = listener.counts["connections"]
        context = listener.context
        self.channel = Tls(sock, context) if context else Plain(sock)
        self.buffer = bytearray()
        self.news, self.gone = asyncio.Event(), asyncio.Event()
        self.fresh, self.pumping = True, None

    async def serve(self):
        try:
            await self.open()
            self.pumping = asyncio.create_task(self.pump())
            while await self.exchange():
                pass
        except OSError:
            pass                            # peers may reset; TLS may fail
        except asyncio.CancelledError:
            self.arm_reset()                # the listener closes
        finally:
            await self.end()

    async def open(self):
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if not self.listener.context:
            return
        try:
            await self.channel.drive(self.channel.tls.do_handshake)
        except OSError:
            self.listener.count("tls_failures")
            await self.drain()
            raise
        if self.channel.tls.session_reused:
            self.listener.count("resumed")
        self.listener.count("handshakes")

    async def pump(self):
        """Read all the time: only so is a peer's leaving noticed at once."""
        try:
            while len(self.buffer) <= MAX_REQUEST:
                data = await self.channel.recv()
                if not data:
                    break
                self.buffer += data
                self.news.set()
        except OSError:
            pass
        finally:
            self.gone.set()
            self.news.set()

    async def until(self, enough):
        """The size that enough finds; None where the peer left before it."""
        while True:
            self.news.clear()
            size = enough(self.buffer)
            if size is not None or self.gone.is_set():
                return size
            await self.news.wait()

    async def outlasts(self, waiting):
        """Whether what is waited for came before the peer's leaving."""
        waits = [asyncio.ensure_future(waiting),
                 asyncio.ensure_future(self.gone.wait())]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            return waits[0].done()
        finally:
            for wait in waits:
                wait.cancel()

    async def exchange(self):
        """One request under its row; whether another may follow."""
        early = self.fresh and self.listener.next_row().get("read") == 0
        self.fresh = False
        if not early and await self.until(prefix_size(1)) is None:
            return False
        row = self.listener.next_row()
        self.listener.claimed += 1
        size = await self.until(
            prefix_size(row["read"]) if "read" in row else request_size)
        self.listener.record(self.number, bytes(self.buffer[:size]))
        for waiting in self.listener.waitings(row):
            if not await self.outlasts(waiting):
                return False
        if size is not None and row.get("echo"):
            row = echoed(row, bytes(self.buffer[:size]))
        if size is None or not await self.reply(row):
            return False
        return await self.AFTER[row["after"]](self, row)

    async def reply(self, row):
        for piece in pieces(row):
            await self.channel.send(piece)
            await asyncio.sleep(0)          # an endless body starves nobody
            if "drip" in row and not await self.outlasts(
                    asyncio.sleep(row["drip"])):
                return False
        return True

    async def keep(self, row):
        """What a row with read= left unread still belongs to its request."""
        size = await self.until(request_size)
        if size is not None:
            del self.buffer[:size]
        return size is not None

    async def stall(self, row):
        await self.gone.wait()

    async def reset(self, row):
        self.arm_reset()

    async def fin(self, row):
        await self.channel.goodbye()
        if "read" in row:
            await self.drain()
        else:
            self.sock.shutdown(socket.SHUT_WR)

    AFTER = {"keep": keep, "stall": stall, "rst": reset, "fin": fin}

    async def drain(self):
        """FIN, then read on: a close over unread bytes would send an RST."""
        await self.stop_pump()
        self.sock.shutdown(socket.SHUT_WR)
        while await Plain.recv(self.channel):
            pass

    def arm_reset(self):
        """To close now sends an RST and no close_notify; bytes that the
        peer's window has no room for are lost."""
        self.sock.setsockopt(
            socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    async def stop_pump(self):
        """Before the socket closes: its number may be given out again."""
        if self.pumping:
            self.pumping.cancel()
            await asyncio.wait({self.pumping})

    async def end(self):
        try:
            await self.stop_pump()
        finally:
            self.sock.close()
            self.listener.count("closed")


def tls_context(spec):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    if spec["max"] in ("1.0", "1.1"):
        context.set_ciphers("ALL:@SECLEVEL=0")      # else OpenSSL 3 refuses
    context.minimum_version, context.maximum_version = (
        ssl.TLSVersion["TLSv" + spec[end].replace(".0", "").replace(".", "_")]
        for end in ("min", "max"))
    context.load_cert_chain(spec["cert"], spec["key"])
    return context


class Listener:
    """The methods that take a message are the commands to a listener."""
    def __init__(self, spec):
        self.rows = [decoded_row(row) for row in spec["rows"]]
        self.context = tls_context(spec["tls"]) if "tls" in spec else None
        self.barrier = spec.get("barrier", 0)
        self.counts = dict.fromkeys(COUNTED, 0)
        self.requests, self.gates, self.claimed = [], {}, 0
        self.tasks, self.fillers = set(), []
        self.changed = asyncio.Event()
        family = socket.AF_INET6 if ":" in spec["host"] else socket.AF_INET
        self.sock = socket.socket(family, socket.SOCK_STREAM)
        self.sock.setblocking(False)
        if spec["port"]:        # perhaps one whose last connections linger
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.sock.bind((spec["host"], spec["port"]))

    async def open(self, ignore):
        self.sock.listen(0 if ignore else 1024)
        if ignore:
            await self.fill()
        else:
            self.start(self.accept())
        return self.sock.getsockname()[1]

    def start(self, coroutine):
        task = asyncio.ensure_future(coroutine)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def accept(self):
        loop = asyncio.get_running_loop()
        while True:
            try:
                sock, _ = await loop.sock_accept(self.sock)
            except OSError:
                await asyncio.sleep(0.05)   # out of descriptors: do not spin
                continue
            self.count("connections")
            self.start(Connection(self, sock).serve())

    async def fill(self):
        """Nobody accepts, and backlog 0 leaves one place in the kernel's
        accept queue. Connects of our own take the places until one is seen
        to hang: Linux drops the SYNs of all further ones without a word."""
        loop = asyncio.get_running_loop()
        for _ in range(MAX_FILLERS):
            filler = socket.socket(self.sock.family, socket.SOCK_STREAM)
            filler.setblocking(False)
            self.fillers.append(filler)
            connect = loop.sock_connect(filler, self.sock.getsockname())
            try:
                await asyncio.wait_for(connect, HANGS)
            except asyncio.TimeoutError:
                return
        raise RuntimeError("connects do not hang on this system")

    def next_row(self):
        return self.rows[min(self.claimed, len(self.rows) - 1)]

    def record(self, connection, raw):
        if not raw:
            return                          # read=0, or a peer that left
        if len(self.requests) < MAX_RECORDED:
            self.requests.append({
                "connection": connection,
                "complete": request_size(raw) == len(raw),
                "raw": base64.b64encode(raw).decode()})
        self.count("requests")

    def count(self, what):
        self.counts[what] += 1
        self.changed.set()
        self.changed = asyncio.Event()

    async def reach(self, what, n):
        while self.counts[what] < n:
            await self.changed.wait()

    def gate(self, name):
        return self.gates.setdefault(name, asyncio.Event())

    def waitings(self, row):
        if self.barrier:
            yield self.reach("requests", self.barrier)
        if "hold" in row:
            yield self.gate(row["hold"]).wait()
        if "delay" in row:
            yield asyncio.sleep(row["delay"])

    async def log(self, message):
        left = self.counts["connections"] - self.counts["closed"]
        return {**self.counts, "requests": self.requests, "open": left}

    async def release(self, message):
        self.gate(message["name"]).set()

    async def wait(self, message):
        what, n, seconds = message["what"], message["n"], message["seconds"]
        try:
            await asyncio.wait_for(self.reach(what, n), seconds)
        except asyncio.TimeoutError:
            raise RuntimeError("%d of %d %s after %g s" % (
                self.counts[what], n, what, seconds)) from None

    async def close(self, message):
        tasks = set(self.tasks)
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
        for sock in [self.sock, *self.fillers]:
            sock.close()


listeners = []


async def obey(message):
    command = message["command"]
    if command != "listen":
        listener = listeners[message["listener"]]
        return await getattr(listener, command)(message) or {}
    listeners.append(Listener(message))
    port = await listeners[-1].open(message["ignore"])
    return {"listener": len(listeners) - 1, "port": port}


async def answer(message, writer):
    try:
        reply = await obey(message)
    except Exception as problem:
        reply = {"error": "%s: %s" % (type(problem).__name__, problem)}
    writer.write(json.dumps(reply).encode() + b"\n")


async def follow_parent():
    """What the parent has started since may hold a copy of the control
    socket, which then stays open although the parent is dead."""
    parent = os.getppid()
    while os.getppid() == parent:
        await asyncio.sleep(1)
    os._exit(0)


async def control(port):
    reader, writer = await asyncio.open_connection(
        "127.0.0.1", port, limit=MAX_LINE)
    running = {asyncio.ensure_future(follow_parent())}
    while True:
        line = await reader.readline()
        message = json.loads(line or '{"command": "stop"}')
        if message["command"] == "stop":
            os._exit(0)
        task = asyncio.ensure_future(answer(message, writer))
        running.add(task)
        task.add_done_callback(running.discard)


def main():
    # A copy of a client's socket here would keep its FIN from leaving.
    os.closerange(3, 4096)
    signal.signal(signal.SIGINT, signal.SIG_IGN)    # Ctrl-C is the parent's
    warnings.simplefilter("ignore")                 # old TLS is on purpose
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    try:
        asyncio.run(control(int(sys.argv[1])))
    except ConnectionError:
        os._exit(0)                                 # the parent died


if __name__ == "__main__":
    main()
