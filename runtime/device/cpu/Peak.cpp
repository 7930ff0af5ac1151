#include "runtime/device/cpu/Peak.h"
#include "runtime/device/cpu/CpuFeatures.h"
#include "runtime/plan/Numerics.h"

#include <algorithm>
#include <chrono>
#include <immintrin.h>
#include <numeric>
#include <vector>

namespace pgrt {

// Each loop keeps enough independent chains for two units of a latency of four
// or five cycles. The results are returned so that the work is not optimised
// away. FLOPs of one round: chains × lanes × 2 (× 2 for pairs of bf16).

__attribute__((target("avx2,fma"), noinline)) static double
chainsAvx2(int64_t rounds) {
  __m256 sums[12];
  for (__m256 &sum : sums)
    sum = _mm256_set1_ps(1e-3f);
  __m256 a = _mm256_set1_ps(0.999f), b = _mm256_set1_ps(1e-6f);
  for (int64_t i = 0; i < rounds; ++i) {
#pragma clang loop unroll(full)
    for (int j = 0; j < 12; ++j)
      sums[j] = _mm256_fmadd_ps(sums[j], a, b);
    __asm__ volatile("" : "+x"(a));
  }
  float total = 0;
  for (__m256 sum : sums)
    total += _mm256_cvtss_f32(sum);
  return double(total);
}

__attribute__((target("avx512f"), noinline)) static double
chainsAvx512(int64_t rounds) {
  __m512 sums[12];
  for (__m512 &sum : sums)
    sum = _mm512_set1_ps(1e-3f);
  __m512 a = _mm512_set1_ps(0.999f), b = _mm512_set1_ps(1e-6f);
  for (int64_t i = 0; i < rounds; ++i) {
#pragma clang loop unroll(full)
    for (int j = 0; j < 12; ++j)
      sums[j] = _mm512_fmadd_ps(sums[j], a, b);
    __asm__ volatile("" : "+v"(a));
  }
  return double(_mm512_reduce_add_ps(sums[0]) + _mm512_reduce_add_ps(sums[11]));
}

__attribute__((target("avx512f,avx512bf16"), noinline)) static double
chainsBf16(int64_t rounds) {
  __m512 sums[12];
  for (__m512 &sum : sums)
    sum = _mm512_set1_ps(1e-3f);
  __m512bh a = _mm512_cvtne2ps_pbh(sums[0], sums[1]);
  for (int64_t i = 0; i < rounds; ++i) {
#pragma clang loop unroll(full)
    for (int j = 0; j < 12; ++j)
      sums[j] = _mm512_dpbf16_ps(sums[j], a, a);
    __asm__ volatile("" : "+v"(a));
  }
  return double(_mm512_reduce_add_ps(sums[0]) + _mm512_reduce_add_ps(sums[11]));
}

__attribute__((noinline)) static double chainsSse2(int64_t rounds) {
  __m128 sums[12];
  for (__m128 &sum : sums)
    sum = _mm_set1_ps(1e-3f);
  __m128 a = _mm_set1_ps(0.999f), b = _mm_set1_ps(1e-6f);
  for (int64_t i = 0; i < rounds; ++i) {
#pragma clang loop unroll(full)
    for (int j = 0; j < 12; ++j)
      sums[j] = _mm_add_ps(_mm_mul_ps(sums[j], a), b);
    __asm__ volatile("" : "+x"(a));
  }
  float total = 0;
  for (__m128 sum : sums)
    total += _mm_cvtss_f32(sum);
  return double(total);
}

double measureCpuPeak(ThreadTeam &team, const std::string &numerics) {
  double (*chains)(int64_t) = chainsSse2;
  double flopsPerRound = 12 * 4 * 2;
  if (cpuHasFeature("avx2") && cpuHasFeature("fma"))
    chains = chainsAvx2, flopsPerRound = 12 * 8 * 2;
  if (cpuHasFeature("avx512f"))
    chains = chainsAvx512, flopsPerRound = 12 * 16 * 2;
  if (multipliesBf16(numerics) && cpuHasFeature("avx512bf16"))
    chains = chainsBf16, flopsPerRound = 12 * 32 * 2;
  if (numerics == "f64")
    flopsPerRound /= 2; // half the lanes, the same instructions a cycle

  // Each thread takes the best of many short runs: the first ones still raise
  // the clock, and some are disturbed.
  constexpr int64_t rounds = 20'000;
  std::vector<double> best(size_t(team.size()), 0);
  std::atomic<int64_t> sink{0};
  team.run(team.size(), [&](int64_t i, int) {
    using Clock = std::chrono::steady_clock;
    Clock::time_point begin = Clock::now(), before = begin;
    while (before - begin < std::chrono::milliseconds(15)) {
      sink.fetch_add(chains(rounds) > 0, std::memory_order_relaxed);
      Clock::time_point after = Clock::now();
      double seconds = std::chrono::duration<double>(after - before).count();
      best[size_t(i)] =
          std::max(best[size_t(i)], double(rounds) * flopsPerRound / seconds);
      before = after;
    }
  });
  return std::accumulate(best.begin(), best.end(), 0.0);
}

} // namespace pgrt
