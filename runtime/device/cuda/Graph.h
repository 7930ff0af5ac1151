// A program's work as one CUDA graph.
#pragma once

#include "runtime/device/Device.h"
#include "runtime/device/cuda/Issuer.h"

namespace pgrt::cuda {

class Graph final : public Recording {
public:
  /// The scalars of a launch lie, one launch's after another's, in a table on
  /// the device: `works[i].scalars` counts bytes from its start. So that what
  /// the graph's kernels are given never changes, though values do.
  Graph(const Context &context, Issuer &issuer, std::vector<Work> works,
        int64_t scalars);
  ~Graph() override;

  void run(const std::vector<double> &scalars) override;

private:
  void capture(const std::vector<Work> &works);
  void writeScalars(const std::vector<double> &scalars);

  const Context &context;
  const Driver &driver;
  Issuer &issuer;
  CUgraphExec executable = nullptr;
  const int64_t scalarCount;
  CUdeviceptr table = 0;
  double *staged = nullptr; // what the table is copied from: pinned
  bool written = false;
  CUevent copied = nullptr; // the last copy has read `staged`
};

} // namespace pgrt::cuda
