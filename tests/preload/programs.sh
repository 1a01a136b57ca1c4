#!/bin/bash
# SPDX-License-Identifier: MIT
# Programs that bring an allocator's difficulties along (extensions loaded with RTLD_DEEPBIND, garbage collectors that
# reserve address space, compilers at run time, forks): each does the same under libhakmem as without, by default and lean;
# php in every mode. What is not installed is named.
set -u
# shellcheck source=tests/preload_lib.sh
. tests/preload_lib.sh

make_work
missing=() done_with=()
MODES=(X=1 HAKMEM_PROFILE=lean)
ALL_MODES=("${MODES[@]}" HAKMEM_PROFILE=secure HAKMEM_FASTLANE_DIRECT=0 HAKMEM_GUARD=100 HAKMEM_FORCE_LIBC_ALLOC=1)
server=""
clean_up() { [[ -n $server ]] && kill "$server" 2>/dev/null; }

# installed NAME...: false when one of them is missing, which is remembered.
installed() {
	local name
	for name in "$@"; do
		command -v "$name" >/dev/null || { missing+=("$name"); return 1; }
	done
}

# same COMMAND...: its output in each of MODES.
same() {
	local mode
	timeout 60 "$@" >"$WORK/expected" 2>&1 </dev/null || fail "$1 fails without libhakmem: $(tail -n 3 "$WORK/expected")"
	for mode in "${MODES[@]}"; do
		preloaded "$mode" timeout 120 "$@" >"$WORK/got" 2>&1 </dev/null || fail "$* ($mode): exit $?: $(tail -n 3 "$WORK/got")"
		cmp -s "$WORK/expected" "$WORK/got" || fail "$* ($mode): $(diff "$WORK/expected" "$WORK/got" | head -n 5)"
	done
	done_with+=("$1")
}

# php's built-in server, with several requests at a time.
php_serves() {
	local mode=$1 port=$((20000 + RANDOM % 20000)) i pids=()
	preloaded "$mode" PHP_CLI_SERVER_WORKERS=3 php -S "127.0.0.1:$port" -t "$WORK/site" >"$WORK/server.log" 2>&1 </dev/null &
	server=$!
	for ((i = 0; i < 100; i++)); do
		curl -s "http://127.0.0.1:$port/" >/dev/null && break
		sleep 0.1
	done
	for ((i = 0; i < 4; i++)); do
		curl -s "http://127.0.0.1:$port/?[1-25]" >"$WORK/answer.$i" &
		pids+=($!)
	done
	wait "${pids[@]}"
	kill "$server" && wait "$server" 2>/dev/null
	server=""
	[[ $(cat "$WORK"/answer.* | grep -o 'sum 1249975000;' | wc -l) == 100 ]] ||
		fail "php -S ($mode): $(tail -n 5 "$WORK/server.log")"
}

if installed php; then
	MODES=("${ALL_MODES[@]}")
	same php -m
	# shellcheck disable=SC2016
	same php -r '$a = []; for ($i = 0; $i < 100000; $i++) $a[] = str_repeat("x", $i % 500);
		echo strlen(implode("", $a)), preg_replace("/(a+)/", "<$1>", "caat"), md5(serialize($a)), json_encode(range(1, 5));'
	if installed curl; then
		mkdir "$WORK/site"
		# shellcheck disable=SC2016
		echo '<?php $a = range(1, 49999); $s = 0; foreach ($a as $x) $s += $x; echo "sum $s;", strlen(json_encode($a));' \
			>"$WORK/site/index.php"
		for mode in "${MODES[@]}"; do php_serves "$mode"; done
		done_with+=("php -S")
	fi
	MODES=(X=1 HAKMEM_PROFILE=lean)
fi
installed node && same node -e 'const a = []; for (let i = 0; i < 100000; i++) a.push({k: "v" + i, b: Buffer.alloc(i % 300)});
	const c = require("crypto").createHash("sha256"); for (const x of a) c.update(x.k + x.b.length); console.log(c.digest("hex"));'
installed ruby && same ruby -e 'h = Hash.new(0); 100_000.times { |i| h["k#{i % 999}"] += i }; puts h.sort.first(3).inspect,
	(1..4).map { |t| Thread.new { (1..20_000).map { |i| (i * t).to_s }.join.hash & 0; t } }.map(&:value).inspect'
installed sbcl && same sbcl --noinform --non-interactive --eval '(progn (defun f (n) (if (< n 2) n (+ (f (- n 1)) (f (- n 2)))))
	(print (f 24)) (print (length (loop for i below 200000 collect (make-string 10)))))'
if installed java; then
	echo 'public class T { public static void main(String[] a) throws Exception { var m = new java.util.HashMap<Integer, String>();
		for (int i = 0; i < 200000; i++) m.put(i % 5000, "v" + i); var t = new Thread[4]; for (int i = 0; i < 4; i++)
		(t[i] = new Thread(() -> java.nio.ByteBuffer.allocateDirect(1 << 20).putInt(7))).start(); for (var x : t) x.join();
		System.out.println(m.size() + m.get(42)); } }' >"$WORK/T.java"
	if command -v javac >/dev/null; then
		javac -d "$WORK" "$WORK/T.java" && same java -cp "$WORK" T
	else
		same java -Xshare:auto -XshowSettings:properties -version # and prints what it has found
	fi
fi
installed git && same git -c core.pager=cat log --stat -n 20
installed shellcheck && same shellcheck -x -S error tests/preload_lib.sh tests/run.sh
# A cluster of its own, in a directory of its own; postgres refuses to be root.
postgres_bin=$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | tail -n 1)
as_postgres() { if ((EUID)); then "$@"; else setpriv --reuid=postgres --regid=postgres --clear-groups "$@"; fi; }
postgres_works() {
	local mode=$1 data=$WORK/pg said
	rm -rf "$data" && mkdir "$data" && chmod 755 "$WORK"
	((EUID)) || chown postgres "$data"
	as_postgres env LD_PRELOAD="$HAKMEM" "$mode" "$postgres_bin/initdb" -D "$data" -N >"$WORK/pg.log" 2>&1 ||
		fail "initdb ($mode): $(tail -n 5 "$WORK/pg.log")"
	said=$(printf '%s\n' 'create table t as select g, md5(g::text) m from generate_series(1, 20000) g;' 'create index on t(m);' \
		'select count(*), max(m), min(m) from t;' |
		as_postgres env LD_PRELOAD="$HAKMEM" "$mode" "$postgres_bin/postgres" --single -D "$data" postgres 2>&1) ||
		fail "postgres ($mode): $(tail -n 5 <<<"$said")"
	grep -q 'count = "20000"' <<<"$said" || fail "postgres ($mode): $(tail -n 5 <<<"$said")"
}
if [[ -n $postgres_bin ]] && { ((EUID)) || id postgres >/dev/null 2>&1; }; then
	for mode in "${MODES[@]}"; do postgres_works "$mode"; done
	done_with+=(postgres)
else
	missing+=(postgres)
fi

((${#done_with[@]})) || skip "none of the programs is installed: ${missing[*]}"
echo "the same as without: $(printf '%s\n' "${done_with[@]}" | uniq | paste -sd ' ')${missing:+; not installed: ${missing[*]}}"
