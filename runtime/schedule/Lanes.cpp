#include "runtime/schedule/Lanes.h"

#include <algorithm>

namespace pgrt {

// A lane whose last piece has to be done anyway: the latest of them, so that
// chains stay together. Else a new lane; else the one that has waited longest.
int Lanes::choose(const std::vector<int> &known) const {
  int best = -1;
  for (int lane = 0; lane < int(tails.size()); ++lane)
    if (tails[size_t(lane)] <= known[size_t(lane)] &&
        (best < 0 || tails[size_t(lane)] > tails[size_t(best)]))
      best = lane;
  if (best >= 0)
    return best;
  if (int(tails.size()) < most)
    return int(tails.size());
  return int(std::min_element(tails.begin(), tails.end()) - tails.begin());
}

Lanes::Place Lanes::add(const std::vector<int> &before) {
  const int piece = int(laneOf.size());
  std::vector<int> known(size_t(most), -1);
  auto learn = [&](int other) {
    for (int lane = 0; lane < most; ++lane)
      known[size_t(lane)] =
          std::max(known[size_t(lane)], doneWith[size_t(other)][size_t(lane)]);
  };
  for (int other : before)
    learn(other);
  Place place{choose(known), {}};
  if (place.lane == int(tails.size()))
    tails.push_back(-1);

  // What its lane knows needs no wait; the latest first, since it may bring
  // the others.
  known.assign(size_t(most), -1);
  int &tail = tails[size_t(place.lane)];
  if (tail >= 0)
    learn(tail);
  for (auto other = before.rbegin(); other != before.rend(); ++other) {
    if (*other <= known[size_t(laneOf[size_t(*other)])])
      continue;
    place.waits.push_back(*other);
    learn(*other);
  }
  known[size_t(place.lane)] = piece;
  tail = piece;
  laneOf.push_back(place.lane);
  doneWith.push_back(std::move(known));
  return place;
}

} // namespace pgrt
