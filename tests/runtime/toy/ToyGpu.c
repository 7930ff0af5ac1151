/* The kernels of ToyKernels.c with the ABI of GPU kernels: a pointer for each buffer, then one to the scalars. */
#include "ToyKernels.c"

#define ENTRY(name, parameters, scalars, ...)                                  \
  __attribute__((device_kernel)) void name parameters {                        \
    float scratch[V];                                                          \
    void *const buffers[] = {__VA_ARGS__};                                     \
    CHUNK(name)(__nvvm_read_ptx_sreg_ctaid_x(), buffers, scalars, scratch);    \
  }
#define ENTRY2(name) ENTRY(name, (void *a, void *b), 0, a, b)
#define ENTRY3(name) ENTRY(name, (void *a, void *b, void *c), 0, a, b, c)
#define ENTRY4(name) ENTRY(name, (void *a, void *b, void *c, void *d), 0, a, b, c, d)
#define SCALED2(name) ENTRY(name, (void *a, void *b, const double *s), s, a, b)
#define SCALED3(name) ENTRY(name, (void *a, void *b, void *c, const double *s), s, a, b, c)
#define SCALED4(name) ENTRY(name, (void *a, void *b, void *c, void *d, const double *s), s, a, b, c, d)
#define SCALED6(name)                                                          \
  ENTRY(name, (void *a, void *b, void *c, void *d, void *e, void *f, const double *s), s, a, b, c, d, e, f)

SCALED6(toy_forward)
SCALED6(toy_forward_ahead)
SCALED6(toy_forward_generous)
ENTRY2(toy_tail)
ENTRY4(toy_logits)
SCALED2(toy_capture)
SCALED2(toy_scales)
ENTRY2(toy_half)
ENTRY3(toy_decode)
SCALED6(toy_adapt)
SCALED3(toy_adapt_update)
ENTRY3(toy_loss)
ENTRY3(toy_table_gradient)
ENTRY2(toy_bias_gradient)
ENTRY2(toy_add)
SCALED4(toy_update)
