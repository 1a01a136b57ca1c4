#!/bin/bash
# SPDX-License-Identifier: MIT
# python3 with every object from malloc: json, dictionaries, threads; same output as without libhakmem.
set -u
# shellcheck source=tests/preload_lib.sh
. tests/preload_lib.sh

need /usr/bin/python3
make_work
cat >"$WORK/churn.py" <<'PY'
import hashlib, json, random, subprocess, sys, threading

def churn(seed, results):
    chance = random.Random(seed)
    table, digest = {}, hashlib.sha256()
    for i in range(20000):
        key = "k%d" % chance.randrange(3000)
        table[key] = {"n": i, "text": "x" * chance.randrange(600), "list": list(range(chance.randrange(30)))}
        if i % 7 == 0:
            table.pop("k%d" % chance.randrange(3000), None)
        if i % 2000 == 0:
            text = json.dumps(table, sort_keys=True)
            assert json.loads(text) == table
            digest.update(text.encode())
    results[seed] = digest.hexdigest()

results = {}
threads = [threading.Thread(target=churn, args=(seed, results)) for seed in range(4)]
for thread in threads: thread.start()
for thread in threads: thread.join()
print(json.dumps(results, sort_keys=True))
print(len(bytearray(300 << 20)), sum(len(str(x)) for x in range(200000)))
if "child" not in sys.argv:
    print(subprocess.run([sys.executable, "-c", "print(sum(range(1000)))"], capture_output=True, text=True).stdout)
PY
export PYTHONMALLOC=malloc PYTHONHASHSEED=0
/usr/bin/python3 "$WORK/churn.py" >"$WORK/expected" || fail "python3 fails without libhakmem"
witnessed /usr/bin/python3 "$WORK/churn.py" >"$WORK/got" || fail "python3 failed under libhakmem"
cmp "$WORK/expected" "$WORK/got" || fail "the output differs"
served_by_hakmem '[^ ]*python3[^ ]*'
echo "python3: same output as without, $SERVED processes served by libhakmem"
