// NCCL's calls, for ranks that are all of this process.
#include "tools/gpusim/core/Fault.h"
#include "tools/gpusim/nccl/Collective.h"

#include <cstdio>
#include <cstring>

using namespace gpusim;

namespace {

thread_local int depth = 0;
struct Pending {
  CUstream stream;
  int device;
  GroupOp::Item item;
};
thread_local std::vector<Pending> pending;

std::map<std::string, std::shared_ptr<Clique>> cliques; ///< by unique id

ncclResult_t result(CUresult from) {
  return from == CUDA_SUCCESS ? ncclSuccess : ncclUnhandledCudaError;
}

// The calls of one stream become one op.
ncclResult_t flush() {
  std::vector<Pending> calls;
  calls.swap(pending);
  return result(guarded("ncclGroupEnd", false, [&] {
    std::vector<bool> taken(calls.size(), false);
    for (size_t i = 0; i < calls.size(); ++i) {
      if (taken[i])
        continue;
      std::vector<GroupOp::Item> items;
      for (size_t j = i; j < calls.size(); ++j)
        if (!taken[j] && calls[j].stream == calls[i].stream &&
            calls[j].device == calls[i].device) {
          items.push_back(calls[j].item);
          taken[j] = true;
        }
      Engine::get().enqueue(calls[i].stream, calls[i].device,
                            std::make_shared<GroupOp>(std::move(items)));
    }
    return CUDA_SUCCESS;
  }));
}

ncclResult_t call(CollectiveKind kind, const void *send, void *receive,
                  size_t count, ncclDataType_t type, ncclRedOp_t op, int peer,
                  ncclComm_t comm, CUstream stream) {
  if (!comm || !elementBytes(type) || op < ncclSum || op > ncclAvg ||
      peer < 0 || peer >= comm->clique->ranks) {
    std::fprintf(stderr, "gpusim: %s: an argument that is not supported\n",
                 collectiveName(kind));
    return ncclInvalidArgument;
  }
  Part part;
  part.kind = kind;
  part.send = reinterpret_cast<uintptr_t>(send);
  part.receive = reinterpret_cast<uintptr_t>(receive);
  part.count = count;
  part.type = type;
  part.op = op;
  part.peer = peer;
  pending.push_back({stream,
                     comm->device,
                     {comm->clique, comm->rank, std::make_shared<Part>(part)}});
  return depth ? ncclSuccess : flush();
}

} // namespace

GPUSIM_API ncclResult_t ncclGetVersion(int *version) {
  *version = 22809;
  return ncclSuccess;
}
GPUSIM_API const char *ncclGetErrorString(ncclResult_t error) {
  switch (error) {
  case ncclSuccess:
    return "no error";
  case ncclUnhandledCudaError:
    return "unhandled cuda error";
  case ncclInvalidArgument:
    return "invalid argument";
  case ncclInvalidUsage:
    return "invalid usage";
  default:
    return "error";
  }
}
GPUSIM_API const char *ncclGetLastError(ncclComm_t) {
  return Engine::get().stickyMessage.c_str();
}
GPUSIM_API ncclResult_t ncclGetUniqueId(ncclUniqueId *id) {
  static int count = 0;
  std::lock_guard<std::mutex> lock(Engine::get().mutex);
  std::memset(id, 0, sizeof(*id));
  std::snprintf(id->internal, sizeof(id->internal), "gpusim %d", ++count);
  return ncclSuccess;
}

// All ranks have to be of this process: a rank of another one never comes.
GPUSIM_API ncclResult_t ncclCommInitRank(ncclComm_t *comm, int ranks,
                                         ncclUniqueId id, int rank) {
  if (ranks < 1 || rank < 0 || rank >= ranks)
    return ncclInvalidArgument;
  int device = currentDevice();
  if (device < 0)
    return ncclInvalidUsage;
  std::lock_guard<std::mutex> lock(Engine::get().mutex);
  std::shared_ptr<Clique> &clique = cliques[std::string(id.internal)];
  if (!clique) {
    clique = std::make_shared<Clique>();
    clique->ranks = ranks;
    clique->collectives.resize(size_t(ranks));
  }
  if (clique->ranks != ranks)
    return ncclInvalidArgument;
  ++clique->joined;
  *comm = new ncclComm{clique, rank, device};
  return ncclSuccess;
}
GPUSIM_API ncclResult_t ncclCommInitRankConfig(ncclComm_t *comm, int ranks,
                                               ncclUniqueId id, int rank,
                                               void *) {
  return ncclCommInitRank(comm, ranks, id, rank);
}
GPUSIM_API ncclResult_t ncclCommInitAll(ncclComm_t *comms, int count,
                                        const int *devices) {
  std::lock_guard<std::mutex> lock(Engine::get().mutex);
  auto clique = std::make_shared<Clique>();
  clique->ranks = clique->joined = count;
  clique->collectives.resize(size_t(count));
  for (int i = 0; i < count; ++i) {
    int device = devices ? devices[i] : i;
    if (device < 0 || device >= Engine::get().devices)
      return ncclInvalidArgument;
    comms[i] = new ncclComm{clique, i, device};
  }
  return ncclSuccess;
}
GPUSIM_API ncclResult_t ncclCommFinalize(ncclComm_t) { return ncclSuccess; }
GPUSIM_API ncclResult_t ncclCommDestroy(ncclComm_t comm) {
  delete comm;
  return ncclSuccess;
}
GPUSIM_API ncclResult_t ncclCommAbort(ncclComm_t comm) {
  return ncclCommDestroy(comm);
}
GPUSIM_API ncclResult_t ncclCommGetAsyncError(ncclComm_t, ncclResult_t *error) {
  *error = Engine::get().sticky ? ncclUnhandledCudaError : ncclSuccess;
  return ncclSuccess;
}
GPUSIM_API ncclResult_t ncclCommCount(ncclComm_t comm, int *count) {
  *count = comm->clique->ranks;
  return ncclSuccess;
}
GPUSIM_API ncclResult_t ncclCommCuDevice(ncclComm_t comm, int *device) {
  *device = comm->device;
  return ncclSuccess;
}
GPUSIM_API ncclResult_t ncclCommUserRank(ncclComm_t comm, int *rank) {
  *rank = comm->rank;
  return ncclSuccess;
}

GPUSIM_API ncclResult_t ncclGroupStart() {
  ++depth;
  return ncclSuccess;
}
GPUSIM_API ncclResult_t ncclGroupEnd() {
  if (!depth)
    return ncclInvalidUsage;
  return --depth ? ncclSuccess : flush();
}

GPUSIM_API ncclResult_t ncclAllReduce(const void *send, void *receive,
                                      size_t count, ncclDataType_t type,
                                      ncclRedOp_t op, ncclComm_t comm,
                                      CUstream stream) {
  return call(CollectiveKind::AllReduce, send, receive, count, type, op, 0,
              comm, stream);
}
GPUSIM_API ncclResult_t ncclReduceScatter(const void *send, void *receive,
                                          size_t count, ncclDataType_t type,
                                          ncclRedOp_t op, ncclComm_t comm,
                                          CUstream stream) {
  return call(CollectiveKind::ReduceScatter, send, receive, count, type, op, 0,
              comm, stream);
}
GPUSIM_API ncclResult_t ncclAllGather(const void *send, void *receive,
                                      size_t count, ncclDataType_t type,
                                      ncclComm_t comm, CUstream stream) {
  return call(CollectiveKind::AllGather, send, receive, count, type, ncclSum, 0,
              comm, stream);
}
GPUSIM_API ncclResult_t ncclBroadcast(const void *send, void *receive,
                                      size_t count, ncclDataType_t type,
                                      int root, ncclComm_t comm,
                                      CUstream stream) {
  return call(CollectiveKind::Broadcast, send, receive, count, type, ncclSum,
              root, comm, stream);
}
GPUSIM_API ncclResult_t ncclBcast(void *buffer, size_t count,
                                  ncclDataType_t type, int root,
                                  ncclComm_t comm, CUstream stream) {
  return ncclBroadcast(buffer, buffer, count, type, root, comm, stream);
}
GPUSIM_API ncclResult_t ncclReduce(const void *send, void *receive,
                                   size_t count, ncclDataType_t type,
                                   ncclRedOp_t op, int root, ncclComm_t comm,
                                   CUstream stream) {
  return call(CollectiveKind::Reduce, send, receive, count, type, op, root,
              comm, stream);
}
GPUSIM_API ncclResult_t ncclAlltoAll(const void *send, void *receive,
                                     size_t count, ncclDataType_t type,
                                     ncclComm_t comm, CUstream stream) {
  return call(CollectiveKind::AllToAll, send, receive, count, type, ncclSum, 0,
              comm, stream);
}
GPUSIM_API ncclResult_t ncclSend(const void *send, size_t count,
                                 ncclDataType_t type, int peer, ncclComm_t comm,
                                 CUstream stream) {
  return call(CollectiveKind::Send, send, nullptr, count, type, ncclSum, peer,
              comm, stream);
}
GPUSIM_API ncclResult_t ncclRecv(void *receive, size_t count,
                                 ncclDataType_t type, int peer, ncclComm_t comm,
                                 CUstream stream) {
  return call(CollectiveKind::Recv, nullptr, receive, count, type, ncclSum,
              peer, comm, stream);
}
