# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash
#
# 19-port-matrix over tap, veth (AF_PACKET) and xdp (AF_XDP): the kernel is the peer.

reference=$(peer pattern 300000 | sha256sum | cut -d ' ' -f 1)

# got HOST: curl's body of 300000 bytes has the right checksum.
# shellcheck disable=SC2317 # called by works
got() { k curl -sS -g --fail --max-time 20 "http://$1/bytes/300000" | sha256sum | grep -q "^$reference "; }

# vlan_side: the kernel's addresses move to VLAN 5.
vlan_side()
{
	ip netns exec "$nsk" /usr/bin/python3 "$here/vlan_relay.py" la0 5 vlan5 2>"$work/relay.log" &
	children+=("$!")
	until_true 10 ip -n "$nsk" link show vlan5 && ip -n "$nsk" link set vlan5 up &&
		ip -n "$nsk" addr flush dev la0 && ip -n "$nsk" addr add 10.0.0.1/24 dev vlan5 &&
		ip -n "$nsk" addr add fd00::1/64 dev vlan5 nodad
}

# start FEATURE ARGS...: returns 1 when the server is refused or does not answer; the cell says so.
start()
{
	local what=$1
	shift
	rm -f "$work/server.json"
	launch "$work/server.log" server --addr 10.0.0.2/24 --addr fd00::2/64 --no-dad --http 80 --echo 7 --msl 1s \
		--drain 2s --max-conns 1024 --verbose --json "$work/server.json" "$@" || return 1
	[ "$what" != --vlan ] || vlan_side || cell --vlan "fails: no VLAN of the kernel"
	until_true 20 answers && return
	cell "$what" "fails: no answer with $*"
	stop "$what"
	show "$work/server.log"
	return 1
}

# stop FEATURE
stop()
{
	kill -INT "$lastack_pid"
	lastack_ends 20
	ended "$1" $? "$work/server.log" "$work/server.json"
	stop_capture
	[ "$device" != tap ] || ! ip -n "$nsk" link show la0 >/dev/null 2>&1 || cell "$1" "fails: the interface stays"
}

lost() { grep -qE 'port 0 net_[a-z_]+ la[01]: link down$' "$work/server.log"; }

back() { grep -qE 'port 0 net_[a-z_]+ la[01]: link up' "$work/server.log"; }

link_loss()
{
	ip -n "$nsk" link set la0 down
	works link until_true 10 lost
	kernel_side_up
	works link until_true 10 back
	works link until_true 20 answers
	works link got 10.0.0.2
}

# The server that --mtu 9000 ends before it is ready, in the namespace of its interface
refused_mtu()
{
	local ns=$nsl port=(--"$device" la1) status
	[ "$device" != tap ] || { ns=$nsk && port=(--tap la7); }
	timeout 20 ip netns exec "$ns" "$lastack" server "${port[@]}" --addr 10.0.0.2/24 --http 80 --quiet \
		--max-conns 1024 --mtu 9000 >"$work/mtu.log" 2>&1
	status=$?
	if [ $status = 124 ]; then
		start '--mtu 9000' --mtu 9000 || return
		works '--mtu 9000' got 10.0.0.2
		stop '--mtu 9000'
	else
		refused '--mtu 9000' "$work/mtu.log" $status
	fi
}

# Runs as root of a user namespace: user_server DIR PORT
# shellcheck disable=SC2317 # called by as_user
user_server()
{
	local status=1
	cd "$1" || return
	if [ "$2" = tap ]; then
		set -- --tap la0,10.0.0.1/24,fd00::1/64
	else
		ip link add la0 type veth peer name la1 && ip addr add 10.0.0.1/24 dev la0 &&
			ip addr add fd00::1/64 dev la0 nodad && ip link set la0 up && ip link set la1 up &&
			ethtool -K la0 tx off >/dev/null || return 1
		set -- --"$2" la1
	fi
	./lastack server "$@" --addr 10.0.0.2/24 --addr fd00::2/64 --no-dad --http 80 --quiet --max-conns 1024 &
	for _ in $(seq 100); do
		kill -0 $! 2>/dev/null || break
		if curl -sS -g --fail --max-time 2 'http://[fd00::2]/bytes/1000' >/dev/null 2>&1 &&
			curl -sS --fail --max-time 2 http://10.0.0.2/bytes/300000 2>/dev/null | sha256sum; then
			status=0
			break
		fi
		sleep 0.1
	done
	kill -INT $! 2>/dev/null
	wait $! && return $status
}

without_root()
{
	local status
	as_user bash -c "$(declare -f user_server); user_server '$work' $device" >"$work/user.log" 2>&1
	status=$?
	if [ $status = 0 ] && grep -q "^$reference " "$work/user.log"; then
		cell 'no root' works
	else
		refused 'no root' "$work/user.log" $status
	fi
}

tagged()
{
	[ -n "$(tshark -n -r "$1" -c 100 -Y 'ip.src == 10.0.0.2 && vlan.id == 5' 2>/dev/null)" ] &&
		[ -z "$(tshark -n -r "$1" -Y '(ip.src == 10.0.0.2 || ipv6.src == fd00::2) && !vlan' 2>/dev/null)" ]
}

measure()
{
	if start IPv4; then
		works IPv4 got 10.0.0.2
		works IPv6 got '[fd00::2]'
		works echo peer half-close 10.0.0.2 7 30000
		works echo peer half-close fd00::2 7 30000
		link_loss
		finish_capture
		stop SIGINT
		[ "$(counter link_changes) $(counter link_losses)" = '2 1' ] ||
			cell link "fails: $(counter link_changes) changes and $(counter link_losses) losses in the JSON"
		checksums "$work/server.log"
		judged capture "$work/$captures.pcap" 10.0.0.2 fd00::2
	fi
	if start restart; then
		works restart got 10.0.0.2
		works restart got '[fd00::2]'
		stop restart
	fi
	if start '--workers 2' --workers 2; then
		for _ in $(seq 10); do
			works '--workers 2' got 10.0.0.2
			works '--workers 2' got '[fd00::2]'
		done
		stop '--workers 2'
		[[ ${cells['--workers 2']} = fails* ]] || workers "$work/server.log" "$work/server.json"
	fi
	refused_mtu
	without_root
	if start --vlan --vlan 5; then
		works --vlan got 10.0.0.2
		works --vlan got '[fd00::2]'
		finish_capture
		stop --vlan
		works --vlan tagged "$work/$captures.pcap"
	fi
}
