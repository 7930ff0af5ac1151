// Products and collectives of the stand-ins.
#include "tests/gpusim/Libraries.h"

#include <cstdlib>

namespace gpusim::test {
namespace {

TEST(Lt, ProductWithEpilogue) {
  useDevice(0);
  // Columns first: d = relu(aᵀ·b + bias), a is 3 × 2, b is 3 × 2.
  CUdeviceptr a = upload({1, 2, 3, 4, 5, 6}), b = upload({1, 0, 1, -1, 1, -1}),
              bias = upload({0.5, -20}), d = upload({0, 0, 0, 0});
  MatmulDescriptor *how = nullptr;
  MatrixLayout *la = nullptr, *ld = nullptr;
  ASSERT_EQ(call("cublasLtMatmulDescCreate", &how, 68, CUDA_R_32F), 0);
  ASSERT_EQ(call("cublasLtMatrixLayoutCreate", &la, CUDA_R_32F, uint64_t(3),
                 uint64_t(2), int64_t(3)),
            0);
  ASSERT_EQ(call("cublasLtMatrixLayoutCreate", &ld, CUDA_R_32F, uint64_t(2),
                 uint64_t(2), int64_t(2)),
            0);
  int transpose = 1;
  uint32_t epilogue = EpilogueRelu | EpilogueBias;
  auto set = [&](int attribute, const void *value, size_t bytes) {
    ASSERT_EQ(
        call("cublasLtMatmulDescSetAttribute", how, attribute, value, bytes),
        0);
  };
  set(3, &transpose, 4);
  set(7, &epilogue, 4);
  set(8, &bias, 8);
  float alpha = 2, beta = 0;
  auto at = [](CUdeviceptr p) { return reinterpret_cast<const void *>(p); };
  ASSERT_EQ(call("cublasLtMatmul", static_cast<void *>(nullptr), how,
                 static_cast<const void *>(&alpha), at(a), la, at(b), la,
                 static_cast<const void *>(&beta), at(d), ld,
                 const_cast<void *>(at(d)), ld,
                 static_cast<const MatmulAlgorithm *>(nullptr),
                 static_cast<void *>(nullptr), size_t(0),
                 static_cast<CUstream>(nullptr)),
            0);
  ASSERT_EQ(call("cuCtxSynchronize"), 0);
  // aᵀ·b = [[4, -2], [10, -5]] by rows
  EXPECT_EQ(download(d, 4), (std::vector<float>{8.5, 0, 0, 0}));
}

class Ranks : public testing::Test {
protected:
  static constexpr int count = 4;
  void SetUp() override {
    useDevice(0);
    ASSERT_EQ(call("ncclCommInitAll", static_cast<ncclComm_t *>(comms), count,
                   static_cast<const int *>(nullptr)),
              0);
    for (int r = 0; r < count; ++r) {
      useDevice(r);
      streams[r] = newStream();
      std::vector<float> values;
      for (int i = 0; i < 4; ++i)
        values.push_back(float(10 * r + i));
      send[r] = upload(values);
      receive[r] = upload(std::vector<float>(16, 0));
    }
  }
  void synchronise() {
    for (CUstream stream : streams)
      ASSERT_EQ(call("cuStreamSynchronize", stream), 0);
  }
  static const void *in(CUdeviceptr p) {
    return reinterpret_cast<const void *>(p);
  }
  static void *out(CUdeviceptr p) { return reinterpret_cast<void *>(p); }

  ncclComm_t comms[count];
  CUstream streams[count];
  CUdeviceptr send[count], receive[count];
};

TEST_F(Ranks, ReduceScatterAndGather) {
  for (int r = 0; r < count; ++r)
    ASSERT_EQ(call("ncclReduceScatter", in(send[r]), out(receive[r]), size_t(1),
                   int(ncclFloat32), int(ncclSum), comms[r], streams[r]),
              0);
  for (int r = 0; r < count; ++r)
    ASSERT_EQ(call("ncclAllGather", in(receive[r]), out(send[r]), size_t(1),
                   int(ncclFloat32), comms[r], streams[r]),
              0);
  synchronise();
  for (CUdeviceptr at : send)
    EXPECT_EQ(download(at, 4), (std::vector<float>{60, 64, 68, 72}));
}

TEST_F(Ranks, AllReduceAndBroadcast) {
  ASSERT_EQ(call("ncclGroupStart"), 0);
  for (int r = 0; r < count; ++r)
    ASSERT_EQ(call("ncclAllReduce", in(send[r]), out(receive[r]), size_t(4),
                   int(ncclFloat32), int(ncclMax), comms[r], streams[r]),
              0);
  ASSERT_EQ(call("ncclGroupEnd"), 0);
  synchronise();
  EXPECT_EQ(download(receive[1], 4), (std::vector<float>{30, 31, 32, 33}));
  for (int r = 0; r < count; ++r)
    ASSERT_EQ(call("ncclBroadcast", in(send[r]), out(receive[r]), size_t(4),
                   int(ncclFloat32), 2, comms[r], streams[r]),
              0);
  synchronise();
  EXPECT_EQ(download(receive[0], 4), (std::vector<float>{20, 21, 22, 23}));
}

// An exchange of all with all, by pairs in a group.
TEST_F(Ranks, SendsAndReceives) {
  for (int r = 0; r < count; ++r) {
    ASSERT_EQ(call("ncclGroupStart"), 0);
    for (int other = 0; other < count; ++other) {
      ASSERT_EQ(call("ncclSend", in(send[r] + CUdeviceptr(4 * other)),
                     size_t(1), int(ncclFloat32), other, comms[r], streams[r]),
                0);
      ASSERT_EQ(call("ncclRecv", out(receive[r] + CUdeviceptr(4 * other)),
                     size_t(1), int(ncclFloat32), other, comms[r], streams[r]),
                0);
    }
    ASSERT_EQ(call("ncclGroupEnd"), 0);
  }
  synchronise();
  for (int r = 0; r < count; ++r)
    for (int other = 0; other < count; ++other)
      EXPECT_EQ(download(receive[r], 4)[size_t(other)], float(10 * other + r));
}

// A fault ends the process' use of the libraries: in a process of its own.
TEST_F(Ranks, LostRankEndsInAnError) {
  auto incomplete = [&] {
    for (int r = 0; r + 1 < count; ++r)
      call("ncclAllReduce", in(send[r]), out(receive[r]), size_t(4),
           int(ncclFloat32), int(ncclSum), comms[r], streams[r]);
    std::exit(call("cuStreamSynchronize", streams[0]) == 0);
  };
  EXPECT_EXIT(incomplete(), testing::ExitedWithCode(0),
              "ncclAllReduce of rank 0 of 4");
}

} // namespace
} // namespace gpusim::test
