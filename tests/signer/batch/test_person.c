/*
 * Whose name is compared with whose, and what a record keeps of it.
 */
#include "signer/batch/person.h"

#include "base/ipc.h"
#include "signer/report/people.h"
#include "tests/lib/suite.h"

#include <stdio.h>
#include <string.h>

static struct findings
filing(const char *agent, const char *taxpayer, const char *representative)
{
	struct findings f;

	findings_init(&f);
	snprintf(f.agent_name, sizeof f.agent_name, "%s", agent);
	snprintf(f.taxpayer_name, sizeof f.taxpayer_name, "%s", taxpayer);
	snprintf(
	    f.representative, sizeof f.representative, "%s", representative);
	return f;
}

static struct name_result
judge(const struct findings *f, enum conf_signer_must must, const char *holder,
    const char **wanted)
{
	struct cert_holder h = {.from_names = true};
	struct name_result n;

	snprintf(h.name, sizeof h.name, "%s", holder);
	*wanted = person_judge(f, must, &h, &n);
	return n;
}

/* With this rule the holder is compared with `name` (NULL: with whomever). */
static void
expect(const struct findings *f, enum conf_signer_must must, const char *holder,
    enum name_verdict verdict, const char *name)
{
	const char *wanted;

	CU_ASSERT_EQUAL(judge(f, must, holder, &wanted).verdict, verdict);
	if (name != NULL)
		CU_ASSERT_STRING_EQUAL(wanted, name);
}

static void
each_rule_has_its_person(void)
{
	struct findings f = filing("高橋太郎", "鈴木一郎", "");

	expect(
	    &f, CONF_SIGNER_ACCOUNTANT, "髙橋　太郎", NAME_VARIANT, "高橋太郎");
	expect(
	    &f, CONF_SIGNER_TAXPAYER, "髙橋　太郎", NAME_DIFFERENT, "鈴木一郎");
	f.agent_name[0] = '\0';
	expect(&f, CONF_SIGNER_ACCOUNTANT, "髙橋　太郎", NAME_NONE, NULL);
	findings_free(&f);
}

static void
a_firm_signs_by_its_representative(void)
{
	struct findings f = filing("", "株式会社見本", "田中太郎");

	expect(&f, CONF_SIGNER_TAXPAYER, "田中 太郎", NAME_SAME, "田中太郎");
	expect(&f, CONF_SIGNER_TAXPAYER, "鈴木一郎", NAME_DIFFERENT, NULL);
	/* The firm's own certificate. */
	expect(
	    &f, CONF_SIGNER_TAXPAYER, "㈱見本", NAME_VARIANT, "株式会社見本");
	f.representative[0] = '\0';
	expect(&f, CONF_SIGNER_TAXPAYER, "田中太郎", NAME_UNCLEAR, NULL);
	findings_free(&f);
}

static void
several_applications_are_unclear(void)
{
	struct findings f = filing("田中太郎", "鈴木一郎", "");
	struct name_result n;
	const char *wanted;

	f.several = true;
	n = judge(&f, CONF_SIGNER_ACCOUNTANT, "佐藤花子", &wanted);
	CU_ASSERT_EQUAL(n.verdict, NAME_UNCLEAR);
	CU_ASSERT_STRING_EQUAL(n.why, "several");
	findings_free(&f);
}

static void
who_finds_the_person_comes_first(void)
{
	CU_ASSERT_TRUE(person_is_better(NAME_SAME, NAME_VARIANT));
	CU_ASSERT_TRUE(person_is_better(NAME_UNCLEAR, NAME_NONE));
	/* Somebody without a name may be the person; another is not. */
	CU_ASSERT_TRUE(person_is_better(NAME_NONE, NAME_DIFFERENT));
	CU_ASSERT_FALSE(person_is_better(NAME_DIFFERENT, NAME_DIFFERENT));
}

static void
a_record_keeps_it(void)
{
	struct findings f = filing("田中太郎", "株式会社見本", "鈴木一郎");
	struct findings g;
	struct ipc_msg m = {0}, read = {0};

	snprintf(f.people.must, sizeof f.people.must, "accountant");
	snprintf(f.people.verdict, sizeof f.people.verdict, "variant");
	snprintf(f.people.how, sizeof f.people.how, "高/髙");
	f.several = f.people.refused = true;
	ipc_begin(&m, 0);
	findings_put(&m, &f);
	CU_ASSERT_EQUAL_FATAL(ipc_load(&read, 0, ipc_body(&m)), 0);
	CU_ASSERT_EQUAL_FATAL(findings_get(&read, &g), 0);
	CU_ASSERT_TRUE(g.several && g.people.refused);
	CU_ASSERT_STRING_EQUAL(g.representative, "鈴木一郎");
	CU_ASSERT_STRING_EQUAL(g.people.how, "高/髙");
	CU_ASSERT_PTR_NULL(people_code(&g.people));
	g.people.refused = false;
	snprintf(g.people.verdict, sizeof g.people.verdict, "different");
	CU_ASSERT_STRING_EQUAL(people_code(&g.people), "signer-differs");
	findings_free(&g);
	ipc_free(&read);
	ipc_free(&m);
	findings_free(&f);
}

SUITE_MAIN("person", CASE(each_rule_has_its_person),
    CASE(a_firm_signs_by_its_representative),
    CASE(several_applications_are_unclear),
    CASE(who_finds_the_person_comes_first), CASE(a_record_keeps_it))
