# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash
#
# 19-port-matrix over memif and ring: lastack is the peer, so no kernel socket takes part.

socket=$work/memif log=$work/server.log json=$work/server.json

# ---- memif: a server and one client after the other ----

memif_there() { grep -q "there is a memif peer on $socket" "$log"; }

# start FEATURE ARGS...: returns 1 when the server does not start; the cell says so.
start()
{
	local what=$1
	shift
	rm -f "$json" "$work/ready"
	timeout -k 5 120 "$lastack" server --memif "$socket" --addr 10.0.0.2/24 --addr fd00::2/64 --no-dad --http 80 --echo 7 \
		--msl 100ms --drain 2s --max-conns 1024 --verbose --json "$json" --ready-file "$work/ready" "$@" >"$log" 2>&1 &
	lastack_pid=$!
	until_true 30 eval "[ -e '$work/ready' ] || ! kill -0 $lastack_pid"
	[ ! -e "$work/ready" ] || return 0
	lastack_ends 1
	refused "$what" "$log" $?
	return 1
}

# stop FEATURE
stop()
{
	kill -INT "$lastack_pid"
	lastack_ends 20
	ended "$1" $? "$log" "$json"
	[ ! -e "$socket" ] || cell "$1" "fails: the socket stays"
}

# client TARGET ARGS...: compares each byte.
# shellcheck disable=SC2317 # called by works
client()
{
	local to=$1
	shift
	timeout -k 5 60 "$lastack" client --memif "$socket,client" --addr 10.0.0.1/24 --addr fd00::1/64 --no-dad --to "$to" \
		--msl 100ms --max-conns 1024 --quiet --json "$work/client.json" "$@" >"$work/client.log" 2>&1 &&
		[ "$(counter orderly "$work/client.json")" = "$(counter opens "$work/client.json")" ] &&
		[ "$(counter unexplained_drops "$work/client.json")" = 0 ] && return
	cat "$work/client.log"
	return 1
}

get4() { client 10.0.0.2:80 --get /bytes/300000 "$@"; }

get6() { client '[fd00::2]:80' --get /bytes/300000 "$@"; }

gone() { grep -q 'the memif peer on .* is gone' "$log"; }

# Runs as root of a user namespace: user_memif DIR
# shellcheck disable=SC2317 # called by as_user
user_memif()
{
	local status
	cd "$1" || return
	./lastack server --memif "$1/m" --addr 10.0.0.2/24 --http 80 --max-conns 1024 --quiet --ready-file ready &
	for _ in $(seq 100); do
		[ ! -e ready ] || break
		sleep 0.1
	done
	./lastack client --memif "$1/m,client" --addr 10.0.0.1/24 --to 10.0.0.2:80 --get /bytes/300000 --max-conns 1024 --quiet
	status=$?
	kill -INT $!
	wait $! && return $status
}

measure_memif()
{
	local status
	if start IPv4 --pcap "$work/memif.pcapng"; then
		works IPv4 get4
		works IPv6 get6
		works echo client 10.0.0.2:7 --send 300000
		works echo client '[fd00::2]:7' --send 300000
		works link until_true 10 gone
		works link get4
		stop SIGINT
		checksums "$log"
		judged capture "$work/memif.pcapng" 10.0.0.2 fd00::2
	fi
	if start restart; then
		works restart get4
		works restart get6
		stop restart
	fi
	if start --vlan --vlan 5; then
		works --vlan get4 --vlan 5
		works --vlan get6 --vlan 5
		stop --vlan
	fi
	if start '--workers 2' --workers 2; then
		works '--workers 2' get4 --workers 2 --connections 20
		works '--workers 2' get6 --workers 2 --connections 20
		stop '--workers 2'
		[[ ${cells['--workers 2']} = fails* ]] || workers "$log" "$json"
	fi
	if start '--mtu 9000' --mtu 9000; then
		works '--mtu 9000' get4 --mtu 9000
		stop '--mtu 9000'
	fi
	mkdir -m 777 "$work/user"
	cp "$lastack" "$work/user/"
	as_user bash -c "$(declare -f user_memif); user_memif '$work/user'" >"$work/user.log" 2>&1
	status=$?
	if [ $status = 0 ]; then
		cell 'no root' works
	else
		refused 'no root' "$work/user.log" $status
	fi
}

# ---- ring: the demo ----

# demo FEATURE ARGS...: runs the demo to its end.
demo()
{
	local what=$1
	shift
	timeout -k 5 60 "$lastack" demo --duration 300ms --concurrency 4 --payload 3000 --msl 100ms --verbose --json "$json" "$@" \
		>"$log" 2>&1
	ended "$what" $? "$log" "$json"
}

# no_option FEATURE OPTION...: the demo has no such option.
no_option()
{
	timeout 20 "$lastack" demo --duration 300ms "${@:2}" >"$log" 2>&1
	refused "$1" "$log" $?
}

# The payload of each connection is the pattern of 3000 bytes.
payloads()
{
	tshark -n -r "$1" -o tcp.relative_sequence_numbers:TRUE -Y 'ip.src == 10.1.0.0/16 && tcp.len > 0' -T fields \
		-e tcp.stream -e tcp.seq -e tcp.payload 2>/dev/null | /usr/bin/python3 "$here/peer" payloads 3000
}

measure_ring()
{
	local pid status
	demo IPv4 --pcap "$work/ring.pcapng"
	works IPv4 payloads "$work/ring.pcapng"
	judged capture "$work/ring.pcapng" 10.1.0.0/16 10.0.0.1 10.0.0.2
	checksums "$log"
	no_option IPv6 --addr fd00::1/64
	no_option echo --echo 7
	no_option --vlan --vlan 5
	no_option '--mtu 9000' --mtu 9000
	demo restart
	demo '--workers 2' --workers 4
	[[ ${cells['--workers 2']} = fails* ]] || workers "$log" "$json"
	timeout -k 5 60 "$lastack" demo --duration 60s --concurrency 4 --json "$json" >"$log" 2>&1 &
	pid=$!
	until_true 20 grep -q '^ready' "$log"
	kill -INT $pid
	wait $pid
	ended SIGINT $? "$log" "$json"
	as_user "$work/lastack" demo --duration 300ms --concurrency 4 >"$work/user.log" 2>&1
	status=$?
	if [ $status = 0 ]; then
		cell 'no root' works
	else
		refused 'no root' "$work/user.log" $status
	fi
}

measure() { "measure_$device"; }
