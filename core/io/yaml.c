/* Reading YAML with libyaml: one document, errors as FILE:LINE. */
#include "yaml.h"

#include <locality/io.h>

static lp_status parser_error(const yaml_parser_t *p, const char *where) {
  if (p->error == YAML_READER_ERROR)
    return lp_fail(LP_ERR_FORMAT, "%s: not YAML text: %s", where, p->problem);
  if (p->error == YAML_MEMORY_ERROR) return lp_fail(LP_ERR_MEMORY, "%s: out of memory", where);
  return lp_fail(LP_ERR_FORMAT, "%s:%zu: %s", where, p->problem_mark.line + 1,
                 p->problem ? p->problem : "cannot be read as YAML");
}

/* Only the end may follow a document. */
static lp_status expect_end(yaml_parser_t *p, const char *where) {
  yaml_document_t next;
  if (!yaml_parser_load(p, &next)) return parser_error(p, where);
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
  if (!yaml_parser_initialize(&p)) return lp_fail(LP_ERR_MEMORY, "%s: out of memory", where);
  yaml_parser_set_input_string(&p, (const unsigned char *)text, size);
  lp_status status = LP_OK;
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
