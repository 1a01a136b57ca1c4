# SPDX-License-Identifier: MIT
# Claims, each a command.

.PHONY: demo icount icount-gate icount-budget ab-check bench bench-quick bench-programs icount-programs cachemiss \
        bench-scale zero-cost overhead exact weights

## redis-server under libhakmem, watched by hakprobe in mid-flight: out/demo/ (root)
demo: all
	@OUT=$(OUT) tools/demo/demo.sh

## instructions per operation, hakmem and its peers
icount: $(OUT)/libhakmem.so $(OUT)/hakbench
	@OUT=$(OUT) BENCH_LIBS=$(BENCH_LIBS) bench/scripts/icount.sh

## do they keep bench/budget.txt?
icount-gate: $(OUT)/libhakmem.so $(OUT)/hakbench
	@OUT=$(OUT) bench/scripts/icount.sh --gate

## write bench/budget.txt anew
icount-budget: $(OUT)/libhakmem.so $(OUT)/hakbench
	@OUT=$(OUT) bench/scripts/icount.sh --budget >bench/budget.new && mv bench/budget.new bench/budget.txt

## two equal arms are NEUTRAL, an unequal pair is GO, a broken one is refused; by the clock
ab-check: $(OUT)/libhakmem.so $(OUT)/hakbench
	@OUT=$(OUT) bench/scripts/ab-check.sh

## hakmem and its peers on all workloads (7 and 2 minutes); BENCH_LIBS=name=path,... adds others
bench bench-quick: $(OUT)/libhakmem.so $(OUT)/hakbench
	@OUT=$(OUT) BENCH_LIBS=$(BENCH_LIBS) bench/scripts/bench.sh $(filter bench-quick,$@)

## the same on real programs: CPU time and memory
bench-programs: $(OUT)/libhakmem.so $(OUT)/hakbench bench-deps
	@OUT=$(OUT) BENCH_LIBS=$(BENCH_LIBS) bench/scripts/programs.sh

## the same on real programs: instructions, by callgrind
icount-programs: $(OUT)/libhakmem.so $(OUT)/hakbench bench-deps
	@OUT=$(OUT) BENCH_LIBS=$(BENCH_LIBS) bench/scripts/icount_programs.sh

## cache misses per operation, simulated
cachemiss: $(OUT)/libhakmem.so $(OUT)/hakbench
	@OUT=$(OUT) BENCH_LIBS=$(BENCH_LIBS) bench/scripts/cachemiss.sh

## 10^3 to 10^7 live blocks, 1 to 64 threads
bench-scale: $(OUT)/libhakmem.so $(OUT)/hakbench
	@OUT=$(OUT) BENCH_LIBS=$(BENCH_LIBS) bench/scripts/scale.sh

## the hot path is the same bytes and counts with and without probes
zero-cost: $(OUT)/libhakmem.so $(OUT)/hakbench
	@OUT=$(OUT) MAKE="$(MAKE)" bench/scripts/zero-cost.sh

## what an attached hakprobe costs (root)
overhead: all
	@OUT=$(OUT) bench/scripts/overhead.sh

## figures of an attached hakprobe are exact (root)
exact: all $(TEST_PROGS)
	@OUT=$(OUT) tests/probe/exact.sh

## samples stand for 100 GB in 60 s within 1 %, each caller within 3 standard errors (root)
weights: all $(TEST_PROGS)
	@OUT=$(OUT) GB=100 SECONDS_WANTED=60 ERRORS=3 PERCENT=1 tests/probe/weights.sh
