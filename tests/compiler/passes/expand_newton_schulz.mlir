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
  %0 = pg.newton_schulz plain %u {coeffs = array<f64: 3.0, -4.0, 2.0>} : (tensor<3x5xf32>) -> tensor<3x5xf32>
  return %0 : tensor<3x5xf32>
}

// Tall: Xᵀ X, and products from the right, without a transposition.
// CHECK-LABEL: @tall
func.func @tall(%u: tensor<5x3xf32>) -> tensor<5x3xf32> {
  // CHECK: %[[A:.*]] = pg.matmul %[[X:.*]], %[[X]] {transpose_a} : (tensor<5x3xf32>, tensor<5x3xf32>) -> tensor<3x3xf32>
  // CHECK: %[[P:.*]] = pg.add
  // CHECK: pg.matmul %[[X]], %[[P]] : (tensor<5x3xf32>, tensor<3x3xf32>) -> tensor<5x3xf32>
  %0 = pg.newton_schulz plain %u {coeffs = array<f64: 3.0, -4.0, 2.0>} : (tensor<5x3xf32>) -> tensor<5x3xf32>
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
  %0 = pg.newton_schulz gram %u {aol, coeffs = array<f64: 4.0, -6.0, 3.0, 3.0, -5.0, 2.0, 2.0, -3.0, 1.0, 2.0, -3.0, 1.0>} : (tensor<3x5xf32>) -> tensor<3x5xf32>
  return %0 : tensor<3x5xf32>
}

// The cheaper form, by multiplications. Square: two steps multiply 6 n³ in the plain form and 7 n³ in the Gram form.
// CHECK-LABEL: @cheaper_square
func.func @cheaper_square(%u: tensor<4x4xf32>) -> tensor<4x4xf32> {
  // CHECK-COUNT-6: pg.matmul
  // CHECK-NOT: pg.matmul
  %0 = pg.newton_schulz cheaper %u {coeffs = array<f64: 3.0, -4.0, 2.0, 3.0, -4.0, 2.0>} : (tensor<4x4xf32>) -> tensor<4x4xf32>
  return %0 : tensor<4x4xf32>
}

// Two steps of an r × c matrix: 4 r²c + 2 r³ against 2 r²c + 5 r³, so from c > 1.5 r on the Gram form: two of its seven products
// are with the long side.
// CHECK-LABEL: @cheaper_long
func.func @cheaper_long(%u: tensor<7x4xf32>) -> tensor<7x4xf32> {
  // CHECK: pg.matmul %{{.*}}, %{{.*}} {transpose_a} : (tensor<7x4xf32>, tensor<7x4xf32>) -> tensor<4x4xf32>
  // CHECK-COUNT-5: pg.matmul {{.*}} : (tensor<4x4xf32>, tensor<4x4xf32>) -> tensor<4x4xf32>
  // CHECK: pg.matmul %{{.*}}, %{{.*}} {transpose_b} : (tensor<7x4xf32>, tensor<4x4xf32>) -> tensor<7x4xf32>
  // CHECK-NOT: pg.matmul
  %0 = pg.newton_schulz cheaper %u {coeffs = array<f64: 3.0, -4.0, 2.0, 3.0, -4.0, 2.0>} : (tensor<7x4xf32>) -> tensor<7x4xf32>
  return %0 : tensor<7x4xf32>
}

// At c = 1.5 r both multiply as much: the plain one.
// CHECK-LABEL: @cheaper_tie
func.func @cheaper_tie(%u: tensor<4x6xf32>) -> tensor<4x6xf32> {
  // CHECK-COUNT-6: pg.matmul
  // CHECK-NOT: pg.matmul
  %0 = pg.newton_schulz cheaper %u {coeffs = array<f64: 3.0, -4.0, 2.0, 3.0, -4.0, 2.0>} : (tensor<4x6xf32>) -> tensor<4x6xf32>
  return %0 : tensor<4x6xf32>
}

// What is made of X Xᵀ in either form counts: with AOL scaling the plain form multiplies it once more.
// CHECK-LABEL: @cheaper_aol
func.func @cheaper_aol(%u: tensor<4x6xf32>) -> tensor<4x6xf32> {
  // CHECK-COUNT-7: pg.matmul
  // CHECK-NOT: pg.matmul
  %0 = pg.newton_schulz cheaper %u {aol, coeffs = array<f64: 3.0, -4.0, 2.0, 3.0, -4.0, 2.0>} : (tensor<4x6xf32>) -> tensor<4x6xf32>
  return %0 : tensor<4x6xf32>
}
