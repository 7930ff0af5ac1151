// One exchange between GPUs.
#pragma once

#include "runtime/predict/Machine.h"

namespace pgrt {

/// What each rank sends and receives.
class Exchange {
public:
  explicit Exchange(int ranks)
      : sent(size_t(ranks), 0.0), received(size_t(ranks), 0.0) {}

  void send(int from, int to, double bytes) {
    sent[size_t(from)] += bytes;
    received[size_t(to)] += bytes;
  }

  /// Of the rank that sends (receives) most.
  double mostSent() const;
  double mostReceived() const;

  /// Both ways at once, as fast as the rank with most to do in one of them. 0
  /// if there is nothing to send.
  double seconds(const Machine &machine) const;

private:
  std::vector<double> sent, received;
};

} // namespace pgrt
