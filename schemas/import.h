/* Foreign XSD files in, bundles out; bytes only, made to run in a box. */
#ifndef SCHEMAS_IMPORT_H
#define SCHEMAS_IMPORT_H

#include "base/err.h"
#include "schemas/archive.h"

/* Names of the pieces that schema_import gives. */
#define IMPORT_BUNDLE "bundle" /* bytes of a bundle (schemas/bundle.h) */
#define IMPORT_NOTE "note"     /* one line for people: "FILE: what" */

/*
 * Parses the XSD files of `in` and adds to `out` one bundle for each
 * (procedure, version) that they define: the root file and everything it
 * includes or imports, tried by compiling it.  A root is
 *
 * - a file that declares the element DATA: the procedure is the element
 *   inside it, or
 * - a file that declares an element with the attribute VR: the element
 *   itself (電子的控除証明書, attachments),
 *
 * and the versions are the values that VR is enumerated to have.  What cannot
 * be used is said in notes: not well-formed, a DOCTYPE, a file that is
 * missing, a form whose procedure is not there, a bundle that does not
 * compile.  0, also when there are notes only; -1 no memory.
 *
 * Touches no file and no socket.  Process-wide libxml2 hooks are changed
 * while it runs.
 */
int schema_import(const struct archive *in, struct archive *out, struct err *e);

#endif
