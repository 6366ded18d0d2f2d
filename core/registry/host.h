/* host.h: what core/host takes from the registry: registration, which it hands to plugins, and the
 * loading of modules. Internal. */
#ifndef LP_REGISTRY_HOST_H
#define LP_REGISTRY_HOST_H

#include <locality/plugin.h>

/* entries.c */
lp_status lp_add_topology(lp_registrar *r, const lp_topology *t);
lp_status lp_add_cost(lp_registrar *r, const lp_cost *c);
lp_status lp_add_prior(lp_registrar *r, const lp_prior_source *p);
lp_status lp_add_layer(lp_registrar *r, const lp_layer *l);
lp_status lp_add_penalty(lp_registrar *r, const lp_penalty *p);
lp_status lp_add_measure(lp_registrar *r, const lp_measure *m);
lp_status lp_add_backend(lp_registrar *r, const lp_backend *b);

/* loader.c: lp_registry_load with the table that modules get. own registers what the library has
 * itself, before any module does. */
lp_status lp_modules_load(const lp_host *host,
                          lp_status (*own)(const lp_host *host, lp_registrar *r));

#endif
