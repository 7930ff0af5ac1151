// The part of cuBLASLt's interface that the stand-in has. Descriptors are
// opaque to programs; their sizes are the real ones.
#pragma once

#include "runtime/device/cuda/CublasLtAbi.h"
#include "tools/gpusim/driver/Abi.h"

/// 64 bytes.
struct MatrixLayout {
  int32_t type, order;
  uint64_t rows, columns;
  int64_t lead;
  int64_t batchStride;
  int32_t batch;
  int32_t reserved[5];
};
static_assert(sizeof(MatrixLayout) == 64);

/// 256 bytes.
struct MatmulDescriptor {
  int32_t compute, scale, pointerMode, transposeA, transposeB, transposeC,
      fillMode;
  uint32_t epilogue;
  uint64_t bias;
  int64_t biasStride;
  uint64_t aux;
  int64_t auxLead, auxStride;
  int32_t auxType, biasType; ///< −1: as the result
  int32_t multiprocessors;
  uint32_t unknown; ///< an attribute was set that is not supported
  uint64_t reserved[21];
};
static_assert(sizeof(MatmulDescriptor) == 256);

using MatmulAlgorithm = cublasLtMatmulAlgo_t;
using MatmulHeuristicResult = cublasLtMatmulHeuristicResult_t;

enum Epilogue : uint32_t {
  EpilogueDefault = 1,
  EpilogueRelu = 2,
  EpilogueBias = 4,
  EpilogueDRelu = 8,
  EpilogueGelu = 32,
  EpilogueDGelu = 64,
  EpilogueAux = 128,
};
