// Asynchronous copies of every kind, clusters, and what forgetting to wait
// does.
#include "tests/gpusim/Gemm.h"

namespace gpusim::test {
namespace {

const char *registers = ".reg .b32 %r<16>; .reg .b64 %rd<16>; "
                        ".reg .pred %p<8>;\n.shared .align 128 .b8 s[4096];\n"
                        ".shared .align 8 .b64 bar;\n";

// Each thread copies 16 bytes and reads what another copied.
std::string copying(const std::string &wait) {
  return kernelText(
      ".param .u64 in, .param .u64 out",
      std::string(registers) +
          "ld.param.u64 %rd1, [in];\nld.param.u64 %rd2, [out];\n"
          "mov.u32 %r1, %tid.x;\nmul.wide.u32 %rd3, %r1, 16;\n"
          "add.s64 %rd1, %rd1, %rd3;\nadd.s64 %rd2, %rd2, %rd3;\n"
          "shl.b32 %r2, %r1, 4;\nmov.u32 %r3, s;\nadd.u32 %r4, %r2, %r3;\n"
          "cp.async.cg.shared.global [%r4], [%rd1], 16;\n"
          "cp.async.commit_group;\n" +
          wait +
          "xor.b32 %r2, %r2, 1008;\nadd.u32 %r4, %r2, %r3;\n"
          "ld.shared.v4.u32 {%r5, %r6, %r7, %r8}, [%r4];\n"
          "st.global.v4.u32 [%rd2], {%r5, %r6, %r7, %r8};\n");
}

TEST(CpAsync, WaitsAndBarriers) {
  std::vector<uint32_t> values(64 * 4);
  for (uint32_t i = 0; i < 256; ++i)
    values[i] = i;
  for (auto wait : {"cp.async.wait_group 0;\nbar.sync 0;\n", "bar.sync 0;\n",
                    "cp.async.wait_group 0;\n"}) {
    Machine m(copying(wait));
    m.shape.block[0] = 64;
    m.options.uninitialised = false;
    uint64_t in = m.buffer(values), out = m.blank(1024);
    if (std::string(wait).size() < 30) {
      m.expectFault(FaultKind::Race, {"cp.async", "nothing orders"},
                    in, out);
      continue;
    }
    m.run(in, out);
    EXPECT_EQ(m.read<uint32_t>(out, 1)[0], 63u * 4);
  }
}

// One thread moves 1024 bytes in and, doubled by the others, out again.
std::string roundTrip(const std::string &fence, const std::string &release,
                      const std::string &store) {
  return kernelText(
      ".param .u64 in, .param .u64 out",
      std::string(registers) +
          "ld.param.u64 %rd1, [in];\nld.param.u64 %rd2, [out];\n"
          "mov.u32 %r1, %tid.x;\nmov.u32 %r3, s;\nsetp.ne.u32 %p1, %r1, 0;\n"
          "@%p1 bra MADE;\nmbarrier.init.shared.b64 [bar], 1;\n"
          "fence.mbarrier_init.release.cluster;\n"
          "mbarrier.arrive.expect_tx.shared.b64 %rd4, [bar], 1024;\n"
          "cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes "
          "[%r3], [%rd1], 1024, [bar];\nMADE:\nbar.sync 0;\nWAIT:\n"
          "mbarrier.try_wait.parity.shared.b64 %p2, [bar], 0;\n"
          "@%p2 bra READY;\nbra WAIT;\nREADY:\n"
          "shl.b32 %r2, %r1, 4;\nadd.u32 %r4, %r2, %r3;\n"
          "ld.shared.v4.u32 {%r5, %r6, %r7, %r8}, [%r4];\n"
          "add.u32 %r5, %r5, %r5;\nadd.u32 %r6, %r6, %r6;\n"
          "st.shared.v4.u32 [%r4], {%r5, %r6, %r7, %r8};\n" +
          fence + "bar.sync 0;\n@%p1 bra STORED;\n" + store +
          "cp.async.bulk.commit_group;\n" + release +
          "STORED:\nbar.sync 0;\nst.shared.u32 [%r4], 0;\n");
}
const char *plainStore =
    "cp.async.bulk.global.shared::cta.bulk_group [%rd2], [%r3], 1024;\n";
const char *addingStore = "cp.reduce.async.bulk.global.shared::cta.bulk_group."
                          "add.u32 [%rd2], [%r3], 1024;\n";
const char *proxyFenceText = "fence.proxy.async.shared::cta;\n";
const char *releaseText = "cp.async.bulk.wait_group.read 0;\n";

TEST(Bulk, InAndOut) {
  std::vector<uint32_t> values(256, 3);
  for (bool adds : {false, true}) {
    Machine m(roundTrip(proxyFenceText, releaseText,
                        adds ? addingStore : plainStore));
    m.shape.block[0] = 64;
    uint64_t in = m.buffer(values),
             out = m.buffer(std::vector<uint32_t>(256, 100));
    m.run(in, out);
    EXPECT_EQ(m.read<uint32_t>(out, 4),
              adds ? (std::vector<uint32_t>{106, 106, 103, 103})
                   : (std::vector<uint32_t>{6, 6, 3, 3}));
  }
}

TEST(Bulk, StoreWithoutProxyFence) {
  Machine m(roundTrip("", releaseText, plainStore));
  m.shape.block[0] = 64;
  m.expectFault(FaultKind::ProxyRace,
                {"cp.async.bulk.global", "no fence.proxy.async"},
                m.buffer(std::vector<uint32_t>(256, 3)), m.blank(1024));
}

TEST(Bulk, SourceOverwrittenBeforeItWasRead) {
  Machine m(roundTrip(proxyFenceText, "", plainStore));
  m.shape.block[0] = 64;
  m.expectFault(FaultKind::Race,
                {"st.shared.u32", "a bulk copy of thread (0,0,0)"},
                m.buffer(std::vector<uint32_t>(256, 3)), m.blank(1024));
}

// Tiles at a ragged edge: zeros come in, and nothing goes out over it.
TEST(Tensor, EdgesAndSwizzledStore) {
  Machine m(kernelText(
      ".param .align 64 .b8 from[128], .param .align 64 .b8 to[128]",
      std::string(registers) +
          "mov.b64 %rd1, from; cvta.param.u64 %rd1, %rd1;\n"
          "mov.b64 %rd2, to; cvta.param.u64 %rd2, %rd2;\nmov.u32 %r3, s;\n"
          "mbarrier.init.shared.b64 [bar], 1;\nfence.proxy.async;\n"
          "mbarrier.arrive.expect_tx.shared.b64 %rd4, [bar], 1024;\n"
          "cp.async.bulk.tensor.2d.shared::cluster.global.tile"
          ".mbarrier::complete_tx::bytes [%r3], [%rd1, {32, 4}], "
          "[bar];\nWAIT:\n"
          "mbarrier.try_wait.parity.shared.b64 %p2, [bar], 0;\n"
          "@%p2 bra READY;\nbra WAIT;\nREADY:\n"
          "cp.async.bulk.tensor.2d.global.shared::cta.tile.bulk_group "
          "[%rd2, {0, 0}], [%r3];\ncp.async.bulk.commit_group;\n"
          "cp.async.bulk.wait_group 0;\n"));
  auto values = randomBF16(8 * 40, 7);
  uint64_t in = m.buffer(values), out = m.blank(6 * 64 * 2);
  // Rows 4 … 11 and columns 32 … 95 of 8 × 40, onto 6 × 64.
  m.run(matrixMap(in, 8, 40, 8, 64, 3), matrixMap(out, 6, 64, 8, 64, 3));
  auto got = m.read<uint16_t>(out, 6 * 64);
  for (size_t i = 0; i < 6; ++i)
    for (size_t j = 0; j < 64; ++j)
      EXPECT_EQ(got[i * 64 + j],
                i < 4 && j < 8 ? values[(i + 4) * 40 + j + 32] : 0);
}

// Each of two blocks of a cluster writes into the other's shared memory.
TEST(Cluster, SharedMemoryOfTheOther) {
  for (bool ordered : {true, false}) {
    Machine m(kernelText(
        ".param .u64 out",
        std::string(registers) +
            "ld.param.u64 %rd1, [out];\nmov.u32 %r1, %cluster_ctarank;\n"
            "xor.b32 %r2, %r1, 1;\nmov.u32 %r3, s;\n"
            "mapa.shared::cluster.u32 %r4, %r3, %r2;\nadd.u32 %r5, %r1, 70;\n"
            "st.shared::cluster.u32 [%r4], %r5;\n" +
            (ordered ? "barrier.cluster.arrive.release.aligned;\n"
                       "barrier.cluster.wait.acquire.aligned;\n"
                     : "") +
            "ld.shared.u32 %r6, [%r3];\nmul.wide.u32 %rd2, %r1, 4;\n"
            "add.s64 %rd1, %rd1, %rd2;\nst.global.u32 [%rd1], %r6;\n",
        "", ".reqnctapercluster 2, 1, 1"));
    m.shape.grid[0] = m.shape.cluster[0] = 2;
    m.options.uninitialised = false;
    uint64_t out = m.blank(8);
    if (!ordered) {
      m.expectFault(FaultKind::Race, {"block (1,0,0)"}, out);
      continue;
    }
    m.run(out);
    EXPECT_EQ(m.read<uint32_t>(out, 2), (std::vector<uint32_t>{71, 70}));
  }
}

} // namespace
} // namespace gpusim::test
