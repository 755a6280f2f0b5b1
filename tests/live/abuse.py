#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""tests/live/abuse.py WHAT ...: clients on the kernel's TCP that overload a server, and honest clients.

  uploads HOST N SECONDS     N sockets send to discard as fast as they can; prints the MB/s of the second half of
                             SECONDS
  unread HOST N SECONDS      N sockets send to echo and never read
  pipeline HOST N SECONDS    N sockets send GET /bytes/257 without end and never read
  slow HOST N SECONDS        N sockets read a byte of a large answer every 100 ms
  flood IF VIA HOST RATE SECONDS  sends RATE SYNs a second to HOST on interface IF, through AF_PACKET; the sources are
                             on-link addresses that do not exist, the destination MAC is that of VIA
  honest SECONDS HOST...     eight clients at the same time send GETs one after the other, and compare every byte;
                             prints "SUCCEEDED BEGUN P99-IN-MS"

At its end an attack resets every socket, as a kernel does for a killed process."""

import random
import resource
import select
import socket
import struct
import subprocess
import sys
import threading
import time

import wire

BODY = bytes(range(251)) * 400
CLIENTS = 8
STALL_LIMIT = 3  # seconds without progress
GET = b"GET /bytes/257 HTTP/1.1\r\nHost: a\r\n\r\n" * 40


def open_all(host, port, n, rcvbuf=0):
    """Yields n sockets, each of which has begun to connect."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    for _ in range(n):
        s = socket.socket(family, socket.SOCK_STREAM)
        s.setblocking(False)
        s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        if rcvbuf:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, rcvbuf)
        s.connect_ex((host, port))
        yield s


def acked(sockets):
    """Returns the number of bytes that the server has acknowledged on all sockets (tcpi_bytes_acked)."""
    total = 0
    for s in sockets:
        info = s.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 256)
        total += struct.unpack_from("=Q", info, 120)[0]
    return total


def send_all(host, port, n, seconds, text, rcvbuf=0):
    """Sends text repeatedly on n sockets. Returns the bytes that are acknowledged in the second half of the time."""
    end = time.monotonic() + seconds
    poll = select.epoll()
    by_number, at = {}, {}
    for s in open_all(host, port, n, rcvbuf):
        by_number[s.fileno()], at[s.fileno()] = s, 0
        poll.register(s, select.EPOLLOUT)
    middle = None
    while (now := time.monotonic()) < end:
        if middle is None and end - now < seconds / 2:
            middle = acked(by_number.values())
        for number, _ in poll.poll(end - now):
            try:
                sent = by_number[number].send(text[at[number]:])
            except BlockingIOError:
                continue
            except OSError:
                poll.unregister(number)
                continue
            at[number] = (at[number] + sent) % len(text)
    late = acked(by_number.values()) - (middle or 0)
    for s in by_number.values():
        s.close()
    return late


def slow(host, n, seconds):
    end = time.monotonic() + seconds
    sockets = list(open_all(host, 80, n, 2304))
    time.sleep(0.3)
    for s in sockets:
        try:
            s.send(b"GET /bytes/10000000 HTTP/1.1\r\nHost: a\r\n\r\n")
        except OSError:
            pass
    while time.monotonic() < end:
        for s in sockets:
            try:
                s.recv(1)
            except OSError:
                pass
        time.sleep(0.1)
    for s in sockets:
        s.close()


def mac_of(host):
    """Returns the MAC of an address in the kernel's neighbour table."""
    out = subprocess.run(["ip", "neigh", "show", host], capture_output=True, text=True, check=True).stdout.split()
    return bytes.fromhex(out[out.index("lladdr") + 1].replace(":", ""))


def flood(interface, via, host, rate, seconds):
    dst = wire.addr(host)
    four = len(dst) == 4
    sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
    sock.bind((interface, 3))
    ether = mac_of(via) + wire.MAC + wire.KINDS[4 if four else 6]
    start, sent = time.monotonic(), 0
    while (now := time.monotonic() - start) < seconds:
        while sent < now * rate:
            sent += 1
            near = struct.pack("!H", random.randrange(0x100, 0xff00)) if four else b"\x00\x09" + random.randbytes(4)
            src = dst[:-len(near)] + near
            tcp = struct.pack("!HHIIBBHHH", random.randrange(1024, 65536), 80, random.getrandbits(32), 0, 0x50, wire.SYN,
                              65535, 0, 0)
            sum_ = wire.cksum(wire.pseudo(src, dst, 6, 20) + tcp)
            tcp = tcp[:16] + struct.pack("!H", sum_) + tcp[18:]
            try:
                sock.send(ether + wire.ip_header(src, dst, 6, 20) + tcp)
            except OSError:
                pass
        time.sleep(0.002)


def get(host, n):
    """Sends one GET. Returns whether every byte arrived and the server closed. A SYN that the queue of the kernel's
    interface dropped is retransmitted after one second."""
    with socket.create_connection((host, 80), timeout=STALL_LIMIT) as s:
        s.settimeout(STALL_LIMIT)
        s.sendall(b"GET /bytes/%d HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n" % n)
        got = b""
        while part := s.recv(1 << 16):
            got += part
    head, _, body = got.partition(b"\r\n\r\n")
    return head.startswith(b"HTTP/1.1 200 ") and body == BODY[:n]


def client(number, end, hosts, took):
    """Opens connections until `end`, one after the other."""
    while (at := time.monotonic()) < end:
        try:
            good = get(hosts[number % len(hosts)], (257, 20000, 1, 100000)[len(took) % 4])
        except OSError:
            good = False
        took.append(time.monotonic() - at if good else None)
        time.sleep(0.05)


def honest(seconds, hosts):
    end = time.monotonic() + seconds
    took = [[] for _ in range(CLIENTS)]
    threads = [threading.Thread(target=client, args=(i, end, hosts, took[i])) for i in range(CLIENTS)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    every = [x for one in took for x in one]
    good = sorted(x for x in every if x is not None)
    print(len(good), len(every), round(1000 * good[(len(good) * 99 - 1) // 100]) if good else "-")


def main():
    what, *args = sys.argv[1:] or ["help"]
    if what == "uploads":
        print(round(send_all(args[0], 9, int(args[1]), float(args[2]), BODY) / float(args[2]) * 2e-6, 1))
    elif what == "unread":
        send_all(args[0], 7, int(args[1]), float(args[2]), BODY, 2304)
    elif what == "pipeline":
        send_all(args[0], 80, int(args[1]), float(args[2]), GET, 2304)
    elif what == "slow":
        slow(args[0], int(args[1]), float(args[2]))
    elif what == "flood":
        flood(args[0], args[1], args[2], int(args[3]), float(args[4]))
    elif what == "honest":
        honest(float(args[0]), args[1:])
    else:
        sys.exit(__doc__)


main()
