// The part of NCCL's interface that the stand-in has, written from its
// documentation.
#pragma once

#include "tools/gpusim/driver/Abi.h"

struct ncclComm;
using ncclComm_t = ncclComm *;
struct ncclUniqueId {
  char internal[128];
};
using ncclResult_t = int;
using ncclDataType_t = int;
using ncclRedOp_t = int;
enum : ncclResult_t {
  ncclSuccess = 0,
  ncclUnhandledCudaError = 1,
  ncclSystemError = 2,
  ncclInternalError = 3,
  ncclInvalidArgument = 4,
  ncclInvalidUsage = 5,
  ncclRemoteError = 6,
  ncclInProgress = 7,
};
enum : ncclDataType_t {
  ncclInt8 = 0,
  ncclUint8 = 1,
  ncclInt32 = 2,
  ncclUint32 = 3,
  ncclInt64 = 4,
  ncclUint64 = 5,
  ncclFloat16 = 6,
  ncclFloat32 = 7,
  ncclFloat64 = 8,
  ncclBfloat16 = 9,
};
enum : ncclRedOp_t { ncclSum, ncclProd, ncclMax, ncclMin, ncclAvg };
