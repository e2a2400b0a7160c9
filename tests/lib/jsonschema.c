/*
 * Debian has no JSON Schema validator in C; the documented schema must be
 * proved against real reports all the same.
 */
#include "tests/lib/jsonschema.h"

#include <regex.h>
#include <stdio.h>
#include <string.h>

static bool check(json_t *root, json_t *schema, json_t *value, bool quiet);

static bool
no(bool quiet, const char *why, json_t *value)
{
	char *text;

	if (!quiet) {
		text = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);
		printf("# schema: %s: %.120s\n", why, text == NULL ? "" : text);
		free(text);
	}
	return false;
}

static bool
is_type(const char *name, json_t *value)
{
	static const char *const names[] = {"object", "array", "string",
	    "integer", "number", "boolean", "boolean", "null"};

	return strcmp(names[json_typeof(value)], name) == 0;
}

static bool
check_type(json_t *type, json_t *value)
{
	size_t i;
	json_t *one;

	if (json_is_string(type))
		return is_type(json_string_value(type), value);
	json_array_foreach(type, i,
	    one) if (is_type(json_string_value(one), value)) return true;
	return false;
}

static bool
check_enum(json_t *list, json_t *value)
{
	size_t i;
	json_t *one;

	json_array_foreach(
	    list, i, one) if (json_equal(one, value)) return true;
	return false;
}

static bool
check_pattern(json_t *pattern, json_t *value)
{
	regex_t re;
	bool good;

	if (!json_is_string(value))
		return true;
	if (regcomp(&re, json_string_value(pattern), REG_EXTENDED | REG_NOSUB))
		return false;
	good = regexec(&re, json_string_value(value), 0, NULL, 0) == 0;
	regfree(&re);
	return good;
}

static bool
check_any(json_t *root, json_t *list, json_t *value)
{
	size_t i;
	json_t *one;

	json_array_foreach(
	    list, i, one) if (check(root, one, value, true)) return true;
	return false;
}

static bool
check_items(json_t *root, json_t *schema, json_t *value, bool quiet)
{
	size_t i;
	json_t *one;

	if (json_is_array(value))
		json_array_foreach(value, i,
		    one) if (!check(root, schema, one, quiet)) return false;
	return true;
}

static bool
check_properties(json_t *root, json_t *schema, json_t *value, bool quiet)
{
	json_t *known = json_object_get(schema, "properties"), *one, *sub;
	const char *name;
	size_t i;

	if (!json_is_object(value))
		return true;
	json_array_foreach(json_object_get(schema, "required"), i,
	    one) if (json_object_get(value, json_string_value(one)) ==
		     NULL) return no(quiet, json_string_value(one), value);
	json_object_foreach(value, name, one)
	{
		sub = json_object_get(known, name);
		if (sub == NULL)
			return no(quiet, "unknown member", value);
		if (!check(root, sub, one, quiet))
			return no(quiet, name, one);
	}
	return true;
}

static json_t *
resolve(json_t *root, json_t *ref)
{
	const char *name = json_string_value(ref);

	if (strncmp(name, "#/$defs/", 8) != 0)
		return NULL;
	return json_object_get(json_object_get(root, "$defs"), name + 8);
}

static bool
check_keyword(
    json_t *root, const char *word, json_t *arg, json_t *value, bool quiet)
{
	if (strcmp(word, "type") == 0)
		return check_type(arg, value);
	if (strcmp(word, "enum") == 0)
		return check_enum(arg, value);
	if (strcmp(word, "const") == 0)
		return json_equal(arg, value);
	if (strcmp(word, "pattern") == 0)
		return check_pattern(arg, value);
	if (strcmp(word, "minimum") == 0)
		return json_integer_value(value) >= json_integer_value(arg);
	if (strcmp(word, "anyOf") == 0)
		return check_any(root, arg, value);
	if (strcmp(word, "items") == 0)
		return check_items(root, arg, value, quiet);
	if (strcmp(word, "$ref") == 0)
		return check(root, resolve(root, arg), value, quiet);
	return strcmp(word, "description") == 0 || strcmp(word, "title") == 0 ||
	       strcmp(word, "$schema") == 0 || strcmp(word, "$defs") == 0;
}

static bool
check(json_t *root, json_t *schema, json_t *value, bool quiet)
{
	const char *word;
	json_t *arg;

	if (schema == NULL)
		return no(quiet, "no such schema", value);
	json_object_foreach(schema, word, arg)
	{
		if (strcmp(word, "required") == 0 ||
		    strcmp(word, "additionalProperties") == 0)
			continue; /* with properties */
		if (strcmp(word, "properties") == 0
			? !check_properties(root, schema, value, quiet)
			: !check_keyword(root, word, arg, value, quiet))
			return no(quiet, word, value);
	}
	return true;
}

bool
jsonschema_valid(json_t *schema, json_t *value)
{
	return check(schema, schema, value, false);
}
