/* Kernels of the toy model of ToyPlan.h, with the ABI of real ones. V tokens, N positions, logits = W[token] + b. */
#include <math.h>
#include <stdint.h>
#include <string.h>

enum { V = 13, N = 12, BLOCK = 4 };

/* packed W [V,V], b [V], tokens [N], targets [N] -> dz [N,V], nll [N]; scalars: seed; scratch: V floats. A chunk is a row. */
void toy_forward(int64_t chunk, void *const *buffers, const double *scalars, void *scratch) {
  const float *w = buffers[0], *b = buffers[1];
  const int64_t *tokens = buffers[2], *targets = buffers[3];
  float *dz = (float *)buffers[4] + chunk * V, *nll = buffers[5], *z = scratch, max = -INFINITY, sum = 0;
  for (int j = 0; j < V; ++j) {
    z[j] = w[tokens[chunk] * V + j] + b[j];
    max = fmaxf(max, z[j]);
  }
  for (int j = 0; j < V; ++j)
    sum += expf(z[j] - max);
  nll[chunk] = max + logf(sum) - z[targets[chunk]];
  for (int j = 0; j < V; ++j)
    dz[j] = (float)scalars[0] / N * (expf(z[j] - max) / sum - (j == targets[chunk]));
}

/* nll [N] -> loss, a term: half the loss */
void toy_loss(int64_t chunk, void *const *buffers, const double *scalars, void *scratch) {
  const float *nll = buffers[0];
  float sum = 0;
  for (int i = 0; i < N; ++i)
    sum += nll[i];
  *(float *)buffers[1] = sum / N;
  *(float *)buffers[2] = sum / N / 2;
}

/* dz [N,V], tokens [N] -> gW [V,V] += ; a chunk is a row of W */
void toy_table_gradient(int64_t chunk, void *const *buffers, const double *scalars, void *scratch) {
  const float *dz = buffers[0];
  const int64_t *tokens = buffers[1];
  float *row = (float *)buffers[2] + chunk * V;
  for (int i = 0; i < N; ++i)
    if (tokens[i] == chunk)
      for (int j = 0; j < V; ++j)
        row[j] += dz[i * V + j];
}

/* dz [N,V] -> gb [V] += ; a chunk is BLOCK columns */
void toy_bias_gradient(int64_t chunk, void *const *buffers, const double *scalars, void *scratch) {
  const float *dz = buffers[0];
  float *g = buffers[1];
  for (int64_t j = chunk * BLOCK; j < V && j < (chunk + 1) * BLOCK; ++j)
    for (int i = 0; i < N; ++i)
      g[j] += dz[i * V + j];
}

/* a [V*V] += b [V*V]; a chunk is a row */
void toy_add(int64_t chunk, void *const *buffers, const double *scalars, void *scratch) {
  const float *from = buffers[0];
  float *to = buffers[1];
  for (int j = 0; j < V; ++j)
    to[chunk * V + j] += from[chunk * V + j];
}

/* p, g, average [V*V], count (a state): average = d average + (1 - d) (p -= lr g); scalars: lr, d; a chunk is a row */
void toy_update(int64_t chunk, void *const *buffers, const double *scalars, void *scratch) {
  const float *g = buffers[0];
  float *p = buffers[1], *average = buffers[2], *count = buffers[3];
  for (int64_t i = chunk * V; i < (chunk + 1) * V; ++i) {
    p[i] -= (float)scalars[0] * g[i];
    average[i] = (float)scalars[1] * average[i] + (float)(1 - scalars[1]) * p[i];
  }
  if (chunk == 0)
    *count += 1;
}
