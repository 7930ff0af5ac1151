//===- peak.cpp - what this machine can do, for ratios -------------------===//
//
// Prints one JSON object: the rate of oneDNN's products on all cores (float32,
// and bf16 where the CPU has it in hardware) at 4096x512x2048, and the
// bandwidth of a copy larger than the caches.
//
//===----------------------------------------------------------------------===//

#include <oneapi/dnnl/dnnl.hpp>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <random>
#include <thread>
#include <vector>

namespace {

double secondsOf(auto &&work) {
  auto start = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start)
      .count();
}

double medianOf(std::vector<double> values) {
  std::nth_element(values.begin(), values.begin() + values.size() / 2,
                   values.end());
  return values[values.size() / 2];
}

/// Numbers in [-1, 1): a multiplier draws less power from zeros, and may run
/// faster on them.
void fillWithNumbers(dnnl::memory &memory, size_t bytes,
                     dnnl::memory::data_type type) {
  std::mt19937 generator(1);
  std::uniform_real_distribution<float> uniform(-1, 1);
  const size_t size = type == dnnl::memory::data_type::bf16 ? 2 : 4;
  char *to = static_cast<char *>(memory.get_data_handle());
  for (size_t at = 0; at < bytes; at += size) {
    float x = uniform(generator);
    // bf16 is the upper half of a float32.
    std::memcpy(to + at, reinterpret_cast<const char *>(&x) + 4 - size, size);
  }
}

/// GFLOP/s of a product, median of `rounds`; 0 where oneDNN has no fast kernel
/// for the type on this CPU.
double productRate(dnnl::memory::data_type type, int rounds) {
  using dnnl::memory;
  constexpr int64_t m = 4096, k = 512, n = 2048;
  try {
    dnnl::engine engine(dnnl::engine::kind::cpu, 0);
    dnnl::stream stream(engine);
    memory::desc a({m, k}, type, memory::format_tag::ab),
        b({k, n}, type, memory::format_tag::ab);
    memory::desc c({m, n}, type, memory::format_tag::ab);
    dnnl::matmul::primitive_desc description({a, b, c}, engine);
    if (std::strstr(description.impl_info_str(), "ref"))
      return 0;
    dnnl::matmul product(description);
    memory left(a, engine), right(b, engine), out(c, engine);
    fillWithNumbers(left, a.get_size(), type);
    fillWithNumbers(right, b.get_size(), type);
    std::vector<double> rates;
    for (int round = 0; round < rounds + 1; ++round) {
      double seconds = secondsOf([&] {
        product.execute(stream, {{DNNL_ARG_SRC, left},
                                 {DNNL_ARG_WEIGHTS, right},
                                 {DNNL_ARG_DST, out}});
        stream.wait();
      });
      if (round > 0) // the first one warms up
        rates.push_back(2.0 * m * n * k / seconds / 1e9);
    }
    return medianOf(rates);
  } catch (const dnnl::error &) {
    return 0;
  }
}

/// GB/s read and written by a copy of 256 MiB on all cores, median of `rounds`.
double copyRate(int rounds) {
  unsigned threads = std::max(1u, std::thread::hardware_concurrency());
  size_t each = (size_t(256) << 20) / threads;
  std::vector<char> from(each * threads, 1), to(each * threads, 2);
  std::vector<double> rates;
  for (int round = 0; round < rounds; ++round) {
    double seconds = secondsOf([&] {
      std::vector<std::thread> team;
      for (unsigned t = 0; t < threads; ++t)
        team.emplace_back([&, t] {
          std::memcpy(to.data() + t * each, from.data() + t * each, each);
        });
      for (std::thread &thread : team)
        thread.join();
    });
    rates.push_back(2.0 * static_cast<double>(each * threads) / seconds / 1e9);
  }
  return medianOf(rates);
}

} // namespace

int main() {
  std::printf("{\"product_f32_gflops\": %.1f, \"product_bf16_gflops\": %.1f, "
              "\"copy_gbytes\": %.1f}\n",
              productRate(dnnl::memory::data_type::f32, 15),
              productRate(dnnl::memory::data_type::bf16, 15), copyRate(5));
  return 0;
}
