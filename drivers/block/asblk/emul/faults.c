// SPDX-License-Identifier: GPL-2.0-only
/*
 * Fault rules: from text to values and back, which of them are looked at, whether one
 * acts, and the log of those that did. What they do to a command is inject.c's.
 */
#include <kunit/visibility.h>
#include <linux/bitfield.h>
#include <linux/ctype.h>
#include <linux/export.h>
#include <linux/kstrtox.h>
#include <linux/mm.h>
#include <linux/rcupdate.h>
#include <linux/seq_file.h>
#include <linux/siphash.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/sysfs.h>
#include <linux/timekeeping.h>

#include "../compat.h"
#include "emul.h"
#include "faults.h"

#include <trace/events/asblk.h>

/* In the order of enum asblk_op, and of the bits ASBLK_OPT_*. */
static const char *const emul_op_words[] = {
	"read", "write", "flush", "unmap", "write-zeroes", "secure-erase", NULL
};

static const char *const emul_flag_words[] = {
	"fua", "nounmap", "atomic", "meta", "prio", "rahead", NULL
};

static const char *const emul_any_words[] = { "any", NULL };
static const char *const emul_when_words[] = { "before", "after", NULL };

/* In the order of enum emul_action. */
static const char *const emul_action_words[] = {
	"status", "short", "corrupt", "phantom", "misdirect", "stale", "delay", "lose",
	"lose-interrupt", "late", "duplicate", "wrong-id", "hang", "fatal", "busy", NULL
};

/* In the order of enum emul_recovered_by. */
static const char *const emul_recovered_by_words[] = {
	"abort", "queue-reset", "controller-reset", "never", NULL
};

#define STATUS_WORD(word, code)	word,
#define STATUS_CODE(word, code)	code,

static const char *const emul_status_words[] = { ASBLK_STATUSES(STATUS_WORD) NULL };
static const blk_status_t status_codes[] = { ASBLK_STATUSES(STATUS_CODE) };

static const struct rule_field {
	const char *name;
	const char *def;
	u64 min;
	u64 max;
	const char *const *words;
} rule_field[EMUL_NR_RULE_FIELDS] = {
#define FIELD_INFO(id, name, def, min, max, words) \
	[RULE_##id] = { #name, def, min, max, words },
	EMUL_RULE_FIELDS(FIELD_INFO)
};

/* Who reads the set of rules and may sleep. */
DEFINE_SRCU(emul_faults_srcu);

static int find_word(const char *const *words, const char *text, size_t len)
{
	int i;

	for (i = 0; words[i]; i++)
		if (strlen(words[i]) == len && !strncmp(words[i], text, len))
			return i;
	return -EINVAL;
}

/* Words with blanks between them: a bit each. "any" is no bit. */
static int parse_set(const char *const *words, const char *text, u64 *value)
{
	*value = 0;
	if (!strcmp(text, "any"))
		return 0;
	while (*text) {
		size_t len = strcspn(text, " \t");
		int i = find_word(words, text, len);

		if (i < 0)
			return i;
		*value |= BIT(i);
		text = skip_spaces(text + len);
	}
	return *value ? 0 : -EINVAL;
}

static int parse_field(const struct rule_field *f, const char *text, u64 *value)
{
	int i;

	if (f->words && f->max == EMUL_SET)
		return parse_set(f->words, text, value);
	if (f->words) {
		i = find_word(f->words, text, strlen(text));
		if (i >= 0 && f->max)
			*value = RULE_ANY_QUEUE;
		else
			*value = i;
		if (i >= 0 || !f->max)
			return min(i, 0);
	}
	if (!isdigit(*text) || kstrtou64(text, 10, value))
		return -EINVAL;
	return *value < f->min || *value > f->max ? -ERANGE : 0;
}

static void field_wrong(const struct emul_rule *r, const struct rule_field *f,
			const char *text)
{
	char words[200] = "";
	int i, len = 0;

	for (i = 0; f->words && f->words[i]; i++)
		len += scnprintf(words + len, sizeof(words) - len, " %s", f->words[i]);
	if (f->max)
		pr_err_ratelimited("asblk: rule %s: %s=%*pE is not %s%s%s\n", r->name,
				   f->name, (int)strlen(text), text,
				   f->max == EMUL_SET ? "any, or some of" : "in its range",
				   *words ? ", or" : "", words);
	else
		pr_err_ratelimited("asblk: rule %s: %s=%*pE is none of%s\n", r->name,
				   f->name, (int)strlen(text), text, words);
}

/**
 * emul_rule_set - give a field of a rule a value
 * @r: rule
 * @i: field
 * @text: value, without blanks at its ends
 *
 * Context: may sleep.
 * Return: 0; -EINVAL after a line in the log, -EBUSY likewise if the rule is enabled,
 * or -ERESTARTSYS; then nothing has changed.
 */
int emul_rule_set(struct emul_rule *r, enum emul_rule_field i, const char *text)
{
	const struct rule_field *f = &rule_field[i];
	u64 value;
	int err = 0;

	if (parse_field(f, text, &value)) {
		field_wrong(r, f, text);
		return -EINVAL;
	}
	if (mutex_lock_interruptible(&r->faults->lock))
		return -ERESTARTSYS;
	if (r->enabled) {
		pr_err_ratelimited("asblk: rule %s: %s cannot change while it is enabled\n",
				   r->name, f->name);
		err = -EBUSY;
	} else {
		r->value[i] = value;
	}
	mutex_unlock(&r->faults->lock);
	return err;
}
ASBLK_EXPORT(emul_rule_set);

/* A field as text. */
ssize_t emul_rule_show(struct emul_rule *r, enum emul_rule_field i, char *page)
{
	const struct rule_field *f = &rule_field[i];
	u64 value = READ_ONCE(r->value[i]);
	int bit, len = 0;

	if (f->words && f->max == EMUL_SET) {
		for (bit = 0; f->words[bit]; bit++)
			if (value & BIT(bit))
				len += sysfs_emit_at(page, len, "%s%s", len ? " " : "",
						     f->words[bit]);
		return len + sysfs_emit_at(page, len, "%s\n", len ? "" : "any");
	}
	if (f->words && value == RULE_ANY_QUEUE)
		return sysfs_emit(page, "any\n");
	if (f->words && !f->max)
		return sysfs_emit(page, "%s\n", f->words[value]);
	return sysfs_emit(page, "%llu\n", value);
}
ASBLK_EXPORT(emul_rule_show);

blk_status_t emul_rule_status(const struct emul_rule *r)
{
	return status_codes[r->value[RULE_STATUS]];
}
EXPORT_SYMBOL_IF_KUNIT(emul_rule_status);

static u64 name_hash(const char *name)
{
	static const siphash_key_t key = { { 0x72756c65, 1 } };

	return siphash(name, strlen(name), &key);
}

/* Names are words in the log. */
static bool is_word(const char *name)
{
	for (; *name; name++)
		if (!isascii(*name) || !isgraph(*name))
			return false;
	return true;
}

/**
 * emul_rule_create - make a rule that is not enabled
 * @f: where
 * @name: 1 to %EMUL_RULE_NAME_SIZE - 1 printable characters, no blanks
 *
 * Context: may sleep.
 * Return: rule, or an ERR_PTR: -EINVAL after a line in the log, or -ENOMEM.
 */
struct emul_rule *emul_rule_create(struct emul_faults *f, const char *name)
{
	enum emul_rule_field i;
	struct emul_rule *r;

	if (!is_word(name)) {
		pr_err_ratelimited("asblk: the name of a rule has printable characters, and no blanks\n");
		return ERR_PTR(-EINVAL);
	}
	r = kzalloc_obj(*r);
	if (!r)
		return ERR_PTR(-ENOMEM);
	strscpy(r->name, name);
	r->hash = name_hash(name);
	r->faults = f;
	/* Asked in softirqs as well. */
	xa_init_flags(&r->blocks, XA_FLAGS_LOCK_BH);
	xa_init_flags(&r->old, XA_FLAGS_LOCK_BH);
	for (i = 0; i < EMUL_NR_RULE_FIELDS; i++)
		parse_field(&rule_field[i], rule_field[i].def, &r->value[i]);
	mutex_lock(&f->lock);
	if (!f->record)
		f->record = kvcalloc(EMUL_FAULT_RECORDS, sizeof(*f->record), GFP_KERNEL);
	if (f->record)
		list_add_tail(&r->list, &f->rules);
	mutex_unlock(&f->lock);
	if (f->record)
		return r;
	kfree(r);
	return ERR_PTR(-ENOMEM);
}
ASBLK_EXPORT(emul_rule_create);

/**
 * emul_rule_alloc - memory for what a rule remembers
 * @r: rule
 * @size: bytes
 * @gfp: whether it may wait for it
 *
 * Out of the disk's budget, as its users make it grow. Context: as @gfp says.
 * Return: memory, zeroed, for emul_rule_free(); NULL if there is none.
 */
void *emul_rule_alloc(struct emul_rule *r, size_t size, gfp_t gfp)
{
	void *memory = kzalloc(size, gfp);

	if (memory && !emul_budget_take(r->faults->budget, ksize(memory))) {
		kfree(memory);
		memory = NULL;
	}
	return memory;
}

/* Free it. Context: any. */
void emul_rule_free(struct emul_rule *r, void *memory)
{
	if (!memory)
		return;
	emul_budget_give(r->faults->budget, ksize(memory));
	kfree(memory);
}

/* What is remembered of blocks. Nobody looks at the rule. */
static void rule_forget(struct emul_rule *r)
{
	unsigned long i;
	void *entry;

	xa_for_each(&r->blocks, i, entry) {
		emul_rule_free(r, entry);
		cond_resched();
	}
	xa_destroy(&r->blocks);
	xa_for_each(&r->old, i, entry) {
		emul_rule_free(r, entry);
		cond_resched();
	}
	xa_destroy(&r->old);
}

/* Have exactly the rules looked at that are enabled; under emul_faults::lock. */
static int faults_update(struct emul_faults *f)
{
	struct emul_rule_set *new = NULL, *old;
	struct emul_rule *r;
	unsigned int nr = 0;

	list_for_each_entry(r, &f->rules, list)
		nr += r->enabled;
	if (nr > EMUL_MAX_RULES) {
		pr_err_ratelimited("asblk: more than %u rules cannot be enabled at a time\n",
				   EMUL_MAX_RULES);
		return -ENOSPC;
	}
	if (nr) {
		new = kzalloc(struct_size(new, rule, nr), GFP_KERNEL);
		if (!new)
			return -ENOMEM;
		new->nr = nr;
		nr = 0;
		list_for_each_entry(r, &f->rules, list)
			if (r->enabled)
				new->rule[nr++] = r;
	}
	old = rcu_replace_pointer(f->set, new, lockdep_is_held(&f->lock));
	/* Whoever executes looks without sleeping, whoever injects may sleep. */
	synchronize_rcu();
	synchronize_srcu(&emul_faults_srcu);
	kfree(old);
	return 0;
}

/* A bit that no enabled rule has; any if there are too many, which is refused later. */
static u8 faults_free_bit(const struct emul_faults *f)
{
	const struct emul_rule *r;
	u64 taken = 0;

	list_for_each_entry(r, &f->rules, list)
		if (r->enabled)
			taken |= BIT_ULL(r->bit);
	return ~taken ? ffz(taken) : EMUL_MAX_RULES - 1;
}

/**
 * emul_rule_enable - have commands looked at with a rule, or no longer
 * @r: rule
 * @on: which
 *
 * A rule that is enabled begins its history anew. Context: may sleep.
 * Return: 0, -ENOMEM, -ENOSPC or -ERESTARTSYS.
 */
int emul_rule_enable(struct emul_rule *r, bool on)
{
	struct emul_faults *f = r->faults;
	int err = 0;

	if (mutex_lock_interruptible(&f->lock))
		return -ERESTARTSYS;
	if (r->enabled != on) {
		if (on) {
			r->bit = faults_free_bit(f);
			rule_forget(r);
			atomic64_set(&r->hits, 0);
			atomic64_set(&r->no_block, 0);
			atomic64_set(&r->left, r->value[RULE_TIMES]);
		}
		r->enabled = on;
		err = faults_update(f);
		if (err)
			r->enabled = !on;
	}
	if (!on && !err)
		rule_forget(r);
	mutex_unlock(&f->lock);
	return err;
}
ASBLK_EXPORT(emul_rule_enable);

/* Context: may sleep. */
void emul_rule_destroy(struct emul_rule *r)
{
	struct emul_faults *f = r->faults;

	mutex_lock(&f->lock);
	list_del(&r->list);
	if (r->enabled) {
		/* A smaller set than before: the kernel finds the memory for it. */
		while (faults_update(f))
			cond_resched();
	}
	mutex_unlock(&f->lock);
	rule_forget(r);
	kfree(r);
}
ASBLK_EXPORT(emul_rule_destroy);

/* Does the rule apply to such a command, as far as one can see from outside? */
bool emul_rule_applies(const struct emul_rule *r, enum asblk_op op, u8 opts,
		       unsigned int queue)
{
	const u64 *v = r->value;

	return (!v[RULE_OP] || v[RULE_OP] & BIT(op)) &&
	       (opts & v[RULE_FLAGS]) == v[RULE_FLAGS] &&
	       (v[RULE_QUEUE] == RULE_ANY_QUEUE || v[RULE_QUEUE] == queue);
}
EXPORT_SYMBOL_IF_KUNIT(emul_rule_applies);

/* Is any of the blocks in its range? */
bool emul_rule_covers(const struct emul_rule *r, u64 lba, u64 nr_blocks)
{
	u64 first = r->value[RULE_FIRST], blocks = r->value[RULE_BLOCKS];

	return lba + nr_blocks > first && (!blocks || lba < first + blocks);
}
EXPORT_SYMBOL_IF_KUNIT(emul_rule_covers);

/*
 * The history of a block: operations that the rule applied to, times that it acted,
 * and whether it is healed.
 */
#define HISTORY_COUNT	GENMASK_ULL(31, 0)
#define HISTORY_ACTED	GENMASK_ULL(47, 32)
#define HISTORY_ACT	BIT_ULL(32)
#define HISTORY_HEALED	BIT_ULL(63)
#define HISTORIES	(PAGE_SIZE / sizeof(atomic64_t))

/* Return: the history of a block, or NULL if there is no memory for it. */
static atomic64_t *rule_history(struct emul_rule *r, u64 lba, gfp_t gfp)
{
	unsigned long index = lba / HISTORIES;
	atomic64_t *page, *other;

	if (lba == EMUL_NO_BLOCK)
		return &r->no_block;
	page = xa_load(&r->blocks, index);
	if (!page) {
		page = emul_rule_alloc(r, HISTORIES * sizeof(*page), gfp);
		if (!page)
			return NULL;
		other = xa_cmpxchg_bh(&r->blocks, index, NULL, page, gfp);
		if (other) {
			emul_rule_free(r, page);
			page = xa_is_err(other) ? NULL : other;
		}
	}
	return page ? page + lba % HISTORIES : NULL;
}

#define MILLION		1000000

static bool rule_chance(const struct emul_rule *r, u64 lba, u32 count)
{
	static const siphash_key_t key = { { 0x6661756c74, 1 } };
	u64 probability = r->value[RULE_PROBABILITY], random;

	random = siphash_4u64(READ_ONCE(r->faults->seed), r->hash, lba, count, &key);
	return random % MILLION < probability;
}

/* Count an operation in a history of @old. Return: true if the rule acts. */
static bool rule_count(const struct emul_rule *r, u64 lba, s64 old, s64 *new, bool may,
		       u32 *count)
{
	const u64 *v = r->value;
	u64 acted = FIELD_GET(HISTORY_ACTED, old);
	bool acts;

	*count = (old & HISTORY_COUNT) + 1;
	acts = may && !(old & HISTORY_HEALED) && !(*count % v[RULE_INTERVAL]) &&
	       (!v[RULE_TIMES_PER_BLOCK] || acted < v[RULE_TIMES_PER_BLOCK]) &&
	       rule_chance(r, lba, *count);
	*new = (old & ~HISTORY_COUNT) | *count;
	if (acts && acted < U16_MAX)
		*new += HISTORY_ACT;
	return acts;
}

/*
 * Will it never act again? What it would count is forgotten before it is enabled the next
 * time.
 */
bool emul_rule_idle(const struct emul_rule *r)
{
	return !r->value[RULE_PROBABILITY] ||
	       (r->value[RULE_TIMES] && !atomic64_read(&r->left));
}
EXPORT_SYMBOL_IF_KUNIT(emul_rule_idle);

/**
 * emul_rule_passes - count an operation on a block that the rule does not act on
 * @r: as emul_rule_acts()
 * @lba: block, or %EMUL_NO_BLOCK
 *
 * Context: any, under rcu_read_lock().
 * Return: false if the rule acts, or if that cannot be found out without waiting for
 * memory; then it is not counted either, and emul_rule_acts() is to be asked.
 */
bool emul_rule_passes(struct emul_rule *r, u64 lba)
{
	atomic64_t *history = rule_history(r, lba, GFP_NOWAIT | __GFP_NOWARN);
	s64 old, new;
	u32 count;

	if (!history)
		return false;
	old = atomic64_read(history);
	do {
		if (rule_count(r, lba, old, &new, true, &count))
			return false;
	} while (!atomic64_try_cmpxchg(history, &old, new));
	return true;
}
EXPORT_SYMBOL_IF_KUNIT(emul_rule_passes);

/**
 * emul_rule_acts - count an operation on a block, and decide
 * @r: rule that applies to the operation, and whose range has the block
 * @lba: block, or %EMUL_NO_BLOCK
 * @may: it may act; else the operation is only counted
 * @count: filled in: operations on the block
 *
 * Without a total, the decision depends on nothing but seed, name, block and count.
 *
 * Context: may sleep.
 * Return: true if the rule acts.
 */
bool emul_rule_acts(struct emul_rule *r, u64 lba, bool may, u32 *count)
{
	atomic64_t *history = rule_history(r, lba, EMUL_GFP_WAIT);
	s64 old, new;
	bool acts;

	if (!history) {
		pr_err_ratelimited("asblk: rule %s: no memory for its history\n", r->name);
		return false;
	}
	old = atomic64_read(history);
	do {
		acts = rule_count(r, lba, old, &new, may, count);
	} while (!atomic64_try_cmpxchg(history, &old, new));
	return acts && (!r->value[RULE_TIMES] || atomic64_add_unless(&r->left, -1, 0));
}
EXPORT_SYMBOL_IF_KUNIT(emul_rule_acts);

/* The block was written: the rule acts on it no more. */
void emul_rule_heal(struct emul_rule *r, u64 lba)
{
	atomic64_t *history = rule_history(r, lba, EMUL_GFP_WAIT);

	if (history)
		atomic64_or(HISTORY_HEALED, history);
	else
		pr_err_ratelimited("asblk: rule %s: no memory for its history\n", r->name);
}
EXPORT_SYMBOL_IF_KUNIT(emul_rule_heal);

/* Context: any task. */
void emul_faults_log(const struct emul *emul, struct emul_rule *r, unsigned int queue,
		     enum asblk_op op, u64 lba, u32 count)
{
	struct emul_faults *f = r->faults;
	struct emul_fault_record *record;

	atomic64_inc(&r->hits);
	trace_asblk_fault(dev_name(asblk_ctrl_device(emul->ctrl)), r->name,
			  emul_action_words[r->value[RULE_ACTION]], queue, op, lba, count);
	spin_lock(&f->log_lock);
	record = &f->record[f->nr_records++ % EMUL_FAULT_RECORDS];
	record->ns = ktime_get_ns();
	record->lba = lba;
	record->count = count;
	record->queue = queue;
	record->op = op;
	record->action = r->value[RULE_ACTION];
	strscpy(record->rule, r->name);
	spin_unlock(&f->log_lock);
}

/* The log, oldest first. The first number tells whether any are missing. */
static int faults_show(struct seq_file *m, void *unused)
{
	struct emul *emul = m->private;
	struct emul_faults *f = emul->faults;
	struct emul_fault_record record;
	u64 i;

	seq_puts(m, "number seconds rule action queue op block count\n");
	for (i = 0; ; i++) {
		spin_lock(&f->log_lock);
		/* Those that are logged meanwhile may have pushed out what comes next. */
		if (f->nr_records > EMUL_FAULT_RECORDS)
			i = max(i, f->nr_records - EMUL_FAULT_RECORDS);
		if (i >= f->nr_records) {
			spin_unlock(&f->log_lock);
			return 0;
		}
		record = f->record[i % EMUL_FAULT_RECORDS];
		spin_unlock(&f->log_lock);
		seq_printf(m, "%llu %llu.%09u %s %s %u %s ", i,
			   div_u64(record.ns, NSEC_PER_SEC),
			   (u32)(record.ns % NSEC_PER_SEC), record.rule,
			   emul_action_words[record.action], record.queue,
			   emul_op_words[record.op]);
		if (record.lba == EMUL_NO_BLOCK)
			seq_printf(m, "- %u\n", record.count);
		else
			seq_printf(m, "%llu %u\n", record.lba, record.count);
	}
}
DEFINE_SHOW_ATTRIBUTE(faults);

const struct file_operations *const emul_faults_fops = &faults_fops;

/**
 * emul_faults_init - prepare for rules
 * @f: zeroed
 * @budget: what they take memory from; outlives them
 */
void emul_faults_init(struct emul_faults *f, struct emul_budget *budget)
{
	f->budget = budget;
	mutex_init(&f->lock);
	spin_lock_init(&f->log_lock);
	INIT_LIST_HEAD(&f->rules);
}
EXPORT_SYMBOL_IF_KUNIT(emul_faults_init);

/* All rules are gone. */
void emul_faults_exit(struct emul_faults *f)
{
	kvfree(f->record);
}
EXPORT_SYMBOL_IF_KUNIT(emul_faults_exit);
