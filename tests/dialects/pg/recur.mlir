// RUN: pg-opt %s | pg-opt | FileCheck %s
// A recurrence with layers, a merge and labels, printed and parsed again.

// CHECK-LABEL: @skips
func.func @skips(%x: tensor<4xf32>, %y: tensor<2xf32>) -> tensor<4xf32> {
  // CHECK: %[[R:.*]]:2 = pg.recur(%{{.*}}, %{{.*}}) order [0, 1, 1] skips 1 labels [7, 8, 8] : tensor<4xf32>, tensor<2xf32>
  // CHECK-NEXT: layer (%[[A:.*]]: tensor<4xf32>, %[[B:.*]]: tensor<2xf32>) {
  // CHECK-NEXT:   pg.yield %[[A]], %[[B]] : tensor<4xf32>, tensor<2xf32>
  // CHECK-NEXT: } layer (%{{.*}}: tensor<4xf32>, %{{.*}}: tensor<2xf32>) {
  // CHECK:      } merge (%{{.*}}: tensor<4xf32>, %{{.*}}: tensor<2xf32>, %{{.*}}: tensor<4xf32>, %{{.*}}: tensor<2xf32>) {
  %0:2 = pg.recur(%x, %y) order [0, 1, 1] skips 1 labels [7, 8, 8] : tensor<4xf32>, tensor<2xf32>
  layer (%a: tensor<4xf32>, %b: tensor<2xf32>) {
    pg.yield %a, %b : tensor<4xf32>, tensor<2xf32>
  } layer (%a: tensor<4xf32>, %b: tensor<2xf32>) {
    %c = pg.add %a, %x : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
    pg.yield %c, %b : tensor<4xf32>, tensor<2xf32>
  } merge (%a: tensor<4xf32>, %b: tensor<2xf32>, %c: tensor<4xf32>, %d: tensor<2xf32>) {
    pg.yield %c, %b : tensor<4xf32>, tensor<2xf32>
  }
  return %0#0 : tensor<4xf32>
}
