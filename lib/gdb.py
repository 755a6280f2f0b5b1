# SPDX-License-Identifier: BSD-3-Clause
"""Pretty-printers for gdb: addresses, prefixes, tuples, references, TCBs and TIME_WAIT entries.

    gdb -x lib/gdb.py PROGRAM          or, in gdb:  source lib/gdb.py
    (gdb) print *c                     a TCB, its flags and its state by name
    (gdb) print ref                    TW4 slot 17
    (gdb) print/r *c                   the same without a printer

The names of flags and states are read from the debug information (a build with --buildtype=debugoptimized has it). A
value without a name is printed as a number."""

import ipaddress

import gdb
import gdb.printing

POOL = {0: "none", 1: "TCB", 2: "TW4", 3: "TW6"}  # enum la_pool


def enum_names(enum, prefix):
    """Returns [(value, name without prefix)] of an enum; [] when the program has no debug information of the enum."""
    try:
        fields = gdb.lookup_type("enum " + enum).fields()
    except gdb.error:
        return []
    return [(f.enumval, f.name.removeprefix(prefix)) for f in fields]


def enum_name(value, enum, prefix):
    return dict(enum_names(enum, prefix)).get(int(value), str(int(value)))


def flag_names(value, enum, prefix):
    """Returns the names of the single bits that are set, and other bits as a number."""
    rest, names = int(value), []
    for bit, name in enum_names(enum, prefix):
        bit &= 0xffffffff
        if bit and bit & (bit - 1) == 0 and rest & bit:
            names.append(name)
            rest &= ~bit
    if rest or not names:
        names.append(hex(rest))
    return " | ".join(names)


def address(value):
    raw = bytes(int(value["b"][i]) for i in range(16))
    if raw == bytes(16):
        return "any"
    ip = ipaddress.IPv6Address(raw)
    return str(ip.ipv4_mapped or ip)


def endpoint(ip, port):
    return f"[{ip}]:{int(port)}" if ":" in ip else f"{ip}:{int(port)}"


def tuple_text(laddr, lport, raddr, rport):
    return f"{endpoint(laddr, lport)} <-> {endpoint(raddr, rport)}"


class Text:
    """A value that is one line of text."""

    def __init__(self, text):
        self.text = text

    def to_string(self):
        return self.text


class Struct:
    """A line of text, then the fields. `replace` gives the text of some fields; those in `hide` are not printed."""

    def __init__(self, value, text, replace, hide):
        self.value, self.text, self.replace, self.hide = value, text, replace, hide

    def to_string(self):
        return self.text

    def children(self):
        yield from self.fields(self.value)

    def fields(self, value):
        for f in value.type.fields():
            if f.name is None or f.name == "":  # members of an anonymous struct or union
                yield from self.fields(value[f])
            elif f.name not in self.hide:
                yield f.name, self.replace.get(f.name, value[f])


def print_addr(v):
    return Text(address(v))


def print_prefix(v):
    return Text(f"{address(v['addr'])}/{int(v['len'])}")


def print_tuple(v):
    return Text(tuple_text(address(v["laddr"]), v["lport"], address(v["raddr"]), v["rport"]))


def print_ref(v):
    pool, slot = int(v) >> 30, int(v) & (1 << 30) - 1
    return Text(f"{POOL[pool]} slot {slot}" if pool else "none")


def print_tcb(v):
    state = enum_name(v["state"], "la_state", "LA_")
    text = tuple_text(address(v["laddr"]), v["lport"], address(v["raddr"]), v["rport"]) + " " + state
    return Struct(v, text, {"flags": flag_names(v["flags"], "la_tcb_flag", "LA_F_")},
                  {"state", "laddr", "raddr", "lport", "rport"})


def entry_flags(flags):
    """Returns the parts of la_tw_core.flags (enum la_tw_flag): life, bits, class of the lifetime, time of the last
    rate-limited answer."""
    flags = int(flags)
    words = [enum_name(flags & 3, "la_tw_life", "LA_TW_")]
    words += [name for bit, name in ((4, "TS"), (8, "WHEEL"), (0x8000, "FW2")) if flags & bit]
    return " | ".join(words) + f", class {flags >> 4 & 15}, throttle {flags >> 8 & 0x7f}"


def print_tw_core(v):
    return Struct(v, None, {"flags": entry_flags(v["flags"])}, set())


def ip4(value):
    """Returns the text of an IPv4 address, a uint32_t in network byte order on a little-endian machine."""
    return str(ipaddress.IPv4Address(int(value).to_bytes(4, "little")))


def print_tw4(v):
    text = tuple_text(ip4(v["laddr"]), v["lport"], ip4(v["raddr"]), v["rport"])
    return Struct(v, text, {}, {"laddr", "raddr", "lport", "rport"})


def print_tw6(v):
    text = tuple_text(address(v["laddr"]), v["lport"], address(v["raddr"]), v["rport"])
    return Struct(v, text, {}, {"laddr", "raddr", "lport", "rport", "spare"})


PRINTERS = {"la_addr": print_addr, "la_prefix": print_prefix, "la_tuple": print_tuple, "la_ref": print_ref,
            "la_tcb": print_tcb, "la_tw_core": print_tw_core, "la_tw4": print_tw4, "la_tw6": print_tw6}


class Lastack(gdb.printing.PrettyPrinter):
    def __call__(self, value):
        t = value.type.unqualified()
        make = PRINTERS.get(t.name or t.tag)
        return make(value) if make else None


gdb.printing.register_pretty_printer(None, Lastack("lastack"), replace=True)
