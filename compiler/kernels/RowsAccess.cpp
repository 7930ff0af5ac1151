// Which elements of their operands operations read.
#include "compiler/kernels/RowsPlan.h"

using namespace mlir;

namespace pgc {

Coordinates broadcastCoordinates(Value operand, ArrayRef<Index> coordinates) {
  ArrayRef<int64_t> shape = pg::getTensorType(operand).getShape();
  Coordinates result(coordinates.take_back(shape.size()));
  for (auto [coordinate, size] : llvm::zip_equal(result, shape))
    if (size == 1)
      coordinate = Index();
  return result;
}

std::optional<Read> getMove(Operation *op, ArrayRef<Index> coordinates) {
  Read read;
  read.coordinates = Coordinates(coordinates);
  auto bound = [&](unsigned axis) {
    int64_t size = pg::getTensorType(read.value).getDimSize(axis);
    read.bounds.push_back({read.coordinates[axis], size});
    if (size == 1)
      read.coordinates[axis] = Index();
  };
  if (auto transpose = dyn_cast<pg::TransposeOp>(op)) {
    read.value = transpose.getX();
    for (auto [i, axis] : llvm::enumerate(transpose.getPermutation()))
      read.coordinates[axis] = coordinates[i];
  } else if (auto slice = dyn_cast<pg::SliceOp>(op)) {
    read.value = slice.getX();
    for (auto [i, offset] : llvm::enumerate(slice.getOffsets()))
      read.coordinates[i] = coordinates[i] + offset;
  } else if (auto pad = dyn_cast<pg::PadOp>(op)) {
    read.value = pad.getX();
    for (unsigned i = 0; i < coordinates.size(); ++i)
      if (pad.getLow()[i] != 0 || pad.getHigh()[i] != 0) {
        read.coordinates[i] = coordinates[i] + -pad.getLow()[i];
        bound(i);
      }
  } else if (auto shift = dyn_cast<pg::ShiftOp>(op)) {
    read.value = shift.getX();
    read.coordinates[shift.getAxis()] =
        coordinates[shift.getAxis()] + -shift.getAmount();
    bound(shift.getAxis());
  } else {
    return std::nullopt;
  }
  return read;
}

RopeReads getRopeReads(pg::RopeOp op, ArrayRef<Index> coordinates,
                       int64_t part) {
  ArrayRef<int64_t> angles = pg::getTensorType(op.getCos()).getShape();
  int64_t n = angles[1];
  RopeReads reads{Coordinates(coordinates),
                  {coordinates[1], coordinates[3] + -part * n}};
  reads.partner[3] = coordinates[3] + (part == 0 ? n : -n);
  for (auto [index, size] : llvm::zip_equal(reads.angle, angles))
    if (size == 1)
      index = Index();
  return reads;
}

Bound classify(const Space &space, const Index &index, int64_t size) {
  auto [least, largest] = space.range(index);
  if (least >= 0 && largest < size)
    return Bound::Inside;
  if (largest < 0 || least >= size)
    return Bound::Outside;
  if (!space.has(index, Variable::Kind::Loop))
    return Bound::Dynamic;
  std::optional<SplitPlace> place = space.getSplitPlace(index);
  return place && index.offset % place->distance == 0 &&
                 size % place->distance == 0
             ? Bound::Split
             : Bound::Unknown;
}

} // namespace pgc
