#include "runtime/train/Orthogonal.h"

#include <cmath>
#include <gtest/gtest.h>
#include <thread>
#include <vector>

namespace pgrt {

TEST(Orthogonal, RowsOrColumnsAreOrthonormal) {
  const int64_t shapes[][2] = {{1, 1},   {1, 7},   {7, 1},   {16, 16},
                               {40, 24}, {24, 40}, {130, 65}};
  for (auto [rows, cols] : shapes) {
    std::vector<float> q(size_t(rows * cols));
    fillOrthogonal(PhiloxStream(1, "w"), rows, cols, 3.0, q.data());
    bool wide = rows <= cols;
    int64_t vectors = std::min(rows, cols), length = std::max(rows, cols);
    for (int64_t a = 0; a < vectors; ++a)
      for (int64_t b = 0; b < vectors; ++b) {
        double dot = 0;
        for (int64_t i = 0; i < length; ++i)
          dot +=
              double(wide ? q[size_t(a * cols + i)] : q[size_t(i * cols + a)]) *
              double(wide ? q[size_t(b * cols + i)] : q[size_t(i * cols + b)]);
        ASSERT_NEAR(dot, a == b ? 9.0 : 0.0, 2e-5) << rows << "x" << cols;
      }
  }
}

// With the signs of R's diagonal made positive, the first vector is the first
// column of the draw, normalised.
TEST(Orthogonal, SignsAreFixed) {
  std::vector<float> q(12), draw(12);
  PhiloxStream stream(5, "w");
  fillOrthogonal(stream, 3, 4, 1.0, q.data());
  stream.normals(0, 12, 1, draw.data());
  double norm = 0;
  for (int i = 0; i < 4; ++i)
    norm += double(draw[size_t(i)]) * double(draw[size_t(i)]);
  for (size_t i = 0; i < 4; ++i)
    EXPECT_NEAR(q[i], draw[i] / std::sqrt(norm), 1e-6);
}

TEST(Orthogonal, SameBitsFromSeveralThreads) {
  std::vector<float> alone(200 * 100), results[2];
  fillOrthogonal(PhiloxStream(1, "w"), 200, 100, 1.0, alone.data());
  std::vector<std::thread> threads;
  for (std::vector<float> &result : results) {
    result.resize(alone.size());
    threads.emplace_back([&] {
      fillOrthogonal(PhiloxStream(1, "w"), 200, 100, 1.0, result.data());
    });
  }
  for (std::thread &thread : threads)
    thread.join();
  EXPECT_EQ(results[0], alone);
  EXPECT_EQ(results[1], alone);
}

} // namespace pgrt
