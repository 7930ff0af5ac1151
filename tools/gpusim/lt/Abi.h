// The part of cuBLASLt's interface that the stand-in has, written from its
// documentation. Descriptors are opaque there; their sizes are the real ones.
#pragma once

#include "tools/gpusim/driver/Abi.h"

using cublasStatus_t = int;
enum : cublasStatus_t {
  CUBLAS_STATUS_SUCCESS = 0,
  CUBLAS_STATUS_INVALID_VALUE = 7,
  CUBLAS_STATUS_EXECUTION_FAILED = 13,
  CUBLAS_STATUS_NOT_SUPPORTED = 15,
};
enum { CUDA_R_32F = 0, CUDA_R_64F = 1, CUDA_R_16F = 2, CUDA_R_16BF = 14 };
enum { CUBLASLT_ORDER_COL = 0, CUBLASLT_ORDER_ROW = 1 };

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

struct MatmulAlgorithm {
  uint64_t data[8];
};
struct MatmulHeuristicResult {
  MatmulAlgorithm algorithm;
  size_t workspace;
  cublasStatus_t state;
  float waves;
  int reserved[4];
};
static_assert(sizeof(MatmulHeuristicResult) == 96);

enum Epilogue : uint32_t {
  EpilogueDefault = 1,
  EpilogueRelu = 2,
  EpilogueBias = 4,
  EpilogueDRelu = 8,
  EpilogueGelu = 32,
  EpilogueDGelu = 64,
  EpilogueAux = 128,
};
