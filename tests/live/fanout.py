# SPDX-License-Identifier: BSD-3-Clause
# fanout.py LASTACK: starts lastack on lb1. net_af_packet computes the fanout group of lastack from its pid and the
# interface's number. A socket on lb0 has joined this group before. lastack must start nevertheless.
import os, socket, sys

PACKET_FANOUT, MODE = 18, 0 | 0x8000 | 0x1000  # PACKET_FANOUT_HASH, with the flags DEFRAG and ROLLOVER
number = socket.if_nametoindex("lb1")
ready, go = os.pipe()
pid = os.fork()
if pid == 0:
    os.read(ready, 1)
    os.execv(sys.argv[1], [sys.argv[1], "server", "--veth", "lb1", "--addr", "10.0.9.2/24", "--http", "80",
                           "--duration", "200ms", "--quiet"])
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
s.bind(("lb0", 3))
group = (pid ^ number) & 0xffff | MODE << 16
s.setsockopt(263, PACKET_FANOUT, group.to_bytes(4, sys.byteorder))
os.write(go, b"x")
sys.exit(os.waitpid(pid, 0)[1] >> 8)
