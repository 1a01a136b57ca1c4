/* SPDX-License-Identifier: MIT */
/*
 * The hot path of alloc.h once more, with switches between its instructions: what another thread
 * may find when the owner was taken off its processor there. A read and a write of one instruction
 * are apart, too: the barrier that another thread has passed is what completes it.
 */
#include "alloc/alloc.h"
#include "tests/sim/sim.h"

static void may_switch(void)
{
	if (random_below(&sim_self->random, 2))
		thread_leave(THREAD_CUT);
}

/* One of credit is spent: observers count a malloc, and a free, because the depth is as it was. */
static bool spend(struct hak_slot *slot, struct cut *cut)
{
	cut->value = slot->credit - 1;
	cut->pending = true;
	may_switch();
	if (cut->pending) {
		cut->pending = false;
		slot->credit = cut->value;
		cut->mallocs = cut->frees = cut->value >= 0;
	}
	return cut->value >= 0;
}

void *hot_malloc(size_t n)
{
	struct cut *cut = &sim_self->cut;
	size_t offset = alloc_slot(n);
	struct hak_slot *slot = &tcache_slots[offset / SLOT_BYTES];
	cut->class = (unsigned)(offset / SLOT_BYTES);
	if (!spend(slot, cut)) {
		*cut = (struct cut){0};
		return alloc_doors.malloc(n);
	}
	may_switch();
	void **top = (void **)slot->top;
	may_switch();
	slot->top -= sizeof(void *);
	cut->frees = 0;
	cut->hand = top[-1];
	may_switch();
	void *p = checks_issue(top[-1], offset);
	*cut = (struct cut){0};
	return p;
}

void hot_free(void *p)
{
	struct cut *cut = &sim_self->cut;
	size_t offset = address_map_slot(p);
	struct hak_slot *slot = &tcache_slots[offset / SLOT_BYTES];
	cut->class = (unsigned)(offset / SLOT_BYTES);
	cut->hand = p;
	may_switch();
	void **top = (void **)slot->top;
	may_switch();
	bool room = slot->limit != (uintptr_t)top;
	if (room) {
		may_switch();
		checks_retire(p, offset);
		may_switch();
		cut->hand = tcache_delay(tcache_tls(), top, p);
		may_switch();
		__atomic_store_n(top, cut->hand, __ATOMIC_RELEASE);
		may_switch();
		slot->top += sizeof(void *);
	}
	*cut = (struct cut){0};
	if (!room)
		alloc_doors.free(p);
}
