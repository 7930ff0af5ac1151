#include "compiler/passes/schedule/Commands.h"

using namespace mlir;
using namespace pg::sched;

namespace pgc {

Touched touchedBy(Operation &op, const SymbolTable &symbols) {
  Touched touched;
  if (auto launch = dyn_cast<LaunchOp>(op)) {
    for (Attribute buffer : launch.getBuffers())
      touched.buffers.push_back(cast<BufAttr>(buffer));
    touched.firstWritten = symbols.lookup<KernelOp>(launch.getKernel())
                               .getTensorArguments()
                               .size();
  } else if (auto copy = dyn_cast<CopyOp>(op)) {
    touched.buffers = {copy.getSource(), copy.getDestination()};
    touched.firstWritten = 1;
  } else if (auto fill = dyn_cast<FillOp>(op)) {
    touched.buffers = {fill.getDestination()};
  } else if (auto host = dyn_cast<HostOp>(op)) {
    for (Attribute buffer : host.getBuffers())
      touched.buffers.push_back(cast<BufAttr>(buffer));
    touched.firstWritten = touched.buffers.size() - host.getWritten();
  }
  return touched;
}

} // namespace pgc
