/* Validation of JSON by the part of JSON Schema that docs/ uses. */
#ifndef TESTS_LIB_JSONSCHEMA_H
#define TESTS_LIB_JSONSCHEMA_H

#include <jansson.h>
#include <stdbool.h>

/*
 * True when `value` is valid by `schema` (draft 2020-12, of which: type,
 * enum, const, properties, required, additionalProperties: false, items,
 * anyOf, pattern, minimum and $ref to #/$defs).  A keyword that is not among
 * these fails, so that nothing is believed unread.  Says why on stdout.
 */
bool jsonschema_valid(json_t *schema, json_t *value);

#endif
