# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash
#
# What every live test shares. A test is called as `NN-name DEVICE LASTACK` and sources this file.
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
# device kernel is for the tests themselves: a stand-in on the kernel's own TCP plays lastack's part
# behind la1, so a check that fails there is a wrong check.
#
# tcpdump captures on la0, on the kernel's side, with the kernel's offloads off: every frame is on
# the wire as it was sent. Namespaces, processes and files go when the script ends, however it ends.

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

# Shows the end of a file as comments, without a server's line a second.
show() { grep -v 'opens/s' "$1" 2>/dev/null | tail -n "${2:-15}" | cut -c 1-200 | sed 's/^/#   /'; }

# check WHAT COMMAND...: one case; the command's output is shown when it fails.
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

# k COMMAND...: runs on the kernel's side, at most $limit seconds.
k() { timeout -k 5 "${limit:-60}" ip netns exec "$nsk" "$@"; }

peer() { k /usr/bin/python3 "$here/peer" "$@"; }

# until_true SECONDS COMMAND...: polls.
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
	# What a driver cannot switch is off already.
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
	[ "$device" = tap ] && return
	ip netns add "$nsl" || exit 1
	if [ "$device" != kernel ]; then
		# la1 is lastack's: the kernel behind it keeps silent.
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

# launch LOG SUBCOMMAND ARGS...: starts lastack on the device, and the capture as soon as there is a
# kernel side. Returns 1 when it is gone before that.
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

# server ARGS...: all services on their usual ports; further arguments go behind the usual ones.
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

# counter NAME [FILE]: a number of the summary, wherever in the JSON it stands.
counter() { /usr/bin/python3 "$here/peer" json "$1" "${2:-$work/server.json}"; }

stuck() { k ss -tanH | grep -E '^(FIN-WAIT-[12]|CLOSING|LAST-ACK)'; }

not_stuck() { ! stuck; }

# A counter of the kernel's namespace since it was made, by nstat's name.
kernel_counter() { k nstat -asz "$1" | awk -v name="$1" '$1 == name { print $2 }'; }

# The kernel's view after a run: nothing hangs on its way to CLOSED. FIN-WAIT-2 needs a moment.
check_not_stuck()
{
	if until_true 15 not_stuck; then
		ok "${1:+$1: }no socket of the kernel stuck in FIN-WAIT, CLOSING or LAST-ACK"
	else
		not_ok "${1:+$1: }sockets of the kernel stuck"
		stuck >"$work/stuck.log"
		show "$work/stuck.log"
	fi
}

# tcpdump says: captured as many as received by filter.
capture_is_whole()
{
	kill -USR1 "$tcpdump_pid" 2>/dev/null || return 0 # it has ended, with its device
	sleep 0.1
	tail -n 1 "$work/tcpdump.log" |
		awk '/packets captured, / { whole = $2 == $5 } END { exit !whole }'
}

# The kernel hands captured frames to tcpdump about once a second, and later on a busy machine.
finish_capture() { until_true 15 capture_is_whole; }

stop_capture()
{
	kill -INT "$tcpdump_pid" 2>/dev/null
	wait "$tcpdump_pid" 2>/dev/null
	tcpdump_pid=''
}

# Ends the capture and lets tshark judge it.
check_capture()
{
	finish_capture
	stop_capture
	if [ "$device" = kernel ]; then
		rm -f "$work/$captures.pcap" # skb_checksum_help() writes 0xffff for 0, which tshark calls bad
		return
	elif "$here/judge" "$work/$captures.pcap" 10.0.0.2 fd00::2 >"$work/judge.log" 2>&1; then
		ok "${1:+$1: }capture clean by tshark ($(sed -n 's/^# judged //p' "$work/judge.log"))"
	else
		not_ok "${1:+$1: }capture judged by tshark"
		show "$work/judge.log" 25
	fi
	grep -E '^[1-9][0-9]* packets dropped by kernel' "$work/tcpdump.log" | sed 's/^/# tcpdump: /'
	[ -n "${KEEP:-}" ] || rm -f "$work/$captures.pcap"
}

# lastack_ends SECONDS: waits for its end, and kills it when it takes longer. The status is its own.
lastack_ends()
{
	local status
	until_true "$1" eval "! kill -0 $lastack_pid" || kill -KILL "$lastack_pid" 2>/dev/null
	wait "$lastack_pid"
	status=$?
	lastack_pid=''
	return $status
}

# user_space LIMIT PROGRAM WHAT ARGS...: a peer on la0 that is no kernel (time_wait.py, restart.py), and prints its
# own cases.
user_space()
{
	limit=$1 k /usr/bin/python3 "$here/$2" "$3" la0 "${@:4}"
	case $? in
	0) ;;
	10) failures=$((failures + 1)) ;;
	*) not_ok "$2 $3 came to its end" ;;
	esac
}

# server_ends [WHAT]: the checks that every run ends with, and SIGTERM.
server_ends()
{
	local status
	check_not_stuck "${1:-}"
	kill -TERM "$lastack_pid" 2>/dev/null
	lastack_ends 20
	status=$?
	check_capture "${1:-}"
	if [ $status != 0 ]; then
		not_ok "${1:+$1: }the server ends with status 0 on SIGTERM: $status"
		show "$work/server.log" 30
		return
	fi
	ok "${1:+$1: }the server ends with status 0 on SIGTERM"
	[ "$device" = kernel ] && return
	equal "${1:+$1: }early recycles" "$(counter early_recycles)" 0
	equal "${1:+$1: }unexplained drops" "$(counter unexplained_drops)" 0
}

# Last line of a test.
finish() { [ $failures = 0 ]; exit; }

make_namespaces
