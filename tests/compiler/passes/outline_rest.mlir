// RUN: pg-opt %s --outline-rest | FileCheck %s
// What is neither a call nor a view becomes a kernel; equal ones share it.

pg.variable @w : tensor<16x32xf32> {space = "parameter"}
pg.variable @"w:grad" : tensor<16x32xf32> {space = "gradient"}
pg.variable @"v:grad" : tensor<16x32xf32> {space = "gradient"}

// CHECK-LABEL: func.func @train.plain
// CHECK: %[[W:.*]] = pg.load @w
// CHECK: %[[A:.*]] = sched.call @linear_op(%{{.*}}, %[[W]])
// CHECK: sched.call @linear_op(%[[A2:.*]], %[[W]])
// CHECK: %[[R:.*]] = pg.reshape
// CHECK: pg.slice %[[R]]
// CHECK: %[[S:.*]] = sched.call @splat_op(%{{.*}}) : (f64) -> tensor<f32>
// CHECK: sched.call @accumulate_op(%{{.*}}) accumulates [@"w:grad"]
// CHECK: sched.call @accumulate_op(%{{.*}}) accumulates [@"v:grad"]
func.func @train.plain(%x: tensor<4x32xf32>, %y: tensor<4x32xf32>, %g: tensor<16x32xf32>) -> (tensor<4x16xf32>, tensor<4x16xf32>, tensor<32xf32>, tensor<f32>)
    attributes {pg.role = "train"} {
  %w = pg.load @w : tensor<16x32xf32>
  %a = pg.linear %x, %w : (tensor<4x32xf32>, tensor<16x32xf32>) -> tensor<4x16xf32>
  %b = pg.linear %y, %w : (tensor<4x32xf32>, tensor<16x32xf32>) -> tensor<4x16xf32>
  %r = pg.reshape %b : (tensor<4x16xf32>) -> tensor<64xf32>
  %s = pg.slice %r offsets [32] sizes [32] : (tensor<64xf32>) -> tensor<32xf32>
  %p = pg.progress
  %t = pg.splat %p : (f64) -> tensor<f32>
  pg.accumulate %g, @"w:grad" : tensor<16x32xf32>
  pg.accumulate %g, @"v:grad" : tensor<16x32xf32>
  return %a, %b, %s, %t : tensor<4x16xf32>, tensor<4x16xf32>, tensor<32xf32>, tensor<f32>
}

// A function without a role is no program.
// CHECK-LABEL: func.func @log.lr
// CHECK-NEXT: pg.progress
func.func @log.lr() -> f64 {
  %p = pg.progress
  return %p : f64
}

// CHECK: sched.kernel @linear_op(%[[X:.*]]: tensor<4x32xf32>, %[[W:.*]]: tensor<16x32xf32>) attributes {kind = "loops", result_modes = ["store"]}
// CHECK-NEXT: %[[Y:.*]] = pg.linear %[[X]], %[[W]]
// CHECK-NEXT: sched.yield %[[Y]]
// CHECK: sched.kernel @splat_op(%{{.*}}: f64) attributes {kind = "loops", result_modes = ["store"], scalars = 1 : i64}
// CHECK: sched.kernel @accumulate_op(%{{.*}}: tensor<16x32xf32>) attributes {kind = "loops", result_modes = ["accumulate"]}
// CHECK-NOT: sched.kernel
