#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""tests/live/vlan_relay.py IFACE VLAN NAME: makes the TAP interface NAME, which is VLAN VLAN of the interface IFACE.

It does what `ip link add link IFACE name NAME type vlan id VLAN` does, for kernels without VLAN devices. Frames of other
VLANs and untagged frames of IFACE do not reach NAME."""

import fcntl
import select
import socket
import struct
import sys

TUNSETIFF, IFF_TAP, IFF_NO_PI = 0x400454CA, 2, 0x1000
ETH_P_ALL, SOL_PACKET, PACKET_AUXDATA, PACKET_OUTGOING, VLAN_VALID = 3, 263, 8, 4, 1 << 4


def tag_of(ancillary):
    """The kernel takes the tag off a frame and keeps it in struct tpacket_auxdata."""
    for level, kind, data in ancillary:
        if (level, kind) == (SOL_PACKET, PACKET_AUXDATA):
            status, tci = struct.unpack_from("I12xH", data[:18] + bytes(2))
            if status & VLAN_VALID:
                return tci & 0xFFF
    return None


def main():
    iface, vlan, name = sys.argv[1], int(sys.argv[2]), sys.argv[3]
    with open("/dev/net/tun", "r+b", buffering=0) as tap, \
            socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL)) as wire:
        fcntl.ioctl(tap, TUNSETIFF, struct.pack("16sH22x", name.encode(), IFF_TAP | IFF_NO_PI))
        wire.bind((iface, ETH_P_ALL))
        wire.setsockopt(SOL_PACKET, PACKET_AUXDATA, 1)
        tag = struct.pack("!HH", 0x8100, vlan)
        while True:
            for ready in select.select([tap, wire], [], [])[0]:
                try:
                    if ready is tap:
                        frame = tap.read(65536)
                        wire.send(frame[:12] + tag + frame[12:])
                        continue
                    frame, ancillary, _, address = wire.recvmsg(65536, 64)
                    if address[2] != PACKET_OUTGOING and tag_of(ancillary) == vlan:
                        tap.write(frame)
                except OSError:  # an interface is down or gone
                    pass


main()
