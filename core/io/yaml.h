/* Reading YAML: one document, errors as FILE:LINE. */
#ifndef LP_IO_YAML_H
#define LP_IO_YAML_H

#include <locality/status.h>

#include <stddef.h>
#include <yaml.h>

enum { LP_YAML_DEPTH = 64 }; /* lists and mappings inside each other */

/* Parses text, which `where` names in messages, into *doc (free with yaml_document_delete). An
 * empty text, a second document, a NUL in a text, deeper nesting than LP_YAML_DEPTH and anything
 * else that is not YAML is an error. */
lp_status lp_yaml_parse(const char *text, size_t size, const char *where, yaml_document_t *doc);
/* "WHERE:LINE: " before this thread's error; returns status. */
lp_status lp_yaml_fail(const char *where, const yaml_node_t *node, lp_status status);
/* Text of a scalar; NULL for anything else. */
const char *lp_yaml_text(const yaml_node_t *node);

#endif
