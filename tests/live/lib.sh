# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash
#
# Shared by all live tests. A test is called as `NN-name DEVICE LASTACK` and sources this file.
#
#   device tap                                     device veth (AF_PACKET) and xdp (AF_XDP)
#
#   +- namespace $nsk ------------------+          +- namespace $nsk -+      +- namespace $nsl -----+
#   | kernel: curl, wrk, nc, ss, nft    |          | kernel: curl ... |      |                      |
#   | 10.0.0.1/24 fd00::1/64            |          | 10.0.0.1/24      |      | lastack              |
#   |   la0 ==tap== lastack             |          | fd00::1/64       |      | 10.0.0.2/24          |
#   |               10.0.0.2 fd00::2    |          |   la0 -----------+-veth-+-- la1   fd00::2/64   |
#   +-----------------------------------+          +------------------+      +----------------------+
#
# The device `kernel` tests the tests: a server on the kernel's own TCP replaces lastack behind la1. A check that
# fails there is a wrong check.
#
# 19-port-matrix also runs on memif and ring, which have no interface: the peer is another lastack.
#
# tcpdump captures on la0, on the kernel's side. The kernel's offloads are off, so that the capture has every frame
# as it was sent. When the script ends, for any reason, it removes its namespaces, processes and files.

set -uo pipefail

device=${1:?usage: $0 tap|veth|xdp LASTACK}
lastack=$(realpath "${2:?usage: $0 tap|veth|xdp LASTACK}")
here=$(cd "$(dirname "$0")" && pwd)
nsk=lastack-$$-k nsl=lastack-$$-l
work=$(mktemp -d)
lastack_pid='' tcpdump_pid='' captures=0 failures=0
children=()

cleanup()
{
	local pid
	trap '' EXIT INT TERM
	for pid in $lastack_pid $tcpdump_pid ${children+"${children[@]}"}; do
		kill -KILL "$pid" 2>/dev/null
	done
	wait 2>/dev/null
	ip netns del "$nsk" 2>/dev/null
	ip netns del "$nsl" 2>/dev/null
	[ -n "${KEEP:-}" ] && echo "# kept: $work" || rm -rf "$work"
}
trap cleanup EXIT
trap 'exit 130' INT TERM

ok() { echo "ok - $*"; }

not_ok()
{
	echo "not ok - $*"
	failures=$((failures + 1))
}

skip() { echo "skip - $*"; }

note() { echo "# $*"; }

# show FILE [LINES]: prints the last lines of a file (15 by default) as comments, without the server's live lines.
show() { grep -v 'opens/s' "$1" 2>/dev/null | tail -n "${2:-15}" | cut -c 1-200 | sed 's/^/#   /'; }

# check WHAT COMMAND...: one case, which passes if the command succeeds. The command's output is shown if it fails.
check()
{
	local what=$1
	shift
	if "$@" >"$work/check.log" 2>&1; then
		ok "$what"
	else
		not_ok "$what (status $?: $*)"
		show "$work/check.log"
	fi
}

# equal WHAT GOT WANTED
equal() { if [ "$2" = "$3" ]; then ok "$1"; else not_ok "$1: got '$2', wanted '$3'"; fi; }

# at_least WHAT GOT WANTED
at_least()
{
	if [ "${2:-0}" -ge "$3" ] 2>/dev/null; then ok "$1"; else not_ok "$1: got '$2', wanted $3 or more"; fi
}

# k COMMAND...: runs the command in the kernel's namespace, for at most $limit seconds (60 by default).
k() { timeout -k 5 "${limit:-60}" ip netns exec "$nsk" "$@"; }

peer() { k /usr/bin/python3 "$here/peer" "$@"; }

# until_true SECONDS COMMAND...: repeats the command until it succeeds. Fails after SECONDS.
until_true()
{
	local end=$((SECONDS + $1))
	shift
	until "$@" >/dev/null 2>&1; do
		[ $SECONDS -lt $end ] || return 1
		sleep 0.1
	done
}

kernel_side_up()
{
	ip -n "$nsk" addr replace 10.0.0.1/24 dev la0 &&
		ip -n "$nsk" addr replace fd00::1/64 dev la0 nodad &&
		ip -n "$nsk" link set la0 up || return 1
	# The loop ignores errors: an offload that a driver cannot switch is off already.
	for feature in tx tso gso gro; do
		ip netns exec "$nsk" ethtool -K la0 $feature off >/dev/null 2>&1
	done
	return 0
}

make_namespaces()
{
	ip netns add "$nsk" && ip -n "$nsk" link set lo up || exit 1
	# A test of ten thousand closes may need more ports than the default range has.
	ip netns exec "$nsk" sysctl -qw net.ipv4.ip_local_port_range="1024 65535"
	case $device in
	tap | memif | ring) return ;;
	esac
	ip netns add "$nsl" || exit 1
	if [ "$device" != kernel ]; then
		# la1 belongs to lastack: the kernel behind it sends nothing.
		ip netns exec "$nsl" sysctl -qw net.ipv6.conf.all.disable_ipv6=1 \
			net.ipv6.conf.default.disable_ipv6=1
	fi
	ip -n "$nsk" link add la0 type veth peer name la1 netns "$nsl" || exit 1
	ip -n "$nsl" link set la1 up && kernel_side_up || exit 1
	if [ "$device" = kernel ]; then
		ip -n "$nsl" link set lo up
		ip -n "$nsl" addr add 10.0.0.2/24 dev la1
		ip -n "$nsl" addr add fd00::2/64 dev la1 nodad
		ip netns exec "$nsl" ethtool -K la1 tx off gso off tso off gro off >/dev/null 2>&1
	fi
}

# launch LOG SUBCOMMAND ARGS...: starts lastack on the device, then the capture on la0. Returns 1 if the TAP of lastack
# does not appear within 30 s or cannot be configured.
launch()
{
	local log=$1 ns=$nsl port=()
	shift
	case $device in
	tap) ns=$nsk port=(--tap la0) ;;
	veth) port=(--veth "la1${veth_args:-}") ;;
	xdp) port=(--xdp la1) ;;
	esac
	if [ "$device" = kernel ]; then
		ip netns exec "$ns" /usr/bin/python3 "$here/peer" "$@" >"$log" 2>&1 &
		until_true 10 eval "ip netns exec $ns ss -tlnH | grep -q ':80 '"
	else
		ip netns exec "$ns" "$lastack" "$1" "${port[@]}" "${@:2}" >"$log" 2>&1 &
	fi
	lastack_pid=$!
	if [ "$device" = tap ]; then
		if ! until_true 30 ip -n "$nsk" link show la0 || ! kernel_side_up; then
			show "$log"
			return 1
		fi
	fi
	captures=$((captures + 1))
	ip netns exec "$nsk" tcpdump -i la0 -n -s 0 -B 131072 -Z root -w "$work/$captures.pcap" \
		2>"$work/tcpdump.log" &
	tcpdump_pid=$!
	until_true 20 grep -q 'listening on' "$work/tcpdump.log" || show "$work/tcpdump.log"
	return 0
}

answers() { k ping -c 1 -W 1 10.0.0.2 && k ping -c 1 -W 1 fd00::2; }

# server ARGS...: starts a server with these services and ports, and ARGS as further arguments; waits until it answers.
server()
{
	rm -f "$work/server.json"
	launch "$work/server.log" server --addr 10.0.0.2/24 --addr fd00::2/64 \
		--http 80 --echo 7 --discard 9 --chargen 19 --close 7777 \
		--msl 1s --drain 5s --json "$work/server.json" "$@" &&
		until_true 30 answers && return 0
	not_ok "the server is up on $device"
	kill -TERM "$lastack_pid" 2>/dev/null
	until_true 15 eval "! kill -0 $lastack_pid"
	show "$work/server.log" 30
	exit 1
}

# counter NAME [FILE]: prints the number NAME of the summary (JSON), at any depth of the JSON.
counter() { /usr/bin/python3 "$here/peer" json "$1" "${2:-$work/server.json}"; }

# Prints the kernel's sockets that are closing.
closing_sockets() { k ss -tanH | grep -E '^(FIN-WAIT-[12]|CLOSING|LAST-ACK)'; }

no_closing_socket() { ! closing_sockets; }

# kernel_counter NAME: prints a counter of nstat in the kernel's namespace, counted since the namespace was created.
kernel_counter() { k nstat -asz "$1" | awk -v name="$1" '$1 == name { print $2 }'; }

# check_not_stuck [WHAT]: within 15 s no socket of the kernel is in FIN-WAIT, CLOSING or LAST-ACK any more.
check_not_stuck()
{
	if until_true 15 no_closing_socket; then
		ok "${1:+$1: }no socket of the kernel stuck in FIN-WAIT, CLOSING or LAST-ACK"
	else
		not_ok "${1:+$1: }sockets of the kernel stuck in FIN-WAIT, CLOSING or LAST-ACK"
		closing_sockets >"$work/stuck.log"
		show "$work/stuck.log"
	fi
}

# Succeeds if tcpdump reports as many packets captured as received by its filter.
capture_is_whole()
{
	kill -USR1 "$tcpdump_pid" 2>/dev/null || return 0 # tcpdump has ended, because its device is gone
	sleep 0.1
	tail -n 1 "$work/tcpdump.log" |
		awk '/packets captured, / { whole = $2 == $5 } END { exit !whole }'
}

# Waits until tcpdump has all frames. The kernel gives frames to tcpdump about once a second, later on a busy machine.
finish_capture() { until_true 15 capture_is_whole; }

stop_capture()
{
	kill -INT "$tcpdump_pid" 2>/dev/null
	wait "$tcpdump_pid" 2>/dev/null
	tcpdump_pid=''
}

# check_capture [WHAT]: ends the capture and checks lastack's frames in it with tshark.
check_capture()
{
	finish_capture
	stop_capture
	if [ "$device" = kernel ]; then
		rm -f "$work/$captures.pcap" # the kernel writes a checksum of 0 as 0xffff, which tshark calls bad
		return
	elif "$here/judge" "$work/$captures.pcap" 10.0.0.2 fd00::2 >"$work/judge.log" 2>&1; then
		ok "${1:+$1: }capture clean by tshark ($(sed -n 's/^# judged //p' "$work/judge.log"))"
	else
		not_ok "${1:+$1: }tshark finds faults in lastack's frames"
		show "$work/judge.log" 25
	fi
	grep -E '^[1-9][0-9]* packets dropped by kernel' "$work/tcpdump.log" | sed 's/^/# tcpdump: /'
	[ -n "${KEEP:-}" ] || rm -f "$work/$captures.pcap"
}

# lastack_ends SECONDS: waits until lastack ends, and kills it after SECONDS. Returns lastack's status.
lastack_ends()
{
	local status
	until_true "$1" eval "! kill -0 $lastack_pid" || kill -KILL "$lastack_pid" 2>/dev/null
	wait "$lastack_pid"
	status=$?
	lastack_pid=''
	return $status
}

# user_space LIMIT PROGRAM WHAT ARGS...: runs a user-space peer (time_wait.py, restart.py) on la0, for at most LIMIT
# seconds. The peer prints its cases. Status 10 of the peer: a case failed.
user_space()
{
	limit=$1 k /usr/bin/python3 "$here/$2" "$3" la0 "${@:4}"
	case $? in
	0) ;;
	10) failures=$((failures + 1)) ;;
	*) not_ok "$2 $3 did not run to its end" ;;
	esac
}

# server_ends [WHAT]: stops the server with SIGTERM, and makes the checks at the end of every run.
server_ends()
{
	local status
	check_not_stuck "${1:-}"
	kill -TERM "$lastack_pid" 2>/dev/null
	lastack_ends 20
	status=$?
	check_capture "${1:-}"
	if [ $status != 0 ]; then
		not_ok "${1:+$1: }the server ends with status $status on SIGTERM, wanted 0"
		show "$work/server.log" 30
		return
	fi
	ok "${1:+$1: }the server ends with status 0 on SIGTERM"
	[ "$device" = kernel ] && return
	equal "${1:+$1: }early recycles" "$(counter early_recycles)" 0
	equal "${1:+$1: }unexplained drops" "$(counter unexplained_drops)" 0
}

# finish: ends the test. Status 0: no case failed.
finish() { [ $failures = 0 ]; exit; }

make_namespaces
