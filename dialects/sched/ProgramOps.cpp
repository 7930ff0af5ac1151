// Arenas, programs and their commands: verification.
#include "dialects/sched/Sched.h"
#include "mlir/IR/Builders.h"

using namespace mlir;
using namespace pg::sched;

#define GET_OP_CLASSES
#include "dialects/sched/SchedOps.cpp.inc"

LogicalResult ArenaOp::verify() {
  if (getBytesAttr().getInt() < 0)
    return emitOpError("cannot have a negative size");
  return success();
}

LogicalResult ConstantOp::verify() {
  int64_t bytes = getByteSize(cast<RankedTensorType>(getValue().getType()));
  if (getBuffer().getBytes() != bytes)
    return emitOpError("has ")
           << bytes << " bytes, its buffer " << getBuffer().getBytes();
  return success();
}

LogicalResult CopyOp::verify() {
  if (getSource().getBytes() != getDestination().getBytes())
    return emitOpError("copies ") << getSource().getBytes() << " bytes to "
                                  << getDestination().getBytes();
  if (getSource().overlaps(getDestination()))
    return emitOpError("source and destination overlap");
  return success();
}

LogicalResult LaunchOp::verifySymbolUses(SymbolTableCollection &symbolTable) {
  auto kernel =
      symbolTable.lookupNearestSymbolFrom<KernelOp>(*this, getKernelAttr());
  if (!kernel)
    return emitOpError("launches unknown kernel ") << getKernel();
  if (getChunksAttr().getInt() < 1)
    return emitOpError("needs at least one chunk");
  if (kernel.getChunks() &&
      *kernel.getChunks() != static_cast<uint64_t>(getChunksAttr().getInt()))
    return emitOpError("launches ")
           << getChunksAttr().getInt() << " chunks of a kernel that has "
           << *kernel.getChunks();
  if (static_cast<uint64_t>(getScalars().size()) != kernel.getScalars())
    return emitOpError("passes ")
           << getScalars().size() << " scalars to a kernel of "
           << kernel.getScalars();
  SmallVector<Type> types(ValueRange(kernel.getTensorArguments()).getTypes());
  llvm::append_range(types, kernel.getYielded().getTypes());
  if (types.size() != getBuffers().size())
    return emitOpError("passes ")
           << getBuffers().size() << " buffers to a kernel of " << types.size();
  for (auto [i, type] : llvm::enumerate(types)) {
    int64_t bytes = getByteSize(cast<RankedTensorType>(type));
    if (getBuffer(i).getBytes() != bytes)
      return emitOpError("buffer ") << i << " has " << getBuffer(i).getBytes()
                                    << " bytes, the kernel's has " << bytes;
  }
  return success();
}

LogicalResult HostOp::verify() {
  int64_t written = getWrittenAttr().getInt();
  if (written < 1 || written > static_cast<int64_t>(getBuffers().size()))
    return emitOpError("writes ")
           << written << " of " << getBuffers().size() << " buffers";
  return success();
}
