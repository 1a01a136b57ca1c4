#!/bin/bash
# SPDX-License-Identifier: MIT
# A process whose names are escape sequences, line feeds and bytes of no character: its command line,
# its threads, its path, its functions, those that it has made at run time. None of it comes out raw,
# on a terminal, in a log or in a file, and no name makes a line of its own.
. tests/probe/common.bash
export HAKMEM_SAMPLE_BYTES=20000
evil=$'\033]0;owned\007\033[31m\xff\xc2\x9b1m\nhakprobe: forged\n'
place=$dir/$'there \033[31m\xfe'
mkdir "$place"
program=$place/$'\033]0;thr\nead\xff' # its thread is called that as well
objcopy --redefine-sym unexported="un$evil" --redefine-sym from_made="from$evil" --redefine-sym ask_time=$'\033[2J' \
	"$OUT/tests/probe/names_target" "$program" || fail "objcopy"
start evil bash -c 'exec -a "$2" "$1" "$2"' - "$program" "$evil"
runs() { [[ $(readlink "/proc/$target/exe") == *thr* ]] && maps_library "$target"; }
wait_until "the program" runs
need_bpf
tell go
hear ready
map=/tmp/perf-$target.map
sed -i 's/made at run time/made \x1b[31m\xff\x9b at run time/' "$map"

files=()
for suffix in folded svg html speedscope.json pb.gz; do files+=(-o "$dir/out.$suffix"); done
"$hakprobe" -p "$target" --lines --view thread --flame alloc "${files[@]}" -o "$dir/out.hak" 0.7 2 >"$dir/view" 2>"$dir/view.log" \
	8>&- 9>&- || fail "hakprobe exited with $?"
"$hakprobe" doctor -p "$target" >"$dir/doctor" 2>&1 8>&- 9>&-
"$hakprobe" -p "$target" --json --view caller --flame alloc -o "$dir/more.folded" 0.5 1 >"$dir/json" 2>&1 8>&- 9>&- || fail "json: $?"
script -qec "stty cols 150 rows 50; timeout -s INT 3 $hakprobe -p $target --view thread --lines 1 1" "$dir/terminal" >/dev/null 2>&1 8>&- 9>&-
exec 8>&- 9>&-
"$hakprobe" report "$dir/out.hak" >"$dir/report" 2>&1 || fail "report exited with $?"
"$hakprobe" report "$dir/out.hak" -o "$dir/again.folded" >"$dir/report2" 2>&1 || fail "report exited with $?"
# A capture and profiles that were not written by us.
{ printf 'main;a\033[31m\xffb;malloc 100\n'; printf 'main;\x9bother;malloc 200\n'; } >"$dir/raw.folded"
"$hakprobe" diff "$dir/raw.folded" "$dir/out.folded" -o "$dir/diff.svg" >"$dir/diff" 2>&1 || fail "diff exited with $?"
gunzip <"$dir/out.pb.gz" >"$dir/out.pb"

python3 - "$dir" <<'END' || fail "raw bytes came out"
import glob, re, sys
bad = 0
texts = [f for f in glob.glob(sys.argv[1] + "/*") if re.search(r"/(view|view\.log|doctor|json|report|report2|diff|terminal|.*\.(folded|svg|html|json))$", f)]
assert len(texts) >= 12, texts
for name in texts:
    data = open(name, "rb").read()
    if "raw.folded" in name: continue
    if name.endswith("/terminal"): # script's own lines, and a terminal's ends of lines
        data = data.replace(b"\r\n", b"\n").split(b"\n", 1)[1]
    try: data.decode()
    except UnicodeDecodeError as error: print(name, error); bad = 1
    for found in re.finditer(rb"[\0-\x08\x0b-\x1f\x7f]|\xc2[\x80-\x9f]", data):
        print(name, found, data[max(0, found.start() - 40):found.end() + 40]); bad = 1; break
    if re.search(rb"^hakprobe: forged", data, re.M): print(name, "has a forged line"); bad = 1
pb = open(sys.argv[1] + "/out.pb", "rb").read()
for name in (b"un", b"from"):
    if name + b"\x1b" in pb: print("pprof has raw names"); bad = 1
sys.exit(bad)
END
grep -q 'un \]0:owned' "$dir/out.folded" || fail "the function's name is gone: $(head -n 5 "$dir/out.folded")"
grep -q 'made  \[31m' "$dir/out.folded" || fail "the name made at run time is gone: $(tail -n 5 "$dir/out.folded")"
grep -q ']0;thr ead' "$dir/view" || fail "the thread's name is gone"
echo "command line, thread, path, functions, run-time code, capture, profile: nothing raw comes out"
