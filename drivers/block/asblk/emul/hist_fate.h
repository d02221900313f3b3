/* SPDX-License-Identifier: GPL-2.0-only */
/* What becomes of a piece that nobody has decided about: policy, seed and profile. */
#ifndef _ASBLK_EMUL_HIST_FATE_H
#define _ASBLK_EMUL_HIST_FATE_H

#include "hist_decision.h"
#include "hist_pin.h"

/**
 * struct emul_fate - how a power cut decides
 * @policy: all pieces survive, none does, or a hash tells
 * @seed: for the hash
 * @profile: what else the power cut does
 * @lost_share: percentage of pieces that are lost, with a hash
 * @hurt_share: percentage that is hurt, of what can be
 * @unit_shift: log2 of the bytes of an erase unit, for profiles that hurt what was durable
 */
struct emul_fate {
	enum emul_policy policy;
	u64 seed;
	enum emul_cut_profile profile;
	u8 lost_share;
	u8 hurt_share;
	u8 unit_shift;
};

bool emul_fate_is_clean(const struct emul_fate *f, unsigned int share);
enum emul_outcome emul_fate_of(const struct emul_fate *f, u64 fetched, u64 block);
enum emul_outcome emul_fate_of_neighbour(const struct emul_fate *f, u64 fetched, u64 block);
enum emul_outcome emul_fate_of_unit(const struct emul_fate *f, u64 unit);
u64 emul_fate_back_to(const struct emul_fate *f, const struct emul_pin *pin, u64 unit);
u64 emul_fate_last_in_order(const struct emul_fate *f, const struct emul_pin *pin);
u32 emul_fate_tear(const struct emul_fate *f, u64 fetched, u64 lba, u8 block_shift);
int emul_fate_hurt(const struct emul_fate *f, u64 fetched, u64 pos, void *dst, u32 len);

#endif /* _ASBLK_EMUL_HIST_FATE_H */
