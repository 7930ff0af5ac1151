// Spreads work over a few streams ("lanes"), so that independent pieces may run
// side by side, with as few waits between streams as that takes.
#pragma once

#include <vector>

namespace pgrt {

/// More streams than this find no free multiprocessors.
inline constexpr int mostLanes = 4;

class Lanes {
public:
  explicit Lanes(int most) : most(most) {}

  /// Where a piece of work goes.
  struct Place {
    int lane;
    std::vector<int> waits; ///< for these pieces, which are in other lanes
  };

  /// The place of the next piece, which has to come after `before`: ascending
  /// numbers of earlier ones. Lanes keep their order, and what one has waited
  /// for is known to be done for all that comes after.
  Place add(const std::vector<int> &before);

  /// The last piece of each lane in use.
  const std::vector<int> &last() const { return tails; }

private:
  int choose(const std::vector<int> &known) const;

  const int most;
  std::vector<int> laneOf; // of each piece
  /// Of each piece: the last piece of each lane that is done when it is.
  std::vector<std::vector<int>> doneWith;
  std::vector<int> tails;
};

} // namespace pgrt
