/* What the files about a network's text share. */
#ifndef LP_NETSPEC_H
#define LP_NETSPEC_H

#include <locality/nn.h>

/* One entry of `layers`. As written, texts hold "$knob"; in a finished network they do not, but for
 * $classes. */
typedef struct lp_layerspec {
  char *name; /* NULL as written: none was given */
  char *spec;
  char *sheet;   /* or NULL */
  char *record;  /* or NULL */
  char *penalty; /* its spec; of several "(SPEC),(SPEC)"; or NULL */
  char **term;   /* finished: the spec of each, and its name among them ("" where it is alone) */
  char **term_name;
  uint32_t n_terms;
  char **from;
  uint32_t n_from;
  uint32_t line; /* of the file; 0: not from one */
} lp_layerspec;

typedef struct lp_knob {
  char *name, *value;
} lp_knob;

struct lp_netspec {
  char *name;  /* "lenet" */
  char *where; /* the file, for messages */
  char *summary;
  uint32_t size, resize;
  lp_knob *knob;
  uint32_t n_knobs;
  lp_layerspec *written, *layer; /* as written, and finished; n_layers each */
  uint32_t n_layers;
  char *text;
};

/* A sheet's text: its extents. "49" has one axis. */
typedef struct lp_sheet {
  uint32_t ndim, extent[LP_MAX_AXES], units;
} lp_sheet;

/* netspec.c */
lp_status lp_sheet_parse(const char *text, lp_sheet *out);
/* Does it say rows and columns, be it 49x1? Else it only says how
 * many units there are, and the topology lays them out. */
bool lp_sheet_is_lattice(const lp_sheet *s);
/* text with every $name replaced; malloc'ed. NULL when it is unknown (an error) or memory ends. */
char *lp_knobs_fill(const lp_netspec *n, const char *text);
/* Text of a layer's spec for data of that many classes; malloc'ed, NULL out of memory. */
char *lp_layer_spec_text(const lp_layerspec *l, uint32_t classes);
/* "WHERE:LINE: NAME: " before this thread's error; returns status. */
lp_status lp_layer_fail(const lp_netspec *n, const lp_layerspec *l, lp_status status);
/* strdup, or NULL for NULL; *ok becomes false when memory ends. */
char *lp_copy_or_null(const char *s, bool *ok);
/* Finished layers and canonical text from what was written. */
lp_status lp_netspec_finish(lp_netspec *n);

/* penalty.c: the next of the specs of a `penalty:`, unwrapped; *rest, a copy to begin with, moves
 * on. */
char *lp_penalty_next(char **rest);
/* Adds the penalties of layer l, whose values begin at `first`, to g and net. in, out:
 * sheets of its input and output. */
lp_status lp_penalty_add(lp_graph *g, const lp_layerspec *l, const lp_layer_request *layer,
                         const lp_sheet *in, const lp_sheet *out, uint32_t first, lp_val y,
                         bool recurrent, lp_net *net);
/* Sets net->total. */
lp_status lp_penalty_sum(lp_graph *g, lp_net *net);

/* netspec_yaml.c: fills in everything but layer and text. */
lp_status lp_netspec_read(lp_netspec *n, const char *text, size_t size);

#endif
