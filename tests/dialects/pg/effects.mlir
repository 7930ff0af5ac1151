// RUN: pg-opt %s --cse --canonicalize | FileCheck %s
// Loads are shared between stores only, and dropped when nothing needs them.

pg.variable @w : tensor<4xf32> {space = "parameter"}

// CHECK-LABEL: @loads
func.func @loads() -> (tensor<4xf32>, tensor<4xf32>, tensor<4xf32>) {
  // CHECK-NEXT: %[[A:.*]] = pg.load @w
  // CHECK-NEXT: %[[B:.*]] = pg.exp %[[A]]
  // CHECK-NEXT: pg.store %[[B]], @w
  // CHECK-NEXT: %[[C:.*]] = pg.load @w
  // CHECK-NEXT: return %[[A]], %[[A]], %[[C]]
  %unused = pg.load @w : tensor<4xf32>
  %0 = pg.load @w : tensor<4xf32>
  %1 = pg.load @w : tensor<4xf32>
  %2 = pg.exp %1 : (tensor<4xf32>) -> tensor<4xf32>
  pg.store %2, @w : tensor<4xf32>
  %3 = pg.load @w : tensor<4xf32>
  return %0, %1, %3 : tensor<4xf32>, tensor<4xf32>, tensor<4xf32>
}
