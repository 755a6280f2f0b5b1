# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash
#
# Shared by the tests that search a known limit three times (48, 49). Sourced after lib.sh. A search writes $json.

json=$work/load.json

# search_found LABEL LIMIT: checks that the last search found LIMIT closes/s, within 6 %. Appends the rate to
# $work/LABEL.
search_found()
{
	check "$1: within 6 % of $2 closes/s" /usr/bin/python3 - "$json" "$work/$1" "$2" <<'PY'
import json, sys
find = json.load(open(sys.argv[1]))["load"]["find"]
assert find["found"], find["trials"][-1]
rate, limit = find["carried_per_s"]["median"], float(sys.argv[3])
print(round(rate), file=open(sys.argv[2], "a"))
assert 0.94 * limit <= rate <= 1.06 * limit, rate
PY
}

# searches_agree LABEL: checks that the three rates of $work/LABEL differ by at most 5 %.
searches_agree()
{
	check "$1: three searches agree within 5 %" /usr/bin/python3 - "$work/$1" <<'PY'
import sys
rates = [float(line) for line in open(sys.argv[1])]
assert len(rates) == 3 and max(rates) <= 1.05 * min(rates), rates
PY
	note "$1: $(tr '\n' ' ' <"$work/$1")closes/s"
}
