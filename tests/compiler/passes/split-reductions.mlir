// RUN: pg-opt %s --split-reductions | FileCheck %s

// A sum over tokens: partial sums of chunks of 4 rows, then their sum.
// CHECK-LABEL: @over_tokens
func.func @over_tokens(%tokens: tensor<2x8xi64>, %x: tensor<2x8x32xf32>) -> tensor<1x1x32xf32> {
  // CHECK-NEXT: %[[P:.*]] = pg.partial_sum %arg1 {chunks = 4 : i64, outer = 2 : i64} : (tensor<2x8x32xf32>) -> tensor<4x32xf32>
  // CHECK-NEXT: %[[S:.*]] = pg.reduce sum %[[P]] axes [0] : (tensor<4x32xf32>) -> tensor<1x32xf32>
  // CHECK-NEXT: pg.reshape %[[S]] : (tensor<1x32xf32>) -> tensor<1x1x32xf32>
  %0 = pg.reduce sum %x axes [0, 1] : (tensor<2x8x32xf32>) -> tensor<1x1x32xf32>
  return %0 : tensor<1x1x32xf32>
}

// Within rows first.
// CHECK-LABEL: @over_all
func.func @over_all(%x: tensor<512x64xf32>) -> tensor<1x1xf32> {
  // CHECK-NEXT: %[[R:.*]] = pg.reduce sum %arg0 axes [1] : (tensor<512x64xf32>) -> tensor<512x1xf32>
  // CHECK-NEXT: pg.partial_sum %[[R]] {chunks = 64 : i64, outer = 1 : i64} : (tensor<512x1xf32>) -> tensor<64x1xf32>
  %0 = pg.reduce sum %x axes [0, 1] : (tensor<512x64xf32>) -> tensor<1x1xf32>
  return %0 : tensor<1x1xf32>
}

// CHECK-LABEL: @maximum
func.func @maximum(%x: tensor<512x64xf32>) -> tensor<1x1xf32> {
  // CHECK-NEXT: %[[R:.*]] = pg.reduce max %arg0 axes [1]
  // CHECK-NEXT: pg.reduce max %[[R]] axes [0] : (tensor<512x1xf32>) -> tensor<1x1xf32>
  %0 = pg.reduce max %x axes [0, 1] : (tensor<512x64xf32>) -> tensor<1x1xf32>
  return %0 : tensor<1x1xf32>
}

// Within rows, and of few elements: as they are.
// CHECK-LABEL: @stays
func.func @stays(%x: tensor<512x64xf32>, %y: tensor<4x8xf32>) -> (tensor<512x1xf32>, tensor<1x8xf32>) {
  // CHECK-NEXT: pg.reduce sum %arg0 axes [1]
  // CHECK-NEXT: pg.reduce sum %arg1 axes [0]
  // CHECK-NEXT: return
  %0 = pg.reduce sum %x axes [1] : (tensor<512x64xf32>) -> tensor<512x1xf32>
  %1 = pg.reduce sum %y axes [0] : (tensor<4x8xf32>) -> tensor<1x8xf32>
  return %0, %1 : tensor<512x1xf32>, tensor<1x8xf32>
}

// An axis of size 1 is reduced already: nothing is left to do within rows.
// CHECK-LABEL: @unit_axis
func.func @unit_axis(%tokens: tensor<2x8xi64>, %x: tensor<2x8x1x32xf32>) -> tensor<1x1x1x32xf32> {
  // CHECK-NEXT: %[[P:.*]] = pg.partial_sum %arg1 {chunks = 4 : i64, outer = 2 : i64} : (tensor<2x8x1x32xf32>) -> tensor<4x1x32xf32>
  // CHECK-NEXT: pg.reduce sum %[[P]] axes [0]
  %0 = pg.reduce sum %x axes [0, 1, 2] : (tensor<2x8x1x32xf32>) -> tensor<1x1x1x32xf32>
  return %0 : tensor<1x1x1x32xf32>
}
