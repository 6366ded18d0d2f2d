/* Reading YAML with libyaml: one document, errors as FILE:LINE. */
#include "yaml.h"

#include <locality/io.h>

#include <string.h>

static lp_status parser_error(const yaml_parser_t *p, const char *where) {
  if (p->error == YAML_READER_ERROR)
    return lp_fail(LP_ERR_FORMAT, "%s: not YAML text: %s", where, p->problem);
  if (p->error == YAML_MEMORY_ERROR) return lp_fail(LP_ERR_MEMORY, "%s: out of memory", where);
  return lp_fail(LP_ERR_FORMAT, "%s:%zu: %s", where, p->problem_mark.line + 1,
                 p->problem ? p->problem : "cannot be read as YAML");
}

/* Looks at the text's events before a tree is made of them: libyaml's time grows with the square of
 * the depth, and a C string would end at a NUL. What is no YAML is left to the parser proper. */
static lp_status check_events(const char *text, size_t size, const char *where) {
  yaml_parser_t p;
  yaml_event_t e;
  lp_status status = LP_OK;
  if (!yaml_parser_initialize(&p)) return lp_fail(LP_ERR_MEMORY, "%s: out of memory", where);
  yaml_parser_set_input_string(&p, (const unsigned char *)text, size);
  for (int depth = 0, more = 1; more && status == LP_OK && yaml_parser_parse(&p, &e);) {
    const size_t line = e.start_mark.line + 1;
    depth += (e.type == YAML_SEQUENCE_START_EVENT || e.type == YAML_MAPPING_START_EVENT) -
             (e.type == YAML_SEQUENCE_END_EVENT || e.type == YAML_MAPPING_END_EVENT);
    if (depth > LP_YAML_DEPTH)
      status = lp_fail(LP_ERR_FORMAT, "%s:%zu: lists and mappings are nested deeper than %d", where,
                       line, LP_YAML_DEPTH);
    else if (e.type == YAML_SCALAR_EVENT && memchr(e.data.scalar.value, 0, e.data.scalar.length))
      status = lp_fail(LP_ERR_FORMAT, "%s:%zu: a text holds a NUL character", where, line);
    more = e.type != YAML_STREAM_END_EVENT;
    yaml_event_delete(&e);
  }
  yaml_parser_delete(&p);
  return status;
}

/* Only the end may follow a document. */
static lp_status expect_end(yaml_parser_t *p, const char *where) {
  yaml_document_t next;
  if (!yaml_parser_load(p, &next))
    return lp_fail(LP_ERR_FORMAT, "%s:%zu: after the end of the document: %s", where,
                   p->problem_mark.line + 1, p->problem ? p->problem : "cannot be read as YAML");
  const yaml_node_t *root = yaml_document_get_root_node(&next);
  lp_status status = LP_OK;
  if (root)
    status = lp_fail(LP_ERR_FORMAT,
                     "%s:%zu: a second document begins here; it would be passed over: write one "
                     "file for each",
                     where, root->start_mark.line + 1);
  yaml_document_delete(&next);
  return status;
}

lp_status lp_yaml_parse(const char *text, size_t size, const char *where, yaml_document_t *doc) {
  yaml_parser_t p;
  lp_status status = check_events(text, size, where);
  if (status != LP_OK) return status;
  if (!yaml_parser_initialize(&p)) return lp_fail(LP_ERR_MEMORY, "%s: out of memory", where);
  yaml_parser_set_input_string(&p, (const unsigned char *)text, size);
  if (!yaml_parser_load(&p, doc)) {
    status = parser_error(&p, where);
  } else {
    status = yaml_document_get_root_node(doc) ? expect_end(&p, where)
                                              : lp_fail(LP_ERR_FORMAT, "%s: empty", where);
    if (status != LP_OK) yaml_document_delete(doc);
  }
  yaml_parser_delete(&p);
  return status;
}

lp_status lp_yaml_fail(const char *where, const yaml_node_t *node, lp_status status) {
  return node ? lp_fail_in(status, "%s:%zu", where, node->start_mark.line + 1)
              : lp_fail_in(status, "%s", where);
}

const char *lp_yaml_text(const yaml_node_t *node) {
  return node && node->type == YAML_SCALAR_NODE ? (const char *)node->data.scalar.value : NULL;
}
