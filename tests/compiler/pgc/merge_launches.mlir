// RUN: pg-opt %s --plan-kernels=gpu=true --merge-launches | FileCheck %s
// Two updates of the same kind become one launch; that of another shape stays.

pg.variable @a : tensor<8x16xf32> {space = "parameter"}
pg.variable @b : tensor<8x16xf32> {space = "parameter"}
pg.variable @c : tensor<4x16xf32> {space = "parameter"}

// What is copied alone is not launched any more.
// CHECK: sched.kernel @double(
// CHECK-NOT: gpu =
// CHECK: sched.yield
// CHECK: sched.kernel @double_x2(%{{.*}}: tensor<8x16xf32>, %{{.*}}: tensor<8x16xf32>, %{{.*}}: f64)
// CHECK-SAME: gpu = {copies = 2 : i64, copy_of = @double, grid = array<i64: 1, 2, 1>, threads = 32 : i64}
// CHECK: sched.yield %{{.*}}, %{{.*}} : tensor<8x16xf32>, tensor<8x16xf32>
sched.kernel @double(%x: tensor<8x16xf32>, %s: f64) attributes {kind = "rows", outer = 1, scalars = 1, result_modes = ["store"]} {
  %f = pg.splat %s : (f64) -> tensor<f32>
  %y = pg.mul %x, %f : (tensor<8x16xf32>, tensor<f32>) -> tensor<8x16xf32>
  sched.yield %y : tensor<8x16xf32>
}
// CHECK: sched.kernel @small({{.*}} gpu = {
sched.kernel @small(%x: tensor<4x16xf32>) attributes {kind = "rows", outer = 1, result_modes = ["store"]} {
  %y = pg.add %x, %x : (tensor<4x16xf32>, tensor<4x16xf32>) -> tensor<4x16xf32>
  sched.yield %y : tensor<4x16xf32>
}

// CHECK-LABEL: func.func @update
// CHECK: %[[A:.*]] = pg.load @a
// CHECK: %[[B:.*]] = pg.load @b
// CHECK: %[[R:.*]]:2 = sched.call @double_x2(%[[A]], %[[B]], %{{.*}}) : (tensor<8x16xf32>, tensor<8x16xf32>, f64) -> (tensor<8x16xf32>, tensor<8x16xf32>)
// CHECK: pg.store %[[R]]#0, @a
// CHECK: pg.store %[[R]]#1, @b
func.func @update() attributes {pg.role = "update", pg.phase = ""} {
  %s = pg.progress
  %a = pg.load @a : tensor<8x16xf32>
  %a1 = sched.call @double(%a, %s) : (tensor<8x16xf32>, f64) -> tensor<8x16xf32>
  pg.store %a1, @a : tensor<8x16xf32>
  %b = pg.load @b : tensor<8x16xf32>
  %b1 = sched.call @double(%b, %s) : (tensor<8x16xf32>, f64) -> tensor<8x16xf32>
  pg.store %b1, @b : tensor<8x16xf32>
  %c = pg.load @c : tensor<4x16xf32>
  %c1 = sched.call @small(%c) : (tensor<4x16xf32>) -> tensor<4x16xf32>
  pg.store %c1, @c : tensor<4x16xf32>
  return
}
