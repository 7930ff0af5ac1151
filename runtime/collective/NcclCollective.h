// Ranks that each have a GPU: what lies on the GPUs goes by NCCL.
#pragma once

#include "runtime/collective/Collective.h"
#include "runtime/device/cuda/CudaDevice.h"

#include <memory>

namespace pgrt {

/// All else goes the way of `control`, which also brings the ranks together
/// before each exchange of the GPUs: a rank that is lost is missed there, while
/// nobody waits for its GPU yet. Opens libnccl.so.2; throws Error (Machine) if
/// that is not there, or if two ranks of this process share a GPU. `control`
/// and `device` must outlive what is returned.
std::unique_ptr<Collective> openNccl(Collective &control, CudaDevice &device);

} // namespace pgrt
