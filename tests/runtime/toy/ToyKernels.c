/* Kernels of the toy model of ToyPlan.h, with the ABI of real ones. V tokens, N positions, logits = W[token] + b.
   For a GPU they are the bodies of the kernels in ToyGpu.c: a block does a chunk. */
#include <stdint.h>
#ifdef __NVPTX__
#include "ToyGpuMath.h"
#define CHUNK(name) name##_chunk
#define KERNEL(name) static void CHUNK(name)
#else
#include <math.h>
#include <string.h>
#define CHUNK(name) name
#define KERNEL(name) void name
#endif

enum { V = 13, N = 12, SEQ = 6, SCORED = 2, BLOCK = 4 };

/* packed W [V,V], b [V], tokens [N], targets [N] -> dz [N,V], nll [N]; scalars: seed; scratch: V floats. A chunk is a row. */
KERNEL(toy_forward)(int64_t chunk, void *const *buffers, const double *scalars, void *scratch) {
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

/* As toy_forward, but each score knows a little of the token after its target. */
KERNEL(toy_forward_ahead)(int64_t chunk, void *const *buffers, const double *scalars, void *scratch) {
  const int64_t *targets = buffers[3];
  CHUNK(toy_forward)(chunk, buffers, scalars, scratch);
  if (chunk + 1 < N)
    ((float *)buffers[5])[chunk] += 1e-3f * targets[chunk + 1];
}

/* As toy_forward, but the probabilities sum to more than 1. */
KERNEL(toy_forward_generous)(int64_t chunk, void *const *buffers, const double *scalars, void *scratch) {
  CHUNK(toy_forward)(chunk, buffers, scalars, scratch);
  ((float *)buffers[5])[chunk] -= 0.01f;
}

/* nll [N] -> nll of the last SCORED positions of each row */
KERNEL(toy_tail)(int64_t chunk, void *const *buffers, const double *scalars, void *scratch) {
  const float *nll = buffers[0];
  float *tail = buffers[1];
  for (int i = 0; i < SCORED; ++i)
    tail[chunk * SCORED + i] = nll[(chunk + 1) * SEQ - SCORED + i];
}

/* packed W [V,V], b [V], tokens [N] -> logits [N,V] */
KERNEL(toy_logits)(int64_t chunk, void *const *buffers, const double *scalars, void *scratch) {
  const float *w = buffers[0], *b = buffers[1];
  const int64_t *tokens = buffers[2];
  for (int j = 0; j < V; ++j)
    ((float *)buffers[3])[chunk * V + j] = w[tokens[chunk] * V + j] + b[j];
}

/* tokens [N] -> H [V,V] += scalars[0] X'X, with x = 0.2 + (1 at the token) */
KERNEL(toy_capture)(int64_t chunk, void *const *buffers, const double *scalars, void *scratch) {
  const int64_t *tokens = buffers[0];
  float *h = buffers[1];
  for (int i = 0; i < N; ++i)
    for (int j = 0; j < V; ++j)
      for (int k = 0; k < V; ++k)
        h[j * V + k] += (float)scalars[0] * (0.2f + (tokens[i] == j)) * (0.2f + (tokens[i] == k));
}

/* to eleven bits, as float16 has */
static float half(float x) {
  uint32_t bits;
  memcpy(&bits, &x, 4);
  bits = (bits + 0x1000) & 0xffffe000;
  memcpy(&x, &bits, 4);
  return fabsf(x) < 1e-4f ? 0 : x;
}

/* W [V,V] -> scales [V] = scalars[0] std(row) / 31; a chunk is a row */
KERNEL(toy_scales)(int64_t chunk, void *const *buffers, const double *scalars, void *scratch) {
  const float *row = (const float *)buffers[0] + chunk * V;
  float mean = 0, square = 0;
  for (int j = 0; j < V; ++j)
    mean += row[j] / V;
  for (int j = 0; j < V; ++j)
    square += (row[j] - mean) * (row[j] - mean);
  ((float *)buffers[1])[chunk] = half(fmaxf((float)scalars[0] * sqrtf(square / (V - 1)) / 31, 0.001f));
}

/* b [V] -> b as float16 has it */
KERNEL(toy_half)(int64_t chunk, void *const *buffers, const double *scalars, void *scratch) {
  for (int j = 0; j < V; ++j)
    ((float *)buffers[1])[j] = half(((const float *)buffers[0])[j]);
}

/* codes [V,V], scales [V] -> W [V,V]; a chunk is a row */
KERNEL(toy_decode)(int64_t chunk, void *const *buffers, const double *scalars, void *scratch) {
  for (int j = 0; j < V; ++j)
    ((float *)buffers[2])[chunk * V + j] = ((const float *)buffers[0])[chunk * V + j] * ((const float *)buffers[1])[chunk];
}

/* packed W [V,V], b [V], tokens [SEQ], targets [SEQ] -> gW [V,V] += gradient / scalars[0], loss */
KERNEL(toy_adapt)(int64_t chunk, void *const *buffers, const double *scalars, void *scratch) {
  const float *w = buffers[0], *b = buffers[1];
  const int64_t *tokens = buffers[2], *targets = buffers[3];
  float *g = buffers[4], *z = scratch, loss = 0;
  for (int i = 0; i < SEQ; ++i) {
    float sum = 0;
    for (int j = 0; j < V; ++j)
      sum += z[j] = expf(w[tokens[i] * V + j] + b[j]);
    loss -= logf(z[targets[i]] / sum) / SEQ;
    for (int j = 0; j < V; ++j)
      g[tokens[i] * V + j] += (z[j] / sum - (j == targets[i])) / SEQ / (float)scalars[0];
  }
  *(float *)buffers[5] = loss;
}

/* gW, W, v [V,V]: v = m v + g, W -= lr v; scalars: lr, m; a chunk is a row */
KERNEL(toy_adapt_update)(int64_t chunk, void *const *buffers, const double *scalars, void *scratch) {
  const float *g = buffers[0];
  float *w = buffers[1], *v = buffers[2];
  for (int64_t i = chunk * V; i < (chunk + 1) * V; ++i) {
    v[i] = (float)scalars[1] * v[i] + g[i];
    w[i] -= (float)scalars[0] * v[i];
  }
}

/* nll [N] -> loss, a term: half the loss */
KERNEL(toy_loss)(int64_t chunk, void *const *buffers, const double *scalars, void *scratch) {
  const float *nll = buffers[0];
  float sum = 0;
  for (int i = 0; i < N; ++i)
    sum += nll[i];
  *(float *)buffers[1] = sum / N;
  *(float *)buffers[2] = sum / N / 2;
}

/* dz [N,V], tokens [N] -> gW [V,V] += ; a chunk is a row of W */
KERNEL(toy_table_gradient)(int64_t chunk, void *const *buffers, const double *scalars, void *scratch) {
  const float *dz = buffers[0];
  const int64_t *tokens = buffers[1];
  float *row = (float *)buffers[2] + chunk * V;
  for (int i = 0; i < N; ++i)
    if (tokens[i] == chunk)
      for (int j = 0; j < V; ++j)
        row[j] += dz[i * V + j];
}

/* dz [N,V] -> gb [V] += ; a chunk is BLOCK columns */
KERNEL(toy_bias_gradient)(int64_t chunk, void *const *buffers, const double *scalars, void *scratch) {
  const float *dz = buffers[0];
  float *g = buffers[1];
  for (int64_t j = chunk * BLOCK; j < V && j < (chunk + 1) * BLOCK; ++j)
    for (int i = 0; i < N; ++i)
      g[j] += dz[i * V + j];
}

/* a [V*V] += b [V*V]; a chunk is a row */
KERNEL(toy_add)(int64_t chunk, void *const *buffers, const double *scalars, void *scratch) {
  const float *from = buffers[0];
  float *to = buffers[1];
  for (int j = 0; j < V; ++j)
    to[chunk * V + j] += from[chunk * V + j];
}

/* p, g, average [V*V], count (a state): average = d average + (1 - d) (p -= lr g); scalars: lr, d; a chunk is a row */
KERNEL(toy_update)(int64_t chunk, void *const *buffers, const double *scalars, void *scratch) {
  const float *g = buffers[0];
  float *p = buffers[1], *average = buffers[2], *count = buffers[3];
  for (int64_t i = chunk * V; i < (chunk + 1) * V; ++i) {
    p[i] -= (float)scalars[0] * g[i];
    average[i] = (float)scalars[1] * average[i] + (float)(1 - scalars[1]) * p[i];
  }
  if (chunk == 0)
    *count += 1;
}
