// RUN: pg-opt %s --prune | FileCheck %s

pg.variable @w : tensor<4xf32> {space = "parameter"}

// CHECK-LABEL: @chain
func.func @chain(%x: tensor<4xf32>) -> tensor<4xf32> {
  // CHECK-NEXT: %[[Y:.*]] = pg.exp %arg0
  // CHECK-NEXT: pg.store %arg0, @w
  // CHECK-NEXT: return %[[Y]]
  %w = pg.load @w : tensor<4xf32>
  %0 = pg.log %w : (tensor<4xf32>) -> tensor<4xf32>
  %1 = pg.tanh %0 : (tensor<4xf32>) -> tensor<4xf32>
  %2 = pg.exp %x : (tensor<4xf32>) -> tensor<4xf32>
  pg.store %x, @w : tensor<4xf32>
  return %2 : tensor<4xf32>
}
