#include "tests/gpusim/Gemm.h"

#include <random>

namespace gpusim::test {

MapParameter matrixMap(uint64_t address, uint64_t rows, uint64_t columns,
                       uint32_t boxRows, uint32_t boxColumns, int swizzle) {
  TensorMapArguments from;
  from.type = 9; // bf16
  from.rank = 2;
  from.swizzle = swizzle;
  from.address = address;
  from.sizes[0] = columns;
  from.sizes[1] = rows;
  from.strides[0] = columns * 2;
  from.box[0] = boxColumns;
  from.box[1] = boxRows;
  from.elementStrides[0] = from.elementStrides[1] = 1;
  TensorMap map;
  EXPECT_EQ(encodeTensorMap(from, map), "");
  MapParameter parameter;
  std::memcpy(parameter.bytes, &map, sizeof(map));
  return parameter;
}

std::string registerList(const std::string &name, int count) {
  std::string list = "{";
  for (int i = 0; i < count; ++i)
    list += (i ? ", %" : "%") + name + std::to_string(i);
  return list + "}";
}

std::vector<uint16_t> randomBF16(size_t count, unsigned seed) {
  std::mt19937 random(seed);
  std::vector<uint16_t> values(count);
  for (uint16_t &value : values)
    value = toBF16(float(int(random() % 17) - 8) / 8);
  return values;
}

std::vector<float> product(const std::vector<uint16_t> &a,
                           const std::vector<uint16_t> &b, int m, int n,
                           int k) {
  std::vector<float> c(size_t(m) * size_t(n), 0);
  for (int i = 0; i < m; ++i)
    for (int j = 0; j < n; ++j)
      for (int l = 0; l < k; ++l)
        c[size_t(i * n + j)] +=
            fromBF16(a[size_t(i * k + l)]) * fromBF16(b[size_t(j * k + l)]);
  return c;
}

static std::string aRegisters(int step) {
  std::string list = "{";
  for (int i = 0; i < 4; ++i)
    list += (i ? ", %a" : "%a") + std::to_string(4 * step + i);
  return list + "}";
}

std::string WgmmaText::text() const {
  std::string body =
      ".reg .b32 %r<16>; .reg .f32 %f<64>; .reg .b64 %rd<32>; "
      ".reg .pred %p<8>;\n.shared .align 8 .b64 bar;\n"
      "mov.b64 %rd1, ta; cvta.param.u64 %rd1, %rd1;\n"
      "mov.b64 %rd2, tb; cvta.param.u64 %rd2, %rd2;\n"
      "ld.param.u64 %rd3, [out];\nmov.u32 %r1, %tid.x;\nmov.u32 %r2, tiles;\n"
      "setp.ne.u32 %p1, %r1, 0;\n@%p1 bra MADE;\n"
      "mbarrier.init.shared.b64 [bar], 1;\n" +
      initFence + "MADE:\n" + initBarrier +
      "@%p1 bra LOADED;\n"
      "mbarrier.arrive.expect_tx.shared.b64 %rd4, [bar], " +
      bytes +
      ";\nmov.u32 %r3, 0;\n"
      "cp.async.bulk.tensor.2d.shared::cluster.global.tile"
      ".mbarrier::complete_tx::bytes [%r2], [%rd1, {%r3, %r3}], [bar];\n"
      "add.u32 %r4, %r2, 8192;\n"
      "cp.async.bulk.tensor.2d.shared::cluster.global.tile"
      ".mbarrier::complete_tx::bytes [%r4], [%rd2, {%r3, %r3}], [bar];\n"
      "LOADED:\n" +
      wait +
      "cvt.u64.u32 %rd5, %r2;\nshr.u64 %rd5, %rd5, 4;\nor.b64 %rd6, %rd5, " +
      std::to_string(descriptorTop) + ";\nadd.s64 %rd7, %rd6, 512;\n";
  body += ".reg .b32 %a<40>;\n";
  if (registersA) {
    body += "ld.param.u64 %rd12, [pa];\nshr.u32 %r10, %r1, 5;\n"
            "shl.b32 %r10, %r10, 4;\nbfe.u32 %r11, %r1, 2, 3;\n"
            "add.u32 %r10, %r10, %r11;\nand.b32 %r12, %r1, 3;\n"
            "mad.lo.u32 %r10, %r10, 32, %r12;\nmul.wide.u32 %rd13, %r10, 4;\n"
            "add.s64 %rd12, %rd12, %rd13;\n";
    for (int step = 0; step < 4; ++step)
      for (int i = 0; i < 4; ++i)
        body +=
            "ld.global.b32 %a" + std::to_string(4 * step + i) + ", [%rd12+" +
            std::to_string(step * 32 + (i & 1) * 1024 + (i >> 1) * 16) + "];\n";
  }
  body += fence;
  for (int step = 0; step < 4; ++step) {
    std::string n = std::to_string(step);
    body += "setp.ne.b32 %p3, " + n + ", 0;\nadd.s64 %rd8, %rd6, " +
            std::to_string(2 * step) + ";\nadd.s64 %rd9, %rd7, " +
            std::to_string((transposedB ? 128 : 2) * step) +
            ";\nwgmma.mma_async.sync.aligned.m64n64k16.f32.bf16.bf16 " +
            registerList("f", 32) + ", " +
            (registersA ? aRegisters(step) : "%rd8") + ", %rd9, %p3, 1, 1, " +
            (registersA ? "" : "0, ") + (transposedB ? "1;\n" : "0;\n");
  }
  body += afterIssue + "wgmma.commit_group.sync.aligned;\n" + finish;
  // Row 16·warp + lane / 4, column 2·(lane % 4).
  body +=
      "shr.u32 %r5, %r1, 5;\nshl.b32 %r5, %r5, 4;\nbfe.u32 %r6, %r1, 2, 3;\n"
      "add.u32 %r5, %r5, %r6;\nand.b32 %r7, %r1, 3;\nshl.b32 %r7, %r7, 1;\n"
      "mad.lo.u32 %r8, %r5, 64, %r7;\nmul.wide.u32 %rd10, %r8, 4;\n"
      "add.s64 %rd10, %rd10, %rd3;\n";
  for (int i = 0; i < 32; i += 2)
    body += "st.global.v2.f32 [%rd10+" +
            std::to_string(i / 4 * 32 + (i % 4) / 2 * 8 * 64 * 4) + "], {%f" +
            std::to_string(i) + ", %f" + std::to_string(i + 1) + "};\n";
  return kernelText(".param .align 64 .b8 ta[128], .param .align 64 .b8 "
                    "tb[128], .param .u64 out, .param .u64 pa",
                    body, ".extern .shared .align 1024 .b8 tiles[];\n",
                    ".reqntid 128, 1, 1");
}

} // namespace gpusim::test
