// The part of the CUDA driver's interface that the stand-in has.
#pragma once

#include "runtime/device/cuda/DriverAbi.h"

/// What the stand-ins export; everything else is hidden.
#define GPUSIM_API extern "C" __attribute__((visibility("default")))
