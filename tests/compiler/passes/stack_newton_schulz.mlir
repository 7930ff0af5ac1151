// RUN: pg-opt %s --stack-newton-schulz | FileCheck %s
// RUN: pg-opt %s --stack-newton-schulz --expand-newton-schulz --verify-primitive | FileCheck %s --check-prefix=STEPS

pg.variable @p : tensor<3x5xf32> {space = "parameter"}
pg.variable @q : tensor<3x5xf32> {space = "parameter"}

// What is made of the first matrix waits for the stack.
// CHECK-LABEL: @two
// CHECK: %[[P:.*]] = pg.load @p
// CHECK-NEXT: %[[Q:.*]] = pg.load @q
// CHECK: %[[WHOLE:.*]] = pg.concat
// CHECK-NEXT: %[[N:.*]] = pg.newton_schulz plain %[[WHOLE]] {{.*}} -> tensor<2x3x5xf32>
// CHECK-NOT: pg.newton_schulz
// CHECK: pg.slice %[[N]] offsets [0, 0, 0] sizes [1, 3, 5]
// CHECK: pg.slice %[[N]] offsets [1, 0, 0] sizes [1, 3, 5]
// CHECK: pg.store {{.*}}, @p
// CHECK: pg.store {{.*}}, @q
// STEPS-LABEL: @two
// STEPS: pg.reduce sum {{.*}} axes [1, 2] : (tensor<2x3x5xf32>) -> tensor<2x1x1xf32>
// STEPS: pg.matmul {{.*}} {transpose_b} : (tensor<2x3x5xf32>, tensor<2x3x5xf32>) -> tensor<2x3x3xf32>
func.func @two() {
  %p = pg.load @p : tensor<3x5xf32>
  %a = pg.newton_schulz plain %p {coeffs = array<f64: 3.0, -4.0, 2.0>} : (tensor<3x5xf32>) -> tensor<3x5xf32>
  %x = pg.add %p, %a : (tensor<3x5xf32>, tensor<3x5xf32>) -> tensor<3x5xf32>
  pg.store %x, @p : tensor<3x5xf32>
  %q = pg.load @q : tensor<3x5xf32>
  %b = pg.newton_schulz plain %q {coeffs = array<f64: 3.0, -4.0, 2.0>} : (tensor<3x5xf32>) -> tensor<3x5xf32>
  pg.store %b, @q : tensor<3x5xf32>
  return
}

// One depends on the other; a store would pass a load; other coefficients.
// CHECK-LABEL: @apart
// CHECK-NOT: pg.concat
func.func @apart() {
  %p = pg.load @p : tensor<3x5xf32>
  %a = pg.newton_schulz plain %p {coeffs = array<f64: 3.0, -4.0, 2.0>} : (tensor<3x5xf32>) -> tensor<3x5xf32>
  %b = pg.newton_schulz plain %a {coeffs = array<f64: 3.0, -4.0, 2.0>} : (tensor<3x5xf32>) -> tensor<3x5xf32>
  %c = pg.newton_schulz plain %b {coeffs = array<f64: 3.0, -4.0, 1.0>} : (tensor<3x5xf32>) -> tensor<3x5xf32>
  pg.store %c, @p : tensor<3x5xf32>
  return
}
// CHECK-LABEL: @order
// CHECK-NOT: pg.concat
func.func @order() {
  %p = pg.load @p : tensor<3x5xf32>
  %a = pg.newton_schulz plain %p {coeffs = array<f64: 3.0, -4.0, 2.0>} : (tensor<3x5xf32>) -> tensor<3x5xf32>
  pg.store %a, @p : tensor<3x5xf32>
  %n = pg.load @p : tensor<3x5xf32>
  %b = pg.newton_schulz plain %n {coeffs = array<f64: 3.0, -4.0, 2.0>} : (tensor<3x5xf32>) -> tensor<3x5xf32>
  pg.store %b, @q : tensor<3x5xf32>
  return
}
