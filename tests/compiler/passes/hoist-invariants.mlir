// RUN: pg-opt %s --pack-weights --hoist-invariants | FileCheck %s

pg.variable @w : tensor<96x32xf32> {space = "parameter"}
pg.variable @g : tensor<32xf32> {space = "parameter"}

// Packed weights and what is computed of parameters come from @prepare; both programs share them. Slices stay.

// CHECK: pg.variable @derived.0 : tensor<6x32x16xf32> {space = "derived"}
// CHECK: pg.variable @derived.1 : tensor<32xf32> {space = "derived"}
// CHECK-LABEL: @score.8
// CHECK-DAG: %[[P:.*]] = pg.load @derived.0
// CHECK-DAG: %[[S:.*]] = pg.load @derived.1
// CHECK: pg.packed_matmul %arg1, %[[P]] {n = 96 : i64}
// CHECK: pg.mul %arg1, %[[S]]
func.func @score.8(%tokens: tensor<1x8xi64>, %x: tensor<8x32xf32>) -> (tensor<8x96xf32>, tensor<8x32xf32>) attributes {pg.role = "score"} {
  %w = pg.load @w : tensor<96x32xf32>
  %y = pg.linear %x, %w : (tensor<8x32xf32>, tensor<96x32xf32>) -> tensor<8x96xf32>
  %g = pg.load @g : tensor<32xf32>
  %s = pg.sigmoid %g : (tensor<32xf32>) -> tensor<32xf32>
  %z = pg.mul %x, %s : (tensor<8x32xf32>, tensor<32xf32>) -> tensor<8x32xf32>
  return %y, %z : tensor<8x96xf32>, tensor<8x32xf32>
}

// CHECK-LABEL: @score.4
// CHECK: %[[S:.*]] = pg.load @derived.1
// CHECK: pg.mul %arg1, %[[S]]
func.func @score.4(%tokens: tensor<1x4xi64>, %x: tensor<4x32xf32>) -> tensor<4x32xf32> attributes {pg.role = "score"} {
  %g = pg.load @g : tensor<32xf32>
  %s = pg.sigmoid %g : (tensor<32xf32>) -> tensor<32xf32>
  %z = pg.mul %x, %s : (tensor<4x32xf32>, tensor<32xf32>) -> tensor<4x32xf32>
  return %z : tensor<4x32xf32>
}

// CHECK-LABEL: func.func @prepare() attributes {{.*}}pg.role = "prepare"
// CHECK: pg.pack nk
// CHECK: pg.sigmoid
