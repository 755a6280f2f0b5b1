#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""tests/live/bad_server.py ADDRESS PORT HOW: an HTTP server on the kernel's TCP. HOW selects its fault:

  normal   no fault: answers with 100 bytes of the pattern, closes after its client
  reset    resets every connection after the handshake
  garbage  answers with bytes that are no HTTP, closes after its client
  never    answers as `normal`, never closes
  trickle  answers as `normal`, but sends one byte every 0.3 s"""

import socket
import struct
import sys
import threading
import time

BODY = bytes(i % 251 for i in range(100))
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n" + BODY
kept = []


def request(conn):
    """Reads a request head. Returns False if the client's FIN arrives before the head is complete."""
    head = b""
    while b"\r\n\r\n" not in head:
        more = conn.recv(4096)
        if not more:
            return False
        head += more
    return True


def until_fin(conn):
    while conn.recv(4096):
        pass


def serve(conn, how):
    try:
        if how == "reset":
            conn.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        elif request(conn):
            if how == "trickle":
                for i in range(len(ANSWER)):
                    conn.sendall(ANSWER[i:i + 1])
                    time.sleep(0.3)
            else:
                conn.sendall(b"\0\377 no answer\r\n\r\n" * 20 if how == "garbage" else ANSWER)
            if how == "never":
                kept.append(conn)
                return
            until_fin(conn)
    except OSError:
        pass
    conn.close()


def main():
    address, port, how = sys.argv[1:]
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((address, int(port)))
        listener.listen(4096)
        while True:
            conn, _ = listener.accept()
            threading.Thread(target=serve, args=(conn, how), daemon=True).start()


main()
