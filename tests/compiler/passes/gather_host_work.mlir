// RUN: pg-opt %s --gather-host-work | FileCheck %s

pg.variable @a : tensor<4x4xf32> {space = "leaf"}
pg.variable @b : tensor<4x4xf32> {space = "leaf"}

// The two that depend on nothing but operands come side by side; what reads one of them, and is read by a third, comes behind
// both; stores stay at the end.
// CHECK-LABEL: @quantize
// CHECK-NEXT: pg.neg %arg0
// CHECK-NEXT: pg.abs %arg0
// CHECK-NEXT: %[[A:.*]] = pg.gptq %arg0
// CHECK-NEXT: %[[B:.*]] = pg.gptq %arg0
// CHECK-NEXT: pg.sub %arg0, %[[A]]
// CHECK-NEXT: pg.svd
// CHECK-NEXT: pg.store %[[A]], @a
// CHECK-NEXT: pg.store %[[B]], @b
// CHECK-NEXT: return
func.func @quantize(%w: tensor<4x4xf32>, %s: tensor<4x1xf32>) -> (tensor<4x1xf32>) attributes {pg.role = "quantize"} {
  %h0 = pg.neg %w : (tensor<4x4xf32>) -> tensor<4x4xf32>
  %a = pg.gptq %w, %h0, %s {top = 1 : i64, block = 1 : i64, damp = 0.0 : f64} : (tensor<4x4xf32>, tensor<4x4xf32>, tensor<4x1xf32>) -> tensor<4x4xf32>
  %d = pg.sub %w, %a : (tensor<4x4xf32>, tensor<4x4xf32>) -> tensor<4x4xf32>
  %u, %t, %v = pg.svd %d {rank = 1 : i64} : (tensor<4x4xf32>) -> (tensor<4x1xf32>, tensor<1xf32>, tensor<1x4xf32>)
  %h1 = pg.abs %w : (tensor<4x4xf32>) -> tensor<4x4xf32>
  %b = pg.gptq %w, %h1, %s {top = 1 : i64, block = 1 : i64, damp = 0.0 : f64} : (tensor<4x4xf32>, tensor<4x4xf32>, tensor<4x1xf32>) -> tensor<4x4xf32>
  pg.store %a, @a : tensor<4x4xf32>
  pg.store %b, @b : tensor<4x4xf32>
  return %u : tensor<4x1xf32>
}
