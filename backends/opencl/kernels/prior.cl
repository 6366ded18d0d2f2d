/* A weight times its prior, one work-item an element. OUTPUTS, INPUTS, REST: the weight is (blocks,
 * OUTPUTS, INPUTS, REST); PRIOR 1 table, 2 dense; WITH_ROW, WITH_COL scales. */
#if PRIOR == 1
#define PRIOR_PARAMS                                                                               \
  const global float *tableb, const int tableo, const global int *off_outb, const int off_outo,    \
      const global int *off_inb, const int off_ino
#define PRIOR_AT(o, i) tableb[tableo + off_outb[off_outo + (o)] + off_inb[off_ino + (i)]]
#else
#define PRIOR_PARAMS   const global float *denseb, const int denseo
#define PRIOR_AT(o, i) LP_AT(denseb + denseo, o, INPUTS)[i]
#endif
#if WITH_ROW
#define ROW_PARAMS , const global float *rowb, const int rowo
#define ROW_AT(o)  *rowb[rowo + (o)]
#else
#define ROW_PARAMS
#define ROW_AT(o)
#endif
#if WITH_COL
#define COL_PARAMS , const global float *colb, const int colo
#define COL_AT(i)  *colb[colo + (i)]
#else
#define COL_PARAMS
#define COL_AT(i)
#endif

kernel __attribute__((reqd_work_group_size(GROUP, 1, 1))) void
KERNEL(const global float *wb, const int wo, PRIOR_PARAMS ROW_PARAMS COL_PARAMS, global float *yb, const int yo,
       const int n POST_PARAMS) {
  const global float *w = wb + wo;
  global float *y = yb + yo;
  POST_OPEN
  const int e = (int)get_global_id(0);
  if (e < n) {
    const int i = e / REST % INPUTS, o = e / REST / INPUTS % OUTPUTS;
    float v = w[e] * (PRIOR_AT(o, i) ROW_AT(o) COL_AT(i));
    POST_ROW(e)
    POST(v, e)
    y[e] = v;
  }
}
