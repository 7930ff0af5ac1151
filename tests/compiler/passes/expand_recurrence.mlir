// RUN: pg-opt %s --expand-recurrence --verify-expanded | FileCheck %s
// Visits in their order; the second half pops what the first pushed, last first, as long as there are skips.

// CHECK-LABEL: @skips
func.func @skips(%x: tensor<4xf32>) -> tensor<4xf32> {
  // CHECK-NEXT: %[[A:.*]] = pg.exp %arg0
  // CHECK-NEXT: %[[B:.*]] = pg.tanh %[[A]]
  // CHECK-NEXT: %[[M0:.*]] = pg.mul %[[B]], %[[B]]
  // CHECK-NEXT: %[[C:.*]] = pg.exp %[[M0]]
  // CHECK-NEXT: %[[M1:.*]] = pg.max %[[C]], %[[A]]
  // CHECK-NEXT: %[[D:.*]] = pg.tanh %[[M1]]
  // CHECK-NEXT: %[[E:.*]] = pg.exp %[[D]]
  // CHECK-NEXT: return %[[E]]
  %0 = pg.recur(%x) order [0, 1, 0, 1, 0] skips 3 : tensor<4xf32>
  layer (%a: tensor<4xf32>) {
    %1 = pg.exp %a : (tensor<4xf32>) -> tensor<4xf32>
    pg.yield %1 : tensor<4xf32>
  } layer (%a: tensor<4xf32>) {
    %1 = pg.tanh %a : (tensor<4xf32>) -> tensor<4xf32>
    pg.yield %1 : tensor<4xf32>
  } merge (%a: tensor<4xf32>, %s: tensor<4xf32>) {
    %1 = pg.mul %a, %s : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
    pg.yield %1 : tensor<4xf32>
  } merge (%a: tensor<4xf32>, %s: tensor<4xf32>) {
    %1 = pg.max %a, %s : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
    pg.yield %1 : tensor<4xf32>
  }
  return %0 : tensor<4xf32>
}

// What lands on a state that nobody reads any more is gone.
// CHECK-LABEL: @dead
func.func @dead(%x: tensor<4xf32>) -> tensor<4xf32> {
  // CHECK-NEXT: %[[A:.*]] = pg.tanh %arg0
  // CHECK-NEXT: return %[[A]]
  %0:2 = pg.recur(%x, %x) order [0] skips 0 : tensor<4xf32>, tensor<4xf32>
  layer (%a: tensor<4xf32>, %b: tensor<4xf32>) {
    %1 = pg.exp %a : (tensor<4xf32>) -> tensor<4xf32>
    %2 = pg.tanh %b : (tensor<4xf32>) -> tensor<4xf32>
    pg.yield %1, %2 : tensor<4xf32>, tensor<4xf32>
  }
  return %0#1 : tensor<4xf32>
}

// CHECK-LABEL: @nested
func.func @nested(%x: tensor<4xf32>) -> tensor<4xf32> {
  // CHECK-COUNT-4: pg.exp
  // CHECK-NOT: pg.exp
  %0 = pg.recur(%x) order [0, 0] skips 0 : tensor<4xf32>
  layer (%a: tensor<4xf32>) {
    %1 = pg.recur(%a) order [0, 0] skips 0 : tensor<4xf32>
    layer (%b: tensor<4xf32>) {
      %2 = pg.exp %b : (tensor<4xf32>) -> tensor<4xf32>
      pg.yield %2 : tensor<4xf32>
    }
    pg.yield %1 : tensor<4xf32>
  }
  return %0 : tensor<4xf32>
}
