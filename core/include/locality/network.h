/* network.h: networks as text.
 *
 * A network is a list of layer specs in a YAML file; core/nn/networks holds those that are shipped.
 *
 *   summary: what it is, in one line
 *   input: {size: 28, resize: 28}     pixels a side; smaller side before the centre is cut out
 *   knobs: {sheet: 7x7, dropout: 0.5} values named $sheet, $dropout below
 *   layers:
 *     - conv1: conv:channels=10,kernel=5                       NAME: SPEC
 *     - relu                                                   SPEC; it is named relu1, relu2 ...
 *     - fc1: {layer: plain, sheet: $sheet, record: hidden}     NAME: {layer: SPEC, ...}
 *     - relu: {record: lp_in}                                  SPEC: {...}
 *     - sum: {layer: add, from: [fc1, relu1]}
 *     - fc2: linear:units=$classes                             $classes: of the data
 *
 * penalty: a term of the loss about this layer ("wiring_l1:weight=0.01,schedule=cosine"; "none"),
 * or a list of them, as a text "(wiring_l1),(sernn:weight=2)", where parameters go by
 * NAME.PARAMETER; sheet: units of the layer, as "7x7", "5x5x4" or "49"; record: the site under
 * which its activations are kept, of a sequence (N, T, I) those after every step; from: the layers
 * whose output it takes (the one before it, when not given; "input" is the image). A layer's name
 * is the prefix of its parameters and its random stream: networks that share names, shapes and a
 * seed share initial weights and dropout masks.
 *
 * Threads: a netspec is immutable and may be used from any thread. Loading
 * one loads the registry, since every layer is a plugin.
 */
#ifndef LOCALITY_NETWORK_H
#define LOCALITY_NETWORK_H

#include <locality/plugin.h>

#ifdef __cplusplus
extern "C" {
#endif

#define LP_MAX_LAYERS 4096

typedef struct lp_netspec lp_netspec;

/* A shipped network by name ("lenet"), or a file (its name ends in .yaml or .yml or holds a slash).
 * What is wrong is one line that begins with FILE:LINE. */
LP_API lp_status lp_netspec_load(const char *name_or_file, lp_netspec **out);
/* From text, such as lp_netspec_text gives; `where` stands for the file's name in messages. */
LP_API lp_status lp_netspec_parse(const char *text, const char *where, lp_netspec **out);
/* The same network with one thing changed. key: a knob ("sheet"), a layer ("lp": its spec), a
 * parameter of a layer ("lp.cost"), LAYER.sheet, LAYER.record, or LAYER.penalty and its parameters
 * (LAYER.penalty.weight), also as penalty.LAYER and penalty.SITE. n stays as it is. */
LP_API lp_status lp_netspec_with(const lp_netspec *n, const char *key, const char *value,
                                 lp_netspec **out);
/* Is there something of that key to set? Of LAYER.PARAMETER: does the layer, as it stands, have the
 * parameter? */
LP_API bool lp_netspec_has(const lp_netspec *n, const char *key);
/* The same network changed by a list "KEY=VALUE,KEY=VALUE"; values that hold commas stand in
 * parentheses. */
LP_API lp_status lp_netspec_change(const lp_netspec *n, const char *changes, lp_netspec **out);
LP_API lp_status lp_netspec_copy(const lp_netspec *n, lp_netspec **out);
LP_API void lp_netspec_free(lp_netspec *n);

/* The whole network in one canonical form: knobs filled in, names given, defaults of parameters
 * written out. Equal texts are equal networks. Owned by n. */
LP_API const char *lp_netspec_text(const lp_netspec *n);
/* The same with the specs inside values in canonical form too, which lp_netspec_text leaves as they
 * were written, so that files keep their text: networks that are the same in other words ("p=2" and
 * "p=2.0" of a cost) have one. malloc'ed; NULL: memory is exhausted. */
LP_API char *lp_netspec_full_text(const lp_netspec *n);
LP_API const char *lp_netspec_name(const lp_netspec *n); /* "lenet", or the file's name */
LP_API const char *lp_netspec_summary(const lp_netspec *n);
/* Side of the images it is made for, and their smaller side before the centre is cut out. */
LP_API void lp_netspec_input(const lp_netspec *n, uint32_t *size, uint32_t *resize);
LP_API uint32_t lp_netspec_size(const lp_netspec *n); /* number of its layers */
/* Spec of the layer of that name, NULL when there is none. */
LP_API const char *lp_netspec_layer(const lp_netspec *n, const char *name);
/* Value of a knob, NULL when it has none of that name. */
LP_API const char *lp_netspec_knob(const lp_netspec *n, const char *name);

/* Names of the shipped networks, sorted, in *names (free with lp_names_free). */
LP_API lp_status lp_network_names(char ***names, uint32_t *n);

#ifdef __cplusplus
}
#endif
#endif
