// RUN: pg-opt %s --rematerialize | FileCheck %s
// RUN: pg-opt %s --rematerialize=keep-factors=true | FileCheck %s --check-prefix=KEEP

pg.variable @dx : tensor<1x4x64xf32> {space = "state"}
pg.variable @"w:grad" : tensor<64x64xf32> {space = "gradient"}

// The squared activation is computed again from the product, beside its use; the product itself is kept.
// CHECK-LABEL: @train.plain
func.func @train.plain(%tokens: tensor<1x4xi64>, %x: tensor<1x4x64xf32>, %w: tensor<64x64xf32>) -> tensor<1x1x1xf32> attributes {pg.role = "train"} {
  // CHECK: %[[T:.*]] = pg.linear
  // CHECK-NEXT: %[[H:.*]] = pg.mul %[[T]], %[[T]] :
  // CHECK-NEXT: pg.linear %[[H]]
  %t = pg.linear %x, %w : (tensor<1x4x64xf32>, tensor<64x64xf32>) -> tensor<1x4x64xf32>
  %h = pg.mul %t, %t : (tensor<1x4x64xf32>, tensor<1x4x64xf32>) -> tensor<1x4x64xf32>
  %y = pg.linear %h, %w : (tensor<1x4x64xf32>, tensor<64x64xf32>) -> tensor<1x4x64xf32>
  %loss = pg.reduce sum %y axes [0, 1, 2] : (tensor<1x4x64xf32>) -> tensor<1x1x1xf32>
  // CHECK: %[[ONE:.*]] = pg.constant
  // CHECK: %[[AGAIN:.*]] = pg.mul %[[T]], %[[T]] {pg.recompute}
  // CHECK-NEXT: pg.reshape %[[AGAIN]] :
  %g = pg.constant dense<1.0> : tensor<4x64xf32>
  %hf = pg.reshape %h : (tensor<1x4x64xf32>) -> tensor<4x64xf32>
  %dw = pg.matmul %g, %hf {transpose_a} : (tensor<4x64xf32>, tensor<4x64xf32>) -> tensor<64x64xf32>
  pg.accumulate %dw, @"w:grad" : tensor<64x64xf32>
  return %loss : tensor<1x1x1xf32>
}

// What the product reads as bf16 is computed again for the weight's gradient, right before it, or kept.
// CHECK-LABEL: @train.narrow
// KEEP-LABEL: @train.narrow
func.func @train.narrow(%tokens: tensor<1x4xi64>, %x: tensor<1x4x64xf32>, %w: tensor<64x64xf32>, %v: tensor<64x64xbf16>) -> tensor<1x1x1xf32> attributes {pg.role = "train"} {
  // CHECK: %[[T:.*]] = pg.linear
  // KEEP: %[[NARROW:.*]] = pg.convert
  // KEEP-NEXT: pg.linear %[[NARROW]]
  %t = pg.linear %x, %w : (tensor<1x4x64xf32>, tensor<64x64xf32>) -> tensor<1x4x64xf32>
  %h = pg.mul %t, %t : (tensor<1x4x64xf32>, tensor<1x4x64xf32>) -> tensor<1x4x64xf32>
  %n = pg.convert %h : (tensor<1x4x64xf32>) -> tensor<1x4x64xbf16>
  %y = pg.linear %n, %v : (tensor<1x4x64xbf16>, tensor<64x64xbf16>) -> tensor<1x4x64xf32>
  %loss = pg.reduce sum %y axes [0, 1, 2] : (tensor<1x4x64xf32>) -> tensor<1x1x1xf32>
  // KEEP-NOT: pg.recompute
  // KEEP: pg.reshape %[[NARROW]]
  // KEEP-NOT: pg.recompute
  // KEEP: return
  // CHECK: pg.store
  // CHECK-NEXT: %[[SQUARE:.*]] = pg.mul %[[T]], %[[T]] {pg.recompute}
  // CHECK-NEXT: %[[AGAIN:.*]] = pg.convert %[[SQUARE]] {pg.recompute}
  // CHECK-NEXT: %[[FLAT:.*]] = pg.reshape %[[AGAIN]] :
  // CHECK-NEXT: pg.matmul %{{.*}}, %[[FLAT]]
  %g = pg.constant dense<1.0> : tensor<4x64xbf16>
  %nf = pg.reshape %n : (tensor<1x4x64xbf16>) -> tensor<4x64xbf16>
  %dx = pg.linear %x, %w : (tensor<1x4x64xf32>, tensor<64x64xf32>) -> tensor<1x4x64xf32>
  pg.store %dx, @dx : tensor<1x4x64xf32>
  %dw = pg.matmul %g, %nf {transpose_a} : (tensor<4x64xbf16>, tensor<4x64xbf16>) -> tensor<64x64xf32>
  pg.accumulate %dw, @"w:grad" : tensor<64x64xf32>
  return %loss : tensor<1x1x1xf32>
}

// Of what comes in many parts, the parts are kept as they are held in bf16, and added where the last one is there.
// CHECK-LABEL: @train.sums
func.func @train.sums(%tokens: tensor<1x4xi64>, %a: tensor<1x4x64xbf16>, %b: tensor<1x4x64xbf16>, %c: tensor<1x4x64xf32>, %s: tensor<64xf32>) -> tensor<1x4x64xf32> attributes {pg.role = "train"} {
  // CHECK: %[[CN:.*]] = pg.convert %arg3
  // CHECK: %[[A:.*]] = pg.convert %arg1 {pg.recompute}
  // CHECK-NEXT: %[[AS:.*]] = pg.mul %[[A]], %arg4 {pg.recompute}
  // CHECK-NEXT: %[[B:.*]] = pg.convert %arg2 {pg.recompute}
  // CHECK-NEXT: %[[SUM:.*]] = pg.add %[[AS]], %[[B]] {pg.recompute}
  // CHECK: %[[C:.*]] = pg.convert %[[CN]] {pg.recompute}
  // CHECK-NEXT: pg.add %[[SUM]], %[[C]] :
  %aw = pg.convert %a : (tensor<1x4x64xbf16>) -> tensor<1x4x64xf32>
  %as = pg.mul %aw, %s : (tensor<1x4x64xf32>, tensor<64xf32>) -> tensor<1x4x64xf32>
  %bw = pg.convert %b : (tensor<1x4x64xbf16>) -> tensor<1x4x64xf32>
  %cn = pg.convert %c : (tensor<1x4x64xf32>) -> tensor<1x4x64xbf16>
  %cw = pg.convert %cn : (tensor<1x4x64xbf16>) -> tensor<1x4x64xf32>
  %ab = pg.add %as, %bw : (tensor<1x4x64xf32>, tensor<1x4x64xf32>) -> tensor<1x4x64xf32>
  %abc = pg.add %ab, %cw : (tensor<1x4x64xf32>, tensor<1x4x64xf32>) -> tensor<1x4x64xf32>
  return %abc : tensor<1x4x64xf32>
}
