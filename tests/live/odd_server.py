#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""tests/live/odd_server.py ADDRESS PORT: an HTTP server. The path of a request selects the kind of the answer.

  odd_server.py --good     prints the kinds that browsers accept, a line for each
  odd_server.py --bad      prints a line KIND COUNTER for each faulty kind: COUNTER is the counter of the fault
"""

import socket
import struct
import sys
import threading
import time

OK = b"HTTP/1.1 200 OK\r\n"
ABC = OK + b"Content-Length: 3\r\n\r\nabc"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"

# The pieces to send, and what follows: keep (reads the next request), fin (sends a FIN and closes), half (sends a FIN,
# and closes after the client's FIN), rst (resets).
GOOD = {
    "length": ([ABC], "keep"),
    "pieces": ([bytes((c,)) for c in ABC], "keep"),
    "no-reason": ([b"HTTP/1.1 200\r\nContent-Length: 3\r\n\r\nabc"], "keep"),
    "lf": ([b"HTTP/1.1 200 OK\nContent-Length: 3\n\nabc"], "keep"),
    "folded": ([OK + b"X-Long: a\r\n b\r\nContent-Length:\r\n\t3\r\n\r\nabc"], "keep"),
    "equal-lengths": ([OK + b"Content-Length: 3, 3\r\nContent-Length: 3\r\n\r\nabc"], "keep"),
    "interim": ([b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n", ABC], "keep"),
    "204": ([b"HTTP/1.1 204 No Content\r\nContent-Length: 3\r\n\r\n"], "keep"),
    "304": ([b"HTTP/1.1 304 Not Modified\r\nContent-Length: 3\r\n\r\n"], "keep"),
    "chunked": ([CHUNKED + b"2\r\nab\r\n1\r", b"\nc\r\n0\r\n\r\n"], "keep"),
    "trailer": ([CHUNKED + b"3;a=\"b;c\"\r\nabc\r\n000;z\r\nContent-Length: 9\r\nX: y\r\n\r\n"], "keep"),
    "chunked-and-length": ([OK + b"Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"], "fin"),
    "close": ([OK + b"Connection: close\r\nContent-Length: 3\r\n\r\nabc"], "fin"),
    "until-close": ([OK + b"\r\nabc"], "fin"),
    "http10": ([b"HTTP/1.0 200 OK\r\nContent-Length: 3\r\n\r\nabc"], "fin"),
    "http10-keep": ([b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 3\r\n\r\nabc"], "keep"),
}
ALONE = {  # kinds that browsers accept, which need a run of their own
    "idle-close": ([ABC], "fin"),  # without Connection: close; the client must send the next request after the FIN
    "gzip": ([OK + b"Transfer-Encoding: chunked, gzip\r\n\r\nabc"], "half"),
}
BAD = {
    "garbage": ([b"SSH-2.0-OpenSSH_9.2\r\n"], "keep", "bad_status_line"),
    "no-colon": ([OK + b"Content-Length\r\n\r\n"], "keep", "bad_field"),
    "endless-head": ([OK] + [b"X: " + b"y" * 1000 + b"\r\n"] * 500, "keep", "head_too_long"),
    "different-lengths": ([OK + b"Content-Length: 3\r\nContent-Length: 4\r\n\r\n"], "keep", "bad_length"),
    "chunked-twice": ([OK + b"Transfer-Encoding: chunked, chunked\r\n\r\n"], "keep", "bad_coding"),
    "huge-chunk": ([CHUNKED + b"10000000000000000\r\nabc"], "keep", "bad_chunk"),
    "switch": ([b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n"], "keep",
               "switched_protocols"),
    "longer": ([ABC + b"def"], "keep", "extra_bytes"),
    "nothing": ([], "fin", "no_answer"),
    "half-a-head": ([OK + b"Content-Le"], "fin", "short_head"),
    "shorter": ([OK + b"Content-Length: 30\r\n\r\nabc"], "half", "short_body"),
    "reset": ([], "rst", "reset_before_answer"),
    "reset-in-head": ([OK + b"Content-Le"], "rst", "reset_in_head"),
    "reset-in-body": ([OK + b"Content-Length: 30\r\n\r\nabc"], "rst", "reset_in_body"),
    "500": ([b"HTTP/1.1 500 Oh\r\nContent-Length: 3\r\n\r\nabc"], "keep", "bad_status"),
    "silence": ([], "keep", "timed_out"),
}


def read_to_end(s):
    while s.recv(1 << 16):
        pass


def end(s, how):
    if how == "rst":
        time.sleep(0.05)  # so that the client receives the last piece before the RST
        s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        return
    s.shutdown(socket.SHUT_WR)
    if how == "half":
        read_to_end(s)


def check(head, body):
    """Returns whether this is the PUT request of tests/live/73-odd-server."""
    lines = head.split("\r\n")
    return (lines[0].startswith("PUT ") and "Host: odd.example" in lines and "X-Odd: a: b" in lines and
            "User-Agent: odd/1" in lines and f"Content-Length: {len(body)}" in lines and
            sum(line.lower().startswith(("host:", "user-agent:")) for line in lines) == 2 and
            body == (bytes(range(251)) * 300)[:70000])


def early(s, head, body):
    """Sends the answer before the request is complete, then reads to the client's FIN."""
    s.sendall(OK + b"Connection: close\r\nContent-Length: 0\r\n\r\n")
    read_to_end(s)


def serve(s):
    s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    rest = b""
    while True:
        while b"\r\n\r\n" not in rest:
            part = s.recv(1 << 16)
            if not part:
                return
            rest += part
        head, rest = rest.split(b"\r\n\r\n", 1)
        head = head.decode()
        method, path = head.split(" ")[:2]
        if path == "/early":
            early(s, head, rest)
            return
        length = [int(line.split(":")[1]) for line in head.split("\r\n") if line.startswith("Content-Length:")]
        while length and len(rest) < length[0]:
            rest += s.recv(1 << 16)
        body, rest = (rest[:length[0]], rest[length[0]:]) if length else (b"", rest)
        if path == "/check":
            s.sendall(ABC if check(head, body) else b"HTTP/1.1 400 Bad\r\nContent-Length: 0\r\n\r\n")
            continue
        pieces, then = (GOOD | ALONE | BAD)[path[1:]][:2]
        if method == "HEAD":
            pieces = [b"".join(pieces).split(b"\r\n\r\n")[0] + b"\r\n\r\n"]
        for piece in pieces:
            s.sendall(piece)
            if len(piece) > 1:
                time.sleep(0.002)
        if then != "keep":
            end(s, then)
            return


def connection(s):
    with s:
        try:
            serve(s)
        except OSError:
            pass


def main():
    if sys.argv[1:] == ["--good"]:
        print("\n".join(GOOD))
    elif sys.argv[1:] == ["--bad"]:
        print("\n".join(f"{kind} {row[2]}" for kind, row in BAD.items()))
    elif len(sys.argv) == 3:
        listener = socket.create_server((sys.argv[1], int(sys.argv[2])), backlog=1024)
        while True:
            threading.Thread(target=connection, args=(listener.accept()[0],), daemon=True).start()
    else:
        sys.exit(__doc__)


main()
