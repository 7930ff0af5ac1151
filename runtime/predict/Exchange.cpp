#include "runtime/predict/Exchange.h"

#include <algorithm>

namespace pgrt {

double Exchange::mostSent() const {
  return *std::max_element(sent.begin(), sent.end());
}

double Exchange::mostReceived() const {
  return *std::max_element(received.begin(), received.end());
}

double Exchange::seconds(const Machine &machine) const {
  double most = std::max(mostSent(), mostReceived());
  return most > 0 ? machine.collectiveLatency + most / machine.sendReceive : 0;
}

} // namespace pgrt
