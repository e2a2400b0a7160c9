/*
 * jsonschema SCHEMA FILE: exits 0 when the JSON file is valid by the schema
 * (tests/lib/jsonschema.h), for the end-to-end scenarios.
 */
#include "tests/lib/jsonschema.h"

#include <stdio.h>

static json_t *
load(const char *path)
{
	json_error_t why;
	json_t *json = json_load_file(path, JSON_REJECT_DUPLICATES, &why);

	if (json == NULL)
		printf("%s:%d: %s\n", path, why.line, why.text);
	return json;
}

int
main(int argc, char **argv)
{
	json_t *schema, *value;
	bool good;

	if (argc != 3)
		return 64;
	schema = load(argv[1]);
	value = load(argv[2]);
	good =
	    schema != NULL && value != NULL && jsonschema_valid(schema, value);
	json_decref(schema);
	json_decref(value);
	return good ? 0 : 1;
}
