// RUN: pg-opt %s --differentiate --verify-differentiated | FileCheck %s

// CHECK: pg.variable @w : tensor<3x4xf32>
// CHECK: pg.variable @s : tensor<4xf32>
// CHECK: pg.variable @"w:grad" : tensor<3x4xf32> {space = "gradient"}
// CHECK: pg.variable @"s:grad" : tensor<4xf32> {space = "gradient"}
pg.variable @w : tensor<3x4xf32> {space = "parameter"}
pg.variable @s : tensor<4xf32> {space = "parameter"}
pg.variable @c : tensor<4xf32> {space = "state"}

// The forward function becomes the training function. What only its gradient would need is not computed; each use of a
// parameter adds to its gradient; sums over what was spread.
// CHECK-LABEL: func.func @train.plain
// CHECK-SAME: pg.role = "train"
func.func @forward.plain(%x: tensor<2x3xf32>) -> (tensor<f32> {pg.name = "loss"}) attributes {pg.role = "forward", pg.seed = 0.25 : f64} {
  // CHECK-DAG: %[[W:.*]] = pg.load @w
  // CHECK-DAG: %[[S:.*]] = pg.load @s
  // CHECK-DAG: %[[C:.*]] = pg.load @c
  // CHECK: %[[Y:.*]] = pg.matmul %arg0, %[[W]]
  // CHECK: %[[Z:.*]] = pg.mul %[[Y]], %[[S]]
  // CHECK: %[[SEED:.*]] = pg.constant dense<2.500000e-01> : tensor<f32>
  // CHECK: %[[G:.*]] = pg.broadcast %{{.*}} : (tensor<1x1xf32>) -> tensor<2x4xf32>
  // CHECK: %[[GZ:.*]] = pg.mul %[[G]], %[[C]]
  // CHECK-NEXT: %[[GY:.*]] = pg.mul %[[GZ]], %[[S]]
  // CHECK-NEXT: %[[GS:.*]] = pg.mul %[[GZ]], %[[Y]]
  // CHECK-NEXT: %[[SUM:.*]] = pg.reduce sum %[[GS]] axes [0]
  // CHECK-NEXT: %[[FLAT:.*]] = pg.reshape %[[SUM]] : (tensor<1x4xf32>) -> tensor<4xf32>
  // CHECK-NEXT: pg.accumulate %[[FLAT]], @"s:grad"
  // CHECK-NEXT: %[[GW:.*]] = pg.matmul %arg0, %[[GY]] {transpose_a}
  // CHECK-NEXT: pg.accumulate %[[GW]], @"w:grad"
  // CHECK-NEXT: return
  %w = pg.load @w : tensor<3x4xf32>
  %s = pg.load @s : tensor<4xf32>
  %c = pg.load @c : tensor<4xf32>
  %y = pg.matmul %x, %w : (tensor<2x3xf32>, tensor<3x4xf32>) -> tensor<2x4xf32>
  %z = pg.mul %y, %s : (tensor<2x4xf32>, tensor<4xf32>) -> tensor<2x4xf32>
  %u = pg.mul %z, %c : (tensor<2x4xf32>, tensor<4xf32>) -> tensor<2x4xf32>
  %r = pg.reduce sum %u axes [0, 1] : (tensor<2x4xf32>) -> tensor<1x1xf32>
  %l = pg.reshape %r : (tensor<1x1xf32>) -> tensor<f32>
  return %l : tensor<f32>
}

// Two uses of a parameter: two accumulations, no sum of them.
// CHECK-LABEL: func.func @train.twice
func.func @forward.twice() -> (tensor<f32> {pg.name = "loss"}) attributes {pg.role = "forward"} {
  // CHECK-COUNT-2: pg.accumulate %{{.*}}, @"s:grad"
  // CHECK-NOT: pg.accumulate
  %s = pg.load @s : tensor<4xf32>
  %y = pg.mul %s, %s : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  %r = pg.reduce sum %y axes [0] : (tensor<4xf32>) -> tensor<1xf32>
  %l = pg.reshape %r : (tensor<1xf32>) -> tensor<f32>
  return %l : tensor<f32>
}

// A term whose two gradients cancel is inert, as h + stop_gradient(q - h) - h.
// CHECK-LABEL: func.func @train.inert
func.func @forward.inert() -> (tensor<f32> {pg.name = "loss"}) attributes {pg.role = "forward"} {
  // CHECK-NOT: pg.accumulate
  // CHECK: return
  %s = pg.load @s : tensor<4xf32>
  %h = pg.exp %s : (tensor<4xf32>) -> tensor<4xf32>
  %q = pg.round %h : (tensor<4xf32>) -> tensor<4xf32>
  %d = pg.sub %q, %h : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  %f = pg.stop_gradient %d : (tensor<4xf32>) -> tensor<4xf32>
  %a = pg.add %h, %f : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  %e = pg.sub %a, %h : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  %y = pg.mul %e, %e : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  %r = pg.reduce sum %y axes [0] : (tensor<4xf32>) -> tensor<1xf32>
  %l = pg.reshape %r : (tensor<1xf32>) -> tensor<f32>
  return %l : tensor<f32>
}

// Other roles stay as they are.
// CHECK-LABEL: func.func @score
// CHECK-SAME: pg.role = "score"
func.func @score(%x: tensor<4xf32>) -> tensor<4xf32> attributes {pg.role = "score"} {
  return %x : tensor<4xf32>
}
