# SPDX-License-Identifier: BSD-3-Clause
"""A TCP peer in user space, on an Ethernet interface.

Wire has a MAC and addresses that the kernel behind the interface does not have, so the kernel ignores frames to them.
Wire answers ARP and neighbour solicitations for these addresses, and gives received TCP segments to connections by
four-tuple. Conn is one connection of the peer. It sends only what a test calls. R, N and W are lastack's RCV.NXT,
SND.NXT and offered window, as in docs/conformance.md. CHK is <SEQ=N><ACK=R><CTL=ACK>.

Times are time.monotonic(). All segments are recorded; a failure prints the last of them."""

import asyncio
import collections
import errno
import ipaddress
import socket
import struct
import time

FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16
LETTERS = {"F": FIN, "S": SYN, "R": RST, "P": PSH, ".": ACK}
M32 = 0xFFFFFFFF
MAC = bytes.fromhex("020000000077")
STALL = 0.2  # seconds
TRIES = 4
ALL_PORTS = range(20000, 60000)


def addr(text):
    return ipaddress.ip_address(text).packed


DUT = {4: addr("10.0.0.2"), 6: addr("fd00::2")}
OURS = {4: [addr(f"10.0.0.{n}") for n in (50, 51, 52)], 6: [addr(f"fd00::{n}") for n in (50, 51, 52)]}
KINDS = {4: b"\x08\x00", 6: b"\x86\xdd"}


def after(a, b):
    """Returns whether a > b, modulo 2^32."""
    return 0 < (a - b & M32) < 1 << 31


def cksum(data):
    if len(data) & 1:
        data += b"\0"
    n = int.from_bytes(data, "big")
    return 0xFFFF - (n % 0xFFFF or 0xFFFF) if n else 0xFFFF


def ip_header(src, dst, proto, length):
    if len(src) == 4:
        h = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + length, 0, 0x4000, 64, proto, 0, src, dst)
        return h[:10] + struct.pack("!H", cksum(h)) + h[12:]
    return struct.pack("!IHBB16s16s", 6 << 28, length, proto, 255 if proto == 58 else 64, src, dst)


def pseudo(src, dst, proto, length):
    return src + dst + struct.pack("!HH" if len(src) == 4 else "!II", *(
        (proto, length) if len(src) == 4 else (length, proto)))


class Wrong(Exception):
    """lastack has broken a rule."""


class Stalled(Exception):
    """The machine was too slow for a valid result. The case must run again."""


class Segment:
    __slots__ = ("at", "flags", "seq", "ack", "win", "tsval", "tsecr", "wscale", "data")

    def __init__(self, at, flags, seq, ack, win, tsval=None, tsecr=None, wscale=None, data=b""):
        self.at, self.flags, self.seq, self.ack, self.win = at, flags, seq, ack, win
        self.tsval, self.tsecr, self.wscale, self.data = tsval, tsecr, wscale, data

    @classmethod
    def parse(cls, tcp, at):
        seq, ack, off, flags, win = struct.unpack_from("!IIBBH", tcp, 4)
        head, i, o = (off >> 4) * 4, 20, {}
        while i < head and tcp[i] != 0:
            if tcp[i] == 1:
                i += 1
                continue
            o[tcp[i]] = tcp[i + 2:i + tcp[i + 1]]
            i += max(tcp[i + 1], 2)
        ts = struct.unpack("!II", o[8]) if 8 in o else (None, None)
        return cls(at, flags, seq, ack, win, *ts, o[3][0] if 3 in o else None, tcp[head:])

    def letters(self):
        return "".join(c for c, bit in LETTERS.items() if self.flags & bit) or "-"

    def __str__(self):
        ts = "" if self.tsval is None else f" TS {self.tsval} {self.tsecr}"
        return f"{self.letters():3} seq={self.seq} ack={self.ack} len={len(self.data)} win={self.win}{ts}"


class Wire:
    def __init__(self, interface, lifetime):
        self.sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        self.sock.setsockopt(socket.SOL_SOCKET, 33, 64 << 20)  # SO_RCVBUFFORCE
        self.sock.bind((interface, 3))  # ETH_P_ALL
        self.sock.setblocking(False)
        self.lifetime = lifetime  # 2*MSL, seconds
        self.conns, self.listeners, self.mac = {}, {}, {}
        self.ports = iter(())
        # What lastack's counters must be at the end.
        self.delivered = self.entered = self.reopened = self.given_back = 0
        self.again = collections.Counter()  # how often each case ran again
        self.stalls = []  # times at which stalls ended
        self.asked = None  # time of the ARP request that is not answered yet
        asyncio.get_running_loop().add_reader(self.sock, self.readable)
        self.watcher = asyncio.create_task(self.watch())

    async def watch(self):
        """Records the times at which this program or lastack did not run. Results of these times are invalid."""
        while True:
            slept = time.monotonic()
            await asyncio.sleep(0.02)
            now = time.monotonic()
            if now - slept > STALL or self.asked and now - self.asked > STALL:
                self.stalls.append(now)
            if 4 in self.mac and (not self.asked or now - self.asked > 1):
                self.asked = now
                self.ask_arp()

    async def steady(self, make, what):
        """Awaits make(). Repeats it if it failed and the machine stalled in that time."""
        for left in reversed(range(TRIES)):
            start = time.monotonic()
            try:
                return await make()
            except (Wrong, Stalled) as e:
                await asyncio.sleep(STALL)  # the watcher may not have run yet
                stalled = isinstance(e, Stalled) or any(t >= start for t in self.stalls)
                if not left or not stalled:
                    raise
                self.again[what] += 1
        return None

    def port(self):
        for p in self.ports:
            return p
        self.ports = iter(ALL_PORTS)
        return self.port()

    def frame(self, dst, kind, packet):
        for _ in range(1000):
            try:
                return self.sock.send(dst + MAC + kind + packet)
            except OSError as e:
                if e.errno not in (errno.EAGAIN, errno.ENOBUFS):
                    raise
                time.sleep(0.001)  # the device's queue is full
        raise Stalled("the interface takes no frame for a second")

    def send_tcp(self, src, dst, sport, dport, flags, seq, ack, win, opts, data):
        tcp = struct.pack("!HHIIBBHHH", sport, dport, seq & M32, ack & M32,
                          (20 + len(opts)) // 4 << 4, flags, win, 0, 0) + opts + data
        c = cksum(pseudo(src, dst, 6, len(tcp)) + tcp)
        tcp = tcp[:16] + struct.pack("!H", c) + tcp[18:]
        v = 4 if len(src) == 4 else 6
        self.frame(self.mac[v], KINDS[v], ip_header(src, dst, 6, len(tcp)) + tcp)

    def readable(self):
        for _ in range(256):  # at most, so that other coroutines run
            try:
                f = self.sock.recv(65536)
            except BlockingIOError:
                return
            at, kind = time.monotonic(), f[12:14]
            if kind == b"\x08\x06":
                self.arp(f[14:])
            elif kind == KINDS[4] and f[23] == 6:
                end, head = 14 + int.from_bytes(f[16:18], "big"), 14 + (f[14] & 15) * 4
                self.tcp(f[26:30], f[30:34], f[head:end], at)
            elif kind == KINDS[6] and f[20] == 6:
                self.tcp(f[22:38], f[38:54], f[54:54 + int.from_bytes(f[18:20], "big")], at)
            elif kind == KINDS[6] and f[20] == 58:
                self.icmp6(f[22:38], f[54:], f[6:12])

    def tcp(self, src, dst, tcp, at):
        sport, dport = struct.unpack_from("!HH", tcp)
        conn = self.conns.get((dst, dport, src, sport))
        if conn is None and (dst, dport) in self.listeners:
            conn = self.listeners[dst, dport](src, sport)
        if conn is not None:
            conn.receive(Segment.parse(tcp, at))

    def arp(self, a):
        op, mac, src, dst = int.from_bytes(a[6:8], "big"), a[8:14], a[14:18], a[24:28]
        if src == DUT[4]:
            self.mac[4], self.asked = mac, None
        if op == 1 and dst in OURS[4]:
            self.frame(mac, b"\x08\x06", a[:6] + b"\0\2" + MAC + dst + mac + src)

    def ask_arp(self):
        self.frame(self.mac.get(4, b"\xff" * 6), b"\x08\x06", struct.pack(
            "!HHBBH6s4s6s4s", 1, 0x800, 6, 4, 1, MAC, OURS[4][0], b"", DUT[4]))

    def send_icmp6(self, mac, src, dst, body):
        c = cksum(pseudo(src, dst, 58, len(body)) + body)
        self.frame(mac, KINDS[6], ip_header(src, dst, 58, len(body)) + body[:2] + struct.pack("!H", c) + body[4:])

    def icmp6(self, src, body, mac):
        target = body[8:24]
        if body[0] == 136 and target == DUT[6]:
            self.mac[6] = body[26:32] if len(body) >= 32 else mac
        if body[0] == 135 and target in OURS[6] and any(src):
            self.send_icmp6(mac, target, src, struct.pack("!BBHI16sBB6s", 136, 0, 0, 3 << 29, target, 2, 1, MAC))

    async def resolve(self, families=(4, 6)):
        """Resolves lastack's MAC by ARP and neighbour solicitation."""
        for _ in range(100):
            if 4 in families and 4 not in self.mac:
                self.ask_arp()
            if 6 in families and 6 not in self.mac:
                last = DUT[6][13:]
                self.send_icmp6(b"\x33\x33\xff" + last, OURS[6][0], addr("ff02::1:ff00:0")[:13] + last,
                                struct.pack("!BBHI16sBB6s", 135, 0, 0, 0, DUT[6], 1, 1, MAC))
            await asyncio.sleep(0.1)
            if all(v in self.mac for v in families):
                return
        raise Wrong(f"no answer to ARP or neighbour solicitation: {self.mac}")


class Conn:
    def __init__(self, wire, v, ts, dport, sport=None, who=0, isn=None, other=None):
        self.wire, self.v, self.ts = wire, v, ts
        self.src, self.dst = OURS[v][who], other or DUT[v]
        self.sport, self.dport = sport or wire.port(), dport
        # The sequence numbers or timestamps of some connections wrap during the test.
        self.isn = (self.sport * 0x3000101 if isn is None else isn) & M32
        self.ts_base = (0xFFFFFB00 if self.sport & 1 else 0x1234567) - int(time.monotonic() * 1000)
        self.snd, self.R, self.N, self.W, self.wscale = self.isn, 0, 0, 0, 0
        self.last_ts = self.dut_ts = 0  # the TSval last sent, and the TSval last received
        self.entered_lo = self.entered_hi = None  # TIME_WAIT began between these times
        self.waiting, self.wake, self.trace = [], asyncio.Event(), []
        self.path = None
        wire.conns[self.src, self.sport, self.dst, self.dport] = self

    def wrong(self, what):
        t0 = self.entered_hi or (self.trace[0][0] if self.trace else 0)
        lines = [f"{at - t0:+.4f} s {way} {s}" for at, way, s in self.trace[-24:]]
        return Wrong("\n".join([f"{what}; R={self.R} N={self.N} W={self.W} port {self.sport}, times from "
                                + ("TIME_WAIT" if self.entered_hi else "the SYN")] + lines))

    # --- sending

    def now_ts(self):
        return self.ts_base + int(time.monotonic() * 1000) & M32

    def send(self, flags, seq, ack=0, data=b"", ts="now", win=65000):
        """Sends a segment. ts: "now", "last" (the TSval that was sent last), a TSval, or None for no timestamp."""
        bits, opts = sum(LETTERS[c] for c in flags), b""
        if bits & SYN:
            opts = struct.pack("!BBH", 2, 4, 1460 if self.v == 4 else 1440)
        if not self.ts or bits & RST:
            ts = ts if isinstance(ts, int) else None
        elif ts == "now":
            ts = self.last_ts = self.now_ts()
        elif ts == "last":
            ts = self.last_ts
        if ts is not None:
            ecr = self.dut_ts if bits & ACK else 0
            opts += struct.pack("!BBBBII", *((4, 2) if bits & SYN else (1, 1)), 8, 10, ts & M32, ecr)
            opts += b"\x01\x03\x03\x07" if bits & SYN else b""
        self.wire.send_tcp(self.src, self.dst, self.sport, self.dport, bits, seq, ack if bits & ACK else 0,
                           win, opts, data)
        self.trace.append((time.monotonic(), ">", Segment(0, bits, seq & M32, ack & M32, win, ts,
                                                          self.dut_ts if ts is not None else None, None, data)))

    # --- receiving

    def receive(self, s):
        self.trace.append((s.at, "<", s))
        self.waiting.append(s)
        self.wake.set()

    async def next(self, timeout):
        """Returns the next segment, or None after the timeout. Checks the rules that hold for every segment."""
        end = time.monotonic() + timeout
        while not self.waiting:
            self.wake.clear()
            try:
                await asyncio.wait_for(self.wake.wait(), max(0, end - time.monotonic()))
            except asyncio.TimeoutError:
                if not self.waiting:
                    return None
        s = self.waiting.pop(0)
        if not s.flags & RST:
            if self.ts != (s.tsval is not None):
                raise self.wrong("a segment without timestamp, although timestamps were negotiated" if self.ts else
                                 "a segment with timestamp, although timestamps were not negotiated")
            if self.ts and self.dut_ts and not s.flags & SYN and after(self.dut_ts, s.tsval):
                raise self.wrong(f"TSval {s.tsval} is below the earlier {self.dut_ts}")
            self.dut_ts = s.tsval or 0
            if s.win == 0:
                raise self.wrong("a segment with window 0")
        return s

    async def silent(self, seconds, what="silence"):
        s = await self.next(seconds)
        if s is not None:
            raise self.wrong(f"wanted {what}, got {s}")

    def is_chk(self, s):
        return s.flags == ACK and s.seq == self.N and s.ack == self.R and not s.data

    async def chk(self, what="CHK"):
        s = await self.next(3)
        if s is None or not self.is_chk(s):
            raise self.wrong(f"wanted {what}, got {s}")
        return s

    async def chk_or_silence(self, seconds=0.3):
        s = await self.next(seconds)
        if s is not None and not self.is_chk(s):
            raise self.wrong(f"wanted CHK or silence, got {s}")
        return s

    # --- reaching a state

    def take_syn_ack(self, s):
        self.N, self.R = s.seq + 1 & M32, s.ack
        self.wscale = s.wscale or 0 if self.ts else 0
        self.W = s.win
        self.dut_ts = s.tsval or 0

    async def open(self):
        self.snd = self.isn
        for _ in range(5):
            self.send("S", self.snd)
            s = await self.next(1.5)
            if s:
                break
        if s is None or s.flags != SYN | ACK or s.ack != self.isn + 1 & M32:
            raise self.wrong(f"wanted SYN,ACK, got {s}")
        self.take_syn_ack(s)
        self.snd = self.isn + 1 & M32
        self.send(".", self.snd, self.N)
        return self

    def data(self, b):
        self.send("P.", self.snd, self.N, b)
        self.snd = self.snd + len(b) & M32
        self.wire.delivered += len(b)

    async def read_to_fin(self):
        """Reads and acknowledges data until lastack's FIN has arrived and all of our data is acknowledged. Does not
        acknowledge the FIN. Returns the data."""
        got, fin = bytearray(), False
        while True:
            s = await self.next(5)
            if s is None or s.flags & (RST | SYN) or not s.flags & ACK:
                raise self.wrong(f"wanted data or FIN, got {s}")
            if after(s.seq, self.N):
                raise self.wrong(f"a hole before {s}")
            self.W, self.R = s.win << self.wscale, s.ack
            if s.seq == self.N:
                got += s.data
                fin = fin or bool(s.flags & FIN)
                self.N = self.N + len(s.data) + bool(s.flags & FIN) & M32
                if s.data and not fin:
                    self.send(".", self.snd, self.N)
            if fin and self.R == self.snd:
                return bytes(got)

    async def close(self, path):
        """After lastack's FIN: brings lastack into TIME_WAIT from FIN-WAIT-2 (path a), from FIN-WAIT-1 by a FIN that
        acknowledges lastack's FIN (b), or through CLOSING (c)."""
        self.path = path
        if path == "a":
            self.send(".", self.snd, self.N)
        self.entered_lo = time.monotonic()
        self.send("F.", self.snd, self.N - 1 if path == "c" else self.N)
        self.snd = self.R = self.snd + 1 & M32
        s = await self.chk("the FIN's ACK")
        self.W = s.win << self.wscale
        if path == "c":
            self.entered_lo = time.monotonic()
            self.send(".", self.R, self.N)
            await self.silent(0.03)
        self.entered_hi = time.monotonic()
        self.wire.entered += 1
        return self

    async def fin_wait_1(self, how="c"):
        """Opens, and makes the close service close both directions (how c) or shut down its sending side (s)."""
        await self.open()
        self.data(how.encode())
        await self.read_to_fin()
        return self

    def reset(self):
        """Resets an established connection."""
        self.send("R", self.snd)

    # --- in TIME_WAIT

    async def at(self, x, life=None):
        """Sleeps until x times 2*MSL after TIME_WAIT began."""
        life = life or self.wire.lifetime
        await asyncio.sleep(max(0, (self.entered_lo if x < 1 else self.entered_hi) + x * life - time.monotonic()))
        if x < 1 and time.monotonic() > self.entered_lo + life - 0.05:
            raise Stalled(f"the sleep to {x} * 2*MSL took too long")

    def repeat_fin(self):
        """Repeats the FIN, as after a lost last ACK. This restarts 2*MSL."""
        self.restarted = time.monotonic()
        self.send("F.", self.R - 1, self.N)

    async def fin_acked(self):
        s = await self.chk("the repeated FIN's ACK")
        self.entered_lo, self.entered_hi = self.restarted, time.monotonic()
        return s

    async def probe(self):
        """Sends an old ACK. Returns the time of sending, and the answer."""
        if self.waiting:
            raise self.wrong(f"an unexpected segment: {self.waiting[0]}")
        sent = time.monotonic()
        self.send(".", self.R - 1, self.N, ts="last")
        s = await self.next(3)
        if s is None:
            raise self.wrong("no answer to an old ACK")
        return sent, s

    async def there(self):
        """Checks that lastack is in TIME_WAIT: an old ACK draws CHK. If the answer arrives after 2*MSL, the check has
        no result."""
        sent, s = await self.probe()
        if self.is_chk(s):
            return
        if s.at >= self.entered_lo + self.wire.lifetime:
            raise Stalled("the answer came after 2*MSL")
        raise self.wrong(f"wanted CHK {sent - self.entered_lo:.3f} s after TIME_WAIT began, got {s}")

    async def gone(self, cookies=False):
        """Checks that the entry has expired: an old ACK draws RST. To be called LATE seconds or more after 2*MSL.
        cookies: lastack has sent SYN cookies recently, and drops an ACK without a valid cookie (lib/tcp/cookie.c)."""
        if cookies:
            self.send(".", self.R - 1, self.N, ts="last")
            await self.silent(0.5, "an old ACK after TIME_WAIT, while cookies are valid")
            return
        sent, s = await self.probe()
        if s.flags == RST and s.seq == self.N:
            return
        if self.is_chk(s) and s.at - sent > 0.05:
            raise Stalled("lastack did not run at the end of 2*MSL")
        raise self.wrong(f"wanted RST {sent - self.entered_hi:.3f} s after TIME_WAIT began, got {s}")

    # --- a SYN in TIME_WAIT

    def syn(self, isn, ts):
        self.isn_new = isn & M32
        self.send("S", isn, ts=ts)
        self.syn_ts = self.trace[-1][2].tsval

    async def reopened(self):
        """Checks that the last SYN is accepted. lastack is then in SYN_RCVD."""
        old_n, old_ts, self.ts = self.N, self.dut_ts, self.syn_ts is not None
        self.old = (self.R, self.N, self.wscale)
        s = await self.next(3)
        if s is None or s.flags != SYN | ACK or s.ack != self.isn_new + 1 & M32:
            raise self.wrong(f"wanted SYN,ACK with ack={self.isn_new + 1 & M32}, got {s}")
        if not after(s.seq, old_n):
            raise self.wrong(f"TW-20: ISS {s.seq} is not above the old SND.NXT {old_n}")
        if s.tsval is not None and old_ts and after(old_ts, s.tsval):
            raise self.wrong(f"the new TSval {s.tsval} is below the old {old_ts}")
        if self.ts and s.tsecr != self.syn_ts:
            raise self.wrong(f"TSecr is not the SYN's TSval {self.syn_ts}")
        self.take_syn_ack(s)
        self.snd = self.isn_new + 1 & M32
        self.last_ts = self.syn_ts
        return s

    def complete(self):
        """Sends the last ACK of the new handshake."""
        self.send(".", self.snd, self.N, ts="last")
        self.wire.reopened += 1
        self.entered_hi = None

    async def refused(self):
        """Checks that the last SYN is refused: CHK or no answer, and TIME_WAIT continues."""
        await self.chk_or_silence(0.6)
        await self.silent(0.6)
        await self.there()
