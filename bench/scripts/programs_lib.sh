# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# The real programs that the lab measures. Sourced after bench/scripts/lib.sh.

# programs DIRECTORY SCALE: prints a line per program, NAME COMMAND, of words without quotes; settings come
# first (env K=V).
# Inputs are made in the directory. SCALE 1 is some tenths of a second of CPU time each. What is not
# installed is left out, and said on stderr.
programs() {
	local directory=$1 scale=$2 here=$PWD/bench/programs cc1
	if present python /usr/bin/python3; then
		/usr/bin/python3 "$here/inputs.py" "$directory" "$scale" || die "no inputs"
		echo "python-json env PYTHONMALLOC=malloc PYTHONHASHSEED=0 /usr/bin/python3 -S $here/churn.py $scale"
		present jq jq && echo "jq jq -c -f $here/people.jq $directory/people.json"
		present xmllint xmllint && echo "xmllint xmllint --format --output $directory/people.out $directory/people.xml"
	fi
	present perl perl && echo "perl env PERL_HASH_SEED=0 perl $here/churn.pl $scale"
	present lua lua5.4 && echo "lua lua5.4 $here/churn.lua $scale"
	if present sqlite sqlite3; then
		{
			awk -v scale="$scale" 'BEGIN { printf "create table scale as select %d as rows;\n", 80000 * scale }'
			cat "$here/queries.sql"
		} >"$directory/queries.sql"
		echo "sqlite sqlite3 -init $directory/queries.sql :memory:"
	fi
	cc1=$(gcc -print-prog-name=cc1 2>/dev/null)
	if present gcc "$cc1"; then
		# A unit of our own; a smaller one where every instruction is counted.
		gcc -E -D_GNU_SOURCE -DHAK_VERSION='"bench"' -I. "$(awk -v scale="$scale" 'BEGIN {
			print scale < 1 ? "bench/lab/stats.c" : "bench/lab/report_compare.c" }')" -o "$directory/unit.i" || die "gcc -E failed"
		echo "gcc-cc1 $cc1 -quiet -O2 -g $directory/unit.i -o $directory/unit.s"
	fi
}

# present NAME COMMAND
present() {
	command -v "$2" >/dev/null && return
	echo "$(basename "$0"): $1: $2 is not installed, left out" >&2
	return 1
}
