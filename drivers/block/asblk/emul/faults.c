// SPDX-License-Identifier: GPL-2.0-only
/* Fault rules: from text to values and back, and which of them are enabled. */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <kunit/visibility.h>
#include <linux/ctype.h>
#include <linux/export.h>
#include <linux/kstrtox.h>
#include <linux/lockdep.h>
#include <linux/rcupdate.h>
#include <linux/siphash.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/sysfs.h>

#include "../compat.h"
#include "faults.h"
#include "medium.h"

/* In the order of enum asblk_op, and of the bits ASBLK_OPT_*. */
#define OP_WORD(name, word)	word,

const char *const emul_op_words[] = { ASBLK_OPS(OP_WORD, OP_WORD) "admin", NULL };

static const char *const emul_flag_words[] = {
	"fua", "nounmap", "atomic", "meta", "prio", "rahead", NULL
};

static const char *const emul_any_words[] = { "any", NULL };
static const char *const emul_when_words[] = { "before", "after", NULL };

const char *const emul_action_words[] = { EMUL_ACTIONS(EMUL_ACTION_WORD) NULL };

#define ACTION_INFO(id, word, at, on, what, least, text)				\
	[EMUL_ACT_##id] = {								\
		.stage = EMUL_STAGE_##at, .ops = EMUL_OPS_##on, .faults = what,		\
		.recovered_by = EMUL_RECOVERED_BY_##least,				\
	},

const struct emul_action_info emul_actions[EMUL_NR_ACTIONS] = { EMUL_ACTIONS(ACTION_INFO) };

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

/* Readers of the set of rules that may sleep. */
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
			*value = RULE_ANY;
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
		pr_err_ratelimited("rule %s: %s=%*pE is not %s%s%s\n", r->name,
				   f->name, (int)strlen(text), text,
				   f->max == EMUL_SET ? "any, or some of" : "in its range",
				   *words ? ", or" : "", words);
	else
		pr_err_ratelimited("rule %s: %s=%*pE is none of%s\n", r->name,
				   f->name, (int)strlen(text), text, words);
}

/**
 * emul_rule_set - give a field of a rule a value
 * @r: rule
 * @i: field
 * @text: value, without blanks at its ends
 *
 * Context: may sleep.
 * Return: 0; or, with nothing changed, -EINVAL after a line in the log, -EBUSY likewise if the
 * rule is enabled, or -ERESTARTSYS.
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
		pr_err_ratelimited("rule %s: %s cannot change while it is enabled\n",
				   r->name, f->name);
		err = -EBUSY;
	} else {
		r->value[i] = value;
	}
	mutex_unlock(&r->faults->lock);
	return err;
}
ASBLK_EXPORT(emul_rule_set);

/**
 * emul_rule_show - format a field of a rule as text
 * @r: rule
 * @i: field
 * @page: the text goes here; a page
 *
 * Context: any.
 * Return: length.
 */
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
	if (f->words && value == RULE_ANY)
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
 * emul_rule_create - allocate a rule that is not enabled
 * @f: fault rules of a disk
 * @name: 1 to %EMUL_RULE_NAME_SIZE - 1 printable characters, no blanks
 *
 * Context: may sleep.
 * Return: rule, or an ERR_PTR: -EINVAL after a line in the log, or -ENOMEM.
 */
struct emul_rule *emul_rule_create(struct emul_faults *f, const char *name)
{
	enum emul_rule_field i;
	struct emul_rule *r;
	bool complete;

	if (!is_word(name)) {
		pr_err_ratelimited("the name of a rule has printable characters, and no blanks\n");
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
	if (!f->spare)
		f->spare = kvmalloc(EMUL_MAX_BLOCK_SIZE, GFP_KERNEL);
	complete = f->record && f->spare;
	if (complete)
		list_add_tail(&r->list, &f->rules);
	mutex_unlock(&f->lock);
	if (complete)
		return r;
	kfree(r);
	return ERR_PTR(-ENOMEM);
}
ASBLK_EXPORT(emul_rule_create);

/* Rebuild and publish the set of enabled rules, with emul_faults::lock held. May sleep. */
static int faults_update(struct emul_faults *f)
{
	struct emul_rule_set *new = NULL, *old;
	struct emul_rule *r;
	unsigned int nr = 0;

	lockdep_assert_held(&f->lock);
	list_for_each_entry(r, &f->rules, list)
		nr += r->enabled;
	if (nr > EMUL_MAX_RULES) {
		pr_err_ratelimited("more than %u rules cannot be enabled at a time\n",
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
	/* emul_faults_concern() reads it under RCU, emul_inject() sleeps under SRCU. */
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

	lockdep_assert_held(&f->lock);
	list_for_each_entry(r, &f->rules, list)
		if (r->enabled)
			taken |= BIT_ULL(r->bit);
	return ~taken ? ffz(taken) : EMUL_MAX_RULES - 1;
}

/**
 * emul_rule_enable - enable or disable a rule
 * @r: rule
 * @on: true to enable
 *
 * A rule that is enabled begins its history anew.
 *
 * Context: may sleep.
 * Return: 0, -ENOMEM, -ERESTARTSYS, or -ENOSPC after a line in the log.
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
			emul_rule_forget(r);
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
		emul_rule_forget(r);
	mutex_unlock(&f->lock);
	return err;
}
ASBLK_EXPORT(emul_rule_enable);

/**
 * emul_rule_destroy - disable and free a rule
 * @r: rule; the caller is its last user
 *
 * Context: may sleep.
 */
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
	emul_rule_forget(r);
	kfree(r);
}
ASBLK_EXPORT(emul_rule_destroy);

/* @f: zeroed; @budget, which pays for the rules' memory, outlives them. */
void emul_faults_init(struct emul_faults *f, struct emul_budget *budget)
{
	f->budget = budget;
	mutex_init(&f->lock);
	mutex_init(&f->spare_lock);
	spin_lock_init(&f->log_lock);
	INIT_LIST_HEAD(&f->rules);
}
EXPORT_SYMBOL_IF_KUNIT(emul_faults_init);

/* All rules are gone. */
void emul_faults_exit(struct emul_faults *f)
{
	kvfree(f->record);
	kvfree(f->spare);
}
EXPORT_SYMBOL_IF_KUNIT(emul_faults_exit);
