// RUN: pg-opt %s --lift-reshapes --canonicalize | FileCheck %s

// What follows the product sees tokens as rows, whatever shape its operand was brought to.
// CHECK-LABEL: @gradient
// CHECK: %[[P:.*]] = pg.matmul %arg1, %arg2 : (tensor<2x8x16xf32>, tensor<16x4xf32>) -> tensor<2x8x4xf32>
// CHECK-NEXT: return %[[P]]
func.func @gradient(%tokens: tensor<2x8xi64>, %g: tensor<2x8x16xf32>, %w: tensor<16x4xf32>) -> tensor<2x8x4xf32> {
  %0 = pg.reshape %g : (tensor<2x8x16xf32>) -> tensor<16x16xf32>
  %1 = pg.matmul %0, %w : (tensor<16x16xf32>, tensor<16x4xf32>) -> tensor<16x4xf32>
  %2 = pg.reshape %1 : (tensor<16x4xf32>) -> tensor<2x8x4xf32>
  return %2 : tensor<2x8x4xf32>
}

// CHECK-LABEL: @heads
// CHECK: %[[X:.*]] = pg.reshape %arg1 : (tensor<2x8x4x4xf32>) -> tensor<2x8x16xf32>
// CHECK-NEXT: pg.linear %[[X]], %arg2 : (tensor<2x8x16xf32>, tensor<5x16xf32>) -> tensor<2x8x5xf32>
func.func @heads(%tokens: tensor<2x8xi64>, %x: tensor<2x8x4x4xf32>, %w: tensor<5x16xf32>) -> tensor<2x8x5xf32> {
  %0 = pg.reshape %x : (tensor<2x8x4x4xf32>) -> tensor<16x16xf32>
  %1 = pg.linear %0, %w : (tensor<16x16xf32>, tensor<5x16xf32>) -> tensor<16x5xf32>
  %2 = pg.reshape %1 : (tensor<16x5xf32>) -> tensor<2x8x5xf32>
  return %2 : tensor<2x8x5xf32>
}

// A sum over rows stays as it is.
// CHECK-LABEL: @weight
// CHECK: pg.matmul %arg1, %arg2 {transpose_a} : (tensor<16x4xf32>, tensor<16x5xf32>)
func.func @weight(%tokens: tensor<2x8xi64>, %x: tensor<16x4xf32>, %y: tensor<16x5xf32>) -> tensor<4x5xf32> {
  %0 = pg.matmul %x, %y {transpose_a} : (tensor<16x4xf32>, tensor<16x5xf32>) -> tensor<4x5xf32>
  return %0 : tensor<4x5xf32>
}
