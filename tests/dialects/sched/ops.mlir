// RUN: pg-opt %s | pg-opt | FileCheck %s
// Every operation of the dialect, printed and parsed again.

// CHECK-LABEL: sched.kernel @scale(%{{.*}}: tensor<8x16xf32>, %{{.*}}: f64)
// CHECK-SAME: attributes {chunks = 2 : i64, kind = "rows", outer = 1 : i64, result_modes = ["store"], scalars = 1 : i64}
// CHECK: sched.yield %{{.*}} : tensor<8x16xf32>
sched.kernel @scale(%x: tensor<8x16xf32>, %a: f64)
    attributes {kind = "rows", outer = 1, chunks = 2, scalars = 1, result_modes = ["store"]} {
  %s = pg.splat %a : (f64) -> tensor<f32>
  %y = pg.mul %x, %s : (tensor<8x16xf32>, tensor<f32>) -> tensor<8x16xf32>
  sched.yield %y : tensor<8x16xf32>
}

sched.kernel @add(%x: tensor<8x16xf32>) attributes {kind = "rows", outer = 1, result_modes = ["accumulate"]} {
  sched.yield %x : tensor<8x16xf32>
}

// CHECK-LABEL: sched.kernel @launch
// CHECK-SAME: gpu = {cluster = 2 : i64, grid = array<i64: 4, 2, 1>, shared = 4096 : i64, tensor_maps = [{box = array<i64: 8, 4>, buffer = 0 : i64, sizes = array<i64: 16, 8>, strides = array<i64: 64>, swizzle = 32 : i64, type = f32}], threads = 128 : i64}
sched.kernel @launch(%x: tensor<8x16xf32>) attributes {kind = "rows", outer = 1, result_modes = ["store"],
    gpu = {grid = array<i64: 4, 2, 1>, threads = 128, shared = 4096, cluster = 2,
           tensor_maps = [{buffer = 0, type = f32, sizes = array<i64: 16, 8>, strides = array<i64: 64>, box = array<i64: 8, 4>, swizzle = 32}]}} {
  sched.yield %x : tensor<8x16xf32>
}

// CHECK-LABEL: sched.kernel @library
// CHECK-SAME: library = {a_type = bf16, accumulate, b_type = bf16, d_type = f32, k = 4 : i64, m = 2 : i64, n = 8 : i64, transpose_b}
sched.kernel @library(%a: tensor<2x4xbf16>, %b: tensor<8x4xbf16>) attributes {kind = "product", result_modes = ["accumulate"],
    library = {m = 2, n = 8, k = 4, transpose_b, accumulate, a_type = bf16, b_type = bf16, d_type = f32}} {
  %c = pg.matmul %a, %b {transpose_b} : (tensor<2x4xbf16>, tensor<8x4xbf16>) -> tensor<2x8xf32>
  sched.yield %c : tensor<2x8xf32>
}

pg.variable @w : tensor<8x16xf32> {space = "gradient"}

// CHECK-LABEL: func.func @f
// CHECK: %[[Y:.*]] = sched.call @scale(%{{.*}}, %{{.*}}) : (tensor<8x16xf32>, f64) -> tensor<8x16xf32>
// CHECK: sched.call @add(%[[Y]]) accumulates [@w] : (tensor<8x16xf32>) -> ()
func.func @f(%x: tensor<8x16xf32>) {
  %a = pg.progress
  %y = sched.call @scale(%x, %a) : (tensor<8x16xf32>, f64) -> tensor<8x16xf32>
  sched.call @add(%y) accumulates [@w] : (tensor<8x16xf32>) -> ()
  return
}

// CHECK: sched.arena @io bytes(1088)
// CHECK: sched.constant dense<1.000000e+00> : tensor<8x16xf32> at <@io + 512 : 512>
sched.arena @io bytes(1088)
sched.constant dense<1.0> : tensor<8x16xf32> at <@io + 512 : 512>

// CHECK-LABEL: sched.program @run
// CHECK-SAME: inputs = [#sched.port<"x" of tensor<8x16xf32> at <@io + 0 : 512>>]
// CHECK: sched.temp "t0" bytes(512)
// CHECK: sched.launch @scale chunks(2) buffers [#sched.buf<@io + 0 : 512>, #sched.buf<@t0 + 0 : 512>] scalars(%{{.*}})
// CHECK: sched.launch @add chunks(1) buffers [#sched.buf<@t0 + 0 : 512>, #sched.buf<@io + 0 : 512>]{{$}}
// CHECK: sched.copy <@t0 + 0 : 512> to <@io + 0 : 512>
// CHECK: sched.fill <@io + 64 : 64> with zero
// CHECK: sched.host "svd" buffers [#sched.buf<@io + 0 : 64>, #sched.buf<@io + 64 : 64>] written(1) {rank = 1 : i64}
sched.program @run attributes {role = "train", phase = "plain", outputs = [],
    inputs = [#sched.port<"x" of tensor<8x16xf32> at <@io + 0 : 512>>]} {
  sched.temp "t0" bytes(512)
  %a = pg.progress
  sched.launch @scale chunks(2) buffers [#sched.buf<@io + 0 : 512>, #sched.buf<@t0 + 0 : 512>] scalars(%a)
  sched.launch @add chunks(1) buffers [#sched.buf<@t0 + 0 : 512>, #sched.buf<@io + 0 : 512>]
  sched.copy <@t0 + 0 : 512> to <@io + 0 : 512>
  sched.fill <@io + 64 : 64> with zero
  sched.host "svd" buffers [#sched.buf<@io + 0 : 64>, #sched.buf<@io + 64 : 64>] written(1) {rank = 1 : i64}
}
