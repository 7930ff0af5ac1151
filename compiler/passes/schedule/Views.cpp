#include "compiler/passes/schedule/Views.h"
#include "compiler/passes/schedule/Layout.h"
#include "dialects/pg/Pg.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

using namespace mlir;

namespace pgc {

static std::optional<int64_t> sliceOffset(pg::SliceOp slice) {
  auto type = cast<RankedTensorType>(slice.getX().getType());
  ArrayRef<int64_t> sizes = slice.getSizes(), offsets = slice.getOffsets();
  // Once an axis is cut or longer than 1, all behind it must be whole.
  bool mustBeWhole = false;
  int64_t offset = 0, stride = type.getNumElements();
  for (auto [size, start, extent] :
       llvm::zip_equal(sizes, offsets, type.getShape())) {
    if (mustBeWhole && size != extent)
      return std::nullopt;
    stride /= std::max<int64_t>(extent, 1);
    offset += start * stride;
    mustBeWhole |= size != 1;
  }
  return offset * (pg::sched::getByteSize(type) /
                   std::max<int64_t>(type.getNumElements(), 1));
}

std::optional<int64_t> contiguousOffset(Operation &op) {
  if (isa<pg::ReshapeOp>(op))
    return 0;
  if (auto slice = dyn_cast<pg::SliceOp>(op))
    return sliceOffset(slice);
  return std::nullopt;
}

std::optional<int64_t> viewOffset(Operation &op) {
  std::optional<int64_t> offset = contiguousOffset(op);
  return offset && *offset % bufferAlignment == 0 ? offset : std::nullopt;
}

bool isStepValue(Operation &op) {
  return op.getNumResults() == 1 && op.getNumRegions() == 0 && isPure(&op) &&
         (op.getResult(0).getType().isF64() ||
          op.getResult(0).getType().isInteger(1));
}

} // namespace pgc
