// RUN: pg-opt %s --round-residuals | FileCheck %s
// States, what visits read from outside, and complete sums of activations within visits go through bf16 and back.

// CHECK-LABEL: @residual
func.func @residual(%tokens: tensor<1x4xi64>, %x: tensor<1x4x64xf32>, %w: tensor<64xf32>) -> (tensor<1x4x64xf32>, tensor<1x4x64xf32>) {
  // CHECK: %[[XN:.*]] = pg.convert %arg1 : (tensor<1x4x64xf32>) -> tensor<1x4x64xbf16>
  // CHECK-NEXT: %[[X:.*]] = pg.convert %[[XN]]
  // CHECK-NOT: pg.convert
  // CHECK: pg.recur(%[[X]])
  %0 = pg.recur(%x) order [0, 0] skips 1 : tensor<1x4x64xf32>
  // CHECK: layer (%[[S:.*]]:
  layer (%s: tensor<1x4x64xf32>) {
    // CHECK-NEXT: %[[A:.*]] = pg.add %[[S]], %[[X]]
    // CHECK-NEXT: %[[B:.*]] = pg.add %[[A]], %[[S]]
    // CHECK-NEXT: %[[BN:.*]] = pg.convert %[[B]]
    // CHECK-NEXT: %[[BW:.*]] = pg.convert %[[BN]]
    // CHECK-NEXT: %[[C:.*]] = pg.add %[[BW]], %arg2
    // CHECK-NEXT: %[[D:.*]] = pg.mul %[[C]], %[[BW]]
    // CHECK-NEXT: %[[DN:.*]] = pg.convert %[[D]]
    // CHECK-NEXT: %[[DW:.*]] = pg.convert %[[DN]]
    // CHECK-NEXT: pg.yield %[[DW]]
    %1 = pg.add %s, %x : (tensor<1x4x64xf32>, tensor<1x4x64xf32>) -> tensor<1x4x64xf32>
    %2 = pg.add %1, %s : (tensor<1x4x64xf32>, tensor<1x4x64xf32>) -> tensor<1x4x64xf32>
    %3 = pg.add %2, %w : (tensor<1x4x64xf32>, tensor<64xf32>) -> tensor<1x4x64xf32>
    %4 = pg.mul %3, %2 : (tensor<1x4x64xf32>, tensor<1x4x64xf32>) -> tensor<1x4x64xf32>
    pg.yield %4 : tensor<1x4x64xf32>
  // CHECK: merge (%[[P:.*]]: {{.*}}, %[[Q:.*]]:
  } merge (%a: tensor<1x4x64xf32>, %b: tensor<1x4x64xf32>) {
    // CHECK-NEXT: %[[E:.*]] = pg.add %[[P]], %[[Q]]
    // CHECK-NEXT: %[[EN:.*]] = pg.convert %[[E]]
    // CHECK-NEXT: %[[EW:.*]] = pg.convert %[[EN]]
    // CHECK-NEXT: pg.yield %[[EW]]
    %1 = pg.add %a, %b : (tensor<1x4x64xf32>, tensor<1x4x64xf32>) -> tensor<1x4x64xf32>
    pg.yield %1 : tensor<1x4x64xf32>
  }
  // CHECK: return %{{.*}}, %arg1
  return %0, %x : tensor<1x4x64xf32>, tensor<1x4x64xf32>
}

// What holds few numbers a token stays, and what f32 exempts.
// CHECK-LABEL: @exempt
// CHECK-NOT: bf16
// CHECK: return
func.func @exempt(%tokens: tensor<1x4xi64>, %x: tensor<1x4x64xf32>, %y: tensor<1x4x8xf32>) -> (tensor<1x4x64xf32>, tensor<1x4x8xf32>) {
  %start = pg.f32 %x : (tensor<1x4x64xf32>) -> tensor<1x4x64xf32>
  %0:2 = pg.recur(%start, %y) order [0] skips 0 : tensor<1x4x64xf32>, tensor<1x4x8xf32>
  layer (%s: tensor<1x4x64xf32>, %t: tensor<1x4x8xf32>) {
    %1 = pg.add %t, %t : (tensor<1x4x8xf32>, tensor<1x4x8xf32>) -> tensor<1x4x8xf32>
    %2 = pg.add %s, %s : (tensor<1x4x64xf32>, tensor<1x4x64xf32>) -> tensor<1x4x64xf32>
    %3 = pg.f32 %2 : (tensor<1x4x64xf32>) -> tensor<1x4x64xf32>
    pg.yield %3, %1 : tensor<1x4x64xf32>, tensor<1x4x8xf32>
  }
  return %0#0, %0#1 : tensor<1x4x64xf32>, tensor<1x4x8xf32>
}
