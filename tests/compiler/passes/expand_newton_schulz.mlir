// RUN: pg-opt %s --expand-newton-schulz --verify-primitive | FileCheck %s

// Wide: X Xᵀ, and products from the left.
// CHECK-LABEL: @wide
func.func @wide(%u: tensor<3x5xf32>) -> tensor<3x5xf32> {
  // CHECK: %[[NORM:.*]] = pg.sqrt
  // CHECK: %[[ADD:.*]] = pg.add %[[NORM]]
  // CHECK: %[[X:.*]] = pg.div %arg0, %[[ADD]]
  // CHECK: %[[A:.*]] = pg.matmul %[[X]], %[[X]] {transpose_b} : (tensor<3x5xf32>, tensor<3x5xf32>) -> tensor<3x3xf32>
  // CHECK: %[[AA:.*]] = pg.matmul %[[A]], %[[A]]
  // CHECK: %[[P:.*]] = pg.add
  // CHECK: pg.matmul %[[P]], %[[X]] : (tensor<3x3xf32>, tensor<3x5xf32>) -> tensor<3x5xf32>
  // CHECK-NOT: pg.matmul
  %0 = pg.newton_schulz %u {coeffs = array<f64: 3.0, -4.0, 2.0>} : (tensor<3x5xf32>) -> tensor<3x5xf32>
  return %0 : tensor<3x5xf32>
}

// Tall: Xᵀ X, and products from the right, without a transposition.
// CHECK-LABEL: @tall
func.func @tall(%u: tensor<5x3xf32>) -> tensor<5x3xf32> {
  // CHECK: %[[A:.*]] = pg.matmul %[[X:.*]], %[[X]] {transpose_a} : (tensor<5x3xf32>, tensor<5x3xf32>) -> tensor<3x3xf32>
  // CHECK: %[[P:.*]] = pg.add
  // CHECK: pg.matmul %[[X]], %[[P]] : (tensor<5x3xf32>, tensor<3x3xf32>) -> tensor<5x3xf32>
  %0 = pg.newton_schulz %u {coeffs = array<f64: 3.0, -4.0, 2.0>} : (tensor<5x3xf32>) -> tensor<5x3xf32>
  return %0 : tensor<5x3xf32>
}

// Gram form: two steps on R and Q, a restart, two more.
// CHECK-LABEL: @gram
func.func @gram(%u: tensor<3x5xf32>) -> tensor<3x5xf32> {
  // CHECK: %[[D:.*]] = pg.rsqrt
  // CHECK: pg.mul %{{.*}}, %[[D]] : (tensor<3x5xf32>, tensor<3x1xf32>) -> tensor<3x5xf32>
  // CHECK: %[[X:.*]] = pg.matmul %{{.*}}, %{{.*}} : (tensor<3x3xf32>, tensor<3x5xf32>) -> tensor<3x5xf32>
  // CHECK-NEXT: pg.matmul %[[X]], %[[X]] {transpose_b}
  // CHECK: %[[Y:.*]] = pg.matmul %{{.*}}, %[[X]] : (tensor<3x3xf32>, tensor<3x5xf32>) -> tensor<3x5xf32>
  // CHECK-NEXT: return %[[Y]]
  %0 = pg.newton_schulz %u {aol, gram, coeffs = array<f64: 4.0, -6.0, 3.0, 3.0, -5.0, 2.0, 2.0, -3.0, 1.0, 2.0, -3.0, 1.0>} : (tensor<3x5xf32>) -> tensor<3x5xf32>
  return %0 : tensor<3x5xf32>
}
