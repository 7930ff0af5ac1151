#include "runtime/collective/NcclCollective.h"
#include "runtime/support/Error.h"
#include "runtime/support/SharedLibrary.h"

#include <exception>
#include <unistd.h>

namespace pgrt {

namespace {
// NCCL's interface, as its documentation gives it.
using ncclComm_t = struct NcclCommunicator *;
struct ncclUniqueId {
  char bytes[128];
};
using ncclResult_t = int;
constexpr ncclResult_t ncclSuccess = 0;
constexpr int ncclInt8 = 0;

#define PGRT_NCCL_FUNCTIONS(F)                                                 \
  F(ncclGetErrorString, const char *, (ncclResult_t))                          \
  F(ncclGetLastError, const char *, (ncclComm_t))                              \
  F(ncclGetUniqueId, ncclResult_t, (ncclUniqueId *))                           \
  F(ncclCommInitRank, ncclResult_t, (ncclComm_t *, int, ncclUniqueId, int))    \
  F(ncclCommDestroy, ncclResult_t, (ncclComm_t))                               \
  F(ncclCommAbort, ncclResult_t, (ncclComm_t))                                 \
  F(ncclGroupStart, ncclResult_t, ())                                          \
  F(ncclGroupEnd, ncclResult_t, ())                                            \
  F(ncclSend, ncclResult_t,                                                    \
    (const void *, size_t, int, int, ncclComm_t, CUstream))                    \
  F(ncclRecv, ncclResult_t, (void *, size_t, int, int, ncclComm_t, CUstream))

class NcclCollective final : public Collective {
public:
  NcclCollective(Collective &control, CudaDevice &device)
      : control(control), device(device) {
    SharedLibrary library({"libnccl.so.2"});
    if (!library.found())
      failMachine("several GPUs need NCCL, and libnccl.so.2 is not there (",
                  library.problem(),
                  "): install it, or name its folder in LD_LIBRARY_PATH");
#define PGRT_NCCL_LOAD(name, result, parameters) library.load(name, #name);
    PGRT_NCCL_FUNCTIONS(PGRT_NCCL_LOAD)
#undef PGRT_NCCL_LOAD
    refuseSharedGpus();
    ncclUniqueId id = {};
    if (rank() == 0)
      check(ncclGetUniqueId(&id), "cannot start NCCL");
    id = broadcastValue(id);
    device.gpu().use();
    check(ncclCommInitRank(&communicator, size(), id, rank()),
          "the GPUs cannot be connected");
  }

  // A communicator whose ranks do not all end it is not waited for.
  ~NcclCollective() override {
    if (std::uncaught_exceptions() > thrownBefore)
      ncclCommAbort(communicator);
    else
      ncclCommDestroy(communicator);
  }

  void exchangeOnDevice(std::span<const Send> sends,
                        std::span<const Receive> receives) override {
    control.barrier();
    device.gpu().use();
    const CUstream stream = device.stream();
    check(ncclGroupStart(), "cannot exchange between GPUs");
    for (const Receive &one : receives)
      check(ncclRecv(one.data, size_t(one.bytes), ncclInt8, one.from,
                     communicator, stream),
            "cannot receive from another GPU");
    for (const Send &one : sends)
      check(ncclSend(one.data, size_t(one.bytes), ncclInt8, one.to,
                     communicator, stream),
            "cannot send to another GPU");
    check(ncclGroupEnd(), "cannot exchange between GPUs");
  }

  int rank() const override { return control.rank(); }
  int size() const override { return control.size(); }
  std::string nameOf(int rank) const override { return control.nameOf(rank); }
  int ranksOnProcessors() const override { return control.ranksOnProcessors(); }
  void exchange(std::span<const Send> sends,
                std::span<const Receive> receives) override {
    control.exchange(sends, receives);
  }
  void check() override { control.check(); }
  void askToStop() override { control.askToStop(); }
  bool fail(const std::string &message) noexcept override {
    return control.fail(message);
  }
  void finish() override { control.finish(); }

private:
  void check(ncclResult_t result, const char *doing) {
    if (result == ncclSuccess)
      return;
    const char *more = ncclGetLastError(communicator);
    failMachine(doing, ": ", ncclGetErrorString(result), more ? ": " : "",
                more ? more : "");
  }

  // In other processes, a GPU of the same number may be another one.
  void refuseSharedGpus() {
    std::vector<std::string> gpus =
        allGatherTexts(cat(getpid(), " ", device.gpu().index));
    for (int other = 0; other < rank(); ++other)
      if (gpus[size_t(other)] == gpus[size_t(rank())])
        failMachine(nameOf(other), " and ", nameOf(rank()), " share GPU ",
                    device.gpu().index, ": each rank needs one of its own; ",
                    "there are ", device.gpu().driver.devices());
  }

  Collective &control;
  CudaDevice &device;
  ncclComm_t communicator = nullptr;
  const int thrownBefore = std::uncaught_exceptions();
#define PGRT_NCCL_MEMBER(name, result, parameters)                             \
  result(*name) parameters = nullptr;
  PGRT_NCCL_FUNCTIONS(PGRT_NCCL_MEMBER)
#undef PGRT_NCCL_MEMBER
};
} // namespace

std::unique_ptr<Collective> openNccl(Collective &control, CudaDevice &device) {
  return std::make_unique<NcclCollective>(control, device);
}

} // namespace pgrt
