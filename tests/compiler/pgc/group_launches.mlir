// RUN: pg-opt %s --plan-kernels=gpu=true --merge-launches --group-launches --split-input-file | FileCheck %s
// Kernels that stand side by side become one launch; what needs a result of the launch follows it.

// What is a part alone is not launched any more.
// CHECK: sched.kernel @double(
// CHECK-NOT: gpu =
// CHECK: sched.kernel @sums(
// CHECK-NOT: gpu =
// CHECK: sched.yield
// CHECK: sched.kernel @group_0(%{{.*}}: tensor<64x64xf32>, %{{.*}}: tensor<6x512xf32>, %{{.*}}: f64)
// CHECK-SAME: gpu = {grid = array<i64: 7, 1, 1>, parts = [{gpu = {grid = array<i64: 4, 1, 1>, threads = 256 : i64}, kernel = @double},
// CHECK-SAME: {gpu = {grid = array<i64: 6, 1, 1>, shared = {{[0-9]+}} : i64, threads = 128 : i64}, kernel = @sums}],
// CHECK-SAME: threads = 256 : i64}
// CHECK-SAME: result_modes = ["store", "store"]
sched.kernel @double(%x: tensor<64x64xf32>, %s: f64) attributes {kind = "rows", outer = 1, scalars = 1, result_modes = ["store"]} {
  %f = pg.splat %s : (f64) -> tensor<f32>
  %y = pg.mul %x, %f : (tensor<64x64xf32>, tensor<f32>) -> tensor<64x64xf32>
  sched.yield %y : tensor<64x64xf32>
}
sched.kernel @sums(%x: tensor<6x512xf32>) attributes {kind = "rows", outer = 1, result_modes = ["store"]} {
  %y = pg.reduce sum %x axes [1] : (tensor<6x512xf32>) -> tensor<6x1xf32>
  %z = pg.sub %x, %y : (tensor<6x512xf32>, tensor<6x1xf32>) -> tensor<6x512xf32>
  sched.yield %z : tensor<6x512xf32>
}

// CHECK-LABEL: func.func @score
// CHECK-SAME: %[[X:.*]]: tensor<64x64xf32>, %[[Y:.*]]: tensor<6x512xf32>
// CHECK: %[[S:.*]] = pg.progress
// CHECK-NEXT: %[[G:.*]]:2 = sched.call @group_0(%[[X]], %[[Y]], %[[S]])
// CHECK-NEXT: %[[V:.*]] = pg.reshape %[[G]]#0
// CHECK-NEXT: return %[[V]], %[[G]]#1
func.func @score(%x: tensor<64x64xf32>, %y: tensor<6x512xf32>) -> (tensor<4096xf32>, tensor<6x512xf32>) attributes {pg.role = "score"} {
  %s = pg.progress
  %a = sched.call @double(%x, %s) : (tensor<64x64xf32>, f64) -> tensor<64x64xf32>
  %v = pg.reshape %a : (tensor<64x64xf32>) -> tensor<4096xf32>
  %b = sched.call @sums(%y) : (tensor<6x512xf32>) -> tensor<6x512xf32>
  return %v, %b : tensor<4096xf32>, tensor<6x512xf32>
}

// -----
// What one needs of the other, by a value or by a variable, keeps them apart.

pg.variable @w : tensor<64x64xf32> {space = "parameter"}
pg.variable @g : tensor<64x64xf32> {space = "gradient"}

sched.kernel @double(%x: tensor<64x64xf32>) attributes {kind = "rows", outer = 1, result_modes = ["store"]} {
  %y = pg.add %x, %x : (tensor<64x64xf32>, tensor<64x64xf32>) -> tensor<64x64xf32>
  sched.yield %y : tensor<64x64xf32>
}
sched.kernel @negate(%x: tensor<64x64xf32>) attributes {kind = "rows", outer = 1, result_modes = ["store"]} {
  %y = pg.neg %x : (tensor<64x64xf32>) -> tensor<64x64xf32>
  sched.yield %y : tensor<64x64xf32>
}
sched.kernel @add(%x: tensor<64x64xf32>) attributes {kind = "rows", outer = 1, result_modes = ["accumulate"]} {
  sched.yield %x : tensor<64x64xf32>
}

// CHECK-LABEL: func.func @chain
// CHECK: call @double
// CHECK: call @negate
func.func @chain(%x: tensor<64x64xf32>) -> tensor<64x64xf32> attributes {pg.role = "score"} {
  %a = sched.call @double(%x) : (tensor<64x64xf32>) -> tensor<64x64xf32>
  %b = sched.call @negate(%a) : (tensor<64x64xf32>) -> tensor<64x64xf32>
  return %b : tensor<64x64xf32>
}

// The second reads what the first is stored to; the store stays between.
// CHECK-LABEL: func.func @through_a_variable
// CHECK: %[[A:.*]] = sched.call @double
// CHECK: pg.store %[[A]], @w
// CHECK: %[[W:.*]] = pg.load @w
// CHECK: call @negate(%[[W]])
func.func @through_a_variable(%x: tensor<64x64xf32>) -> tensor<64x64xf32> attributes {pg.role = "score"} {
  %a = sched.call @double(%x) : (tensor<64x64xf32>) -> tensor<64x64xf32>
  pg.store %a, @w : tensor<64x64xf32>
  %w = pg.load @w : tensor<64x64xf32>
  %b = sched.call @negate(%w) : (tensor<64x64xf32>) -> tensor<64x64xf32>
  return %b : tensor<64x64xf32>
}

// The first reads the old value: a store of the new one follows both.
// CHECK-LABEL: func.func @old_value
// CHECK: %[[W:.*]] = pg.load @w
// CHECK: %[[G:.*]]:2 = sched.call @group_{{[0-9]+}}(%[[W]], %{{.*}})
// CHECK: pg.store %{{.*}}, @w
func.func @old_value(%x: tensor<64x64xf32>) -> (tensor<64x64xf32>, tensor<64x64xf32>) attributes {pg.role = "score"} {
  %w = pg.load @w : tensor<64x64xf32>
  %a = sched.call @double(%w) : (tensor<64x64xf32>) -> tensor<64x64xf32>
  pg.store %x, @w : tensor<64x64xf32>
  %b = sched.call @negate(%x) : (tensor<64x64xf32>) -> tensor<64x64xf32>
  return %a, %b : tensor<64x64xf32>, tensor<64x64xf32>
}

// Two sums into one variable stay in their order.
// CHECK-LABEL: func.func @one_sum
// CHECK: call @add
// CHECK: call @add
func.func @one_sum(%x: tensor<64x64xf32>, %y: tensor<64x64xf32>) attributes {pg.role = "score"} {
  sched.call @add(%x) accumulates [@g] : (tensor<64x64xf32>) -> ()
  sched.call @add(%y) accumulates [@g] : (tensor<64x64xf32>) -> ()
  return
}

// -----
// Products on tensor cores are grouped, but not with row-wise kernels.

sched.kernel @p(%a: tensor<64x64xbf16>, %b: tensor<64x64xbf16>) attributes {kind = "product", result_modes = ["store"]} {
  %y = pg.linear %a, %b : (tensor<64x64xbf16>, tensor<64x64xbf16>) -> tensor<64x64xf32>
  %z = pg.neg %y : (tensor<64x64xf32>) -> tensor<64x64xf32>
  sched.yield %z : tensor<64x64xf32>
}
sched.kernel @q(%a: tensor<64x128xbf16>, %b: tensor<64x128xbf16>) attributes {kind = "product", result_modes = ["store"]} {
  %y = pg.linear %a, %b : (tensor<64x128xbf16>, tensor<64x128xbf16>) -> tensor<64x64xf32>
  %z = pg.neg %y : (tensor<64x64xf32>) -> tensor<64x64xf32>
  sched.yield %z : tensor<64x64xf32>
}
sched.kernel @negate(%x: tensor<64x64xf32>) attributes {kind = "rows", outer = 1, result_modes = ["store"]} {
  %y = pg.neg %x : (tensor<64x64xf32>) -> tensor<64x64xf32>
  sched.yield %y : tensor<64x64xf32>
}

// CHECK-LABEL: func.func @products
// CHECK: call @negate
// CHECK: call @group_0
// CHECK-NOT: call
// CHECK: return
func.func @products(%x: tensor<64x64xf32>, %a: tensor<64x64xbf16>, %b: tensor<64x128xbf16>)
    -> (tensor<64x64xf32>, tensor<64x64xf32>, tensor<64x64xf32>) attributes {pg.role = "score"} {
  %n = sched.call @negate(%x) : (tensor<64x64xf32>) -> tensor<64x64xf32>
  %p = sched.call @p(%a, %a) : (tensor<64x64xbf16>, tensor<64x64xbf16>) -> tensor<64x64xf32>
  %q = sched.call @q(%b, %b) : (tensor<64x128xbf16>, tensor<64x128xbf16>) -> tensor<64x64xf32>
  return %n, %p, %q : tensor<64x64xf32>, tensor<64x64xf32>, tensor<64x64xf32>
}
