// RUN: pg-opt %s --join-weight-gradients --split-input-file | FileCheck %s

pg.variable @"w:grad" : tensor<4x8xf32> {space = "gradient"}

// What visits of different widths add to the same gradient stays apart; what is the same sum over more positions is one product.
// CHECK-LABEL: func.func @visits
// CHECK-SAME: %[[A0:.*]]: tensor<6x4xf32>, %[[B0:.*]]: tensor<6x8xf32>, %[[A1:.*]]: tensor<6x4xf32>, %[[B1:.*]]: tensor<6x8xf32>
// CHECK: %[[C:.*]] = pg.matmul %{{.*}}, %{{.*}} {transpose_a} : (tensor<5x4xf32>
// CHECK: pg.accumulate %[[C]], @"w:grad"
// CHECK: %[[A:.*]] = pg.concat %[[A0]], %[[A1]] : (tensor<6x4xf32>, tensor<6x4xf32>) -> tensor<12x4xf32>
// CHECK: %[[B:.*]] = pg.concat %[[B0]], %[[B1]] : (tensor<6x8xf32>, tensor<6x8xf32>) -> tensor<12x8xf32>
// CHECK: %[[D:.*]] = pg.matmul %[[A]], %[[B]] {transpose_a} : (tensor<12x4xf32>, tensor<12x8xf32>) -> tensor<4x8xf32>
// CHECK: pg.accumulate %[[D]], @"w:grad"
// CHECK-NOT: pg.accumulate
// CHECK: return
func.func @visits(%a0: tensor<6x4xf32>, %b0: tensor<6x8xf32>, %a1: tensor<6x4xf32>, %b1: tensor<6x8xf32>, %a2: tensor<5x4xf32>, %b2: tensor<5x8xf32>) attributes {pg.role = "train"} {
  %0 = pg.matmul %a0, %b0 {transpose_a} : (tensor<6x4xf32>, tensor<6x8xf32>) -> tensor<4x8xf32>
  pg.accumulate %0, @"w:grad" : tensor<4x8xf32>
  %2 = pg.matmul %a2, %b2 {transpose_a} : (tensor<5x4xf32>, tensor<5x8xf32>) -> tensor<4x8xf32>
  pg.accumulate %2, @"w:grad" : tensor<4x8xf32>
  %1 = pg.matmul %a1, %b1 {transpose_a} : (tensor<6x4xf32>, tensor<6x8xf32>) -> tensor<4x8xf32>
  pg.accumulate %1, @"w:grad" : tensor<4x8xf32>
  return
}

// -----

pg.variable @"q:grad" : tensor<3x8xf32> {space = "gradient"}
pg.variable @"k:grad" : tensor<1x8xf32> {space = "gradient"}

// Weights that were joined: each slice is added where its weight is.
// CHECK-LABEL: func.func @slices
// CHECK: %[[D:.*]] = pg.matmul %{{.*}}, %{{.*}} {transpose_a} : (tensor<12x4xf32>, tensor<12x8xf32>) -> tensor<4x8xf32>
// CHECK-DAG: %[[Q:.*]] = pg.slice %[[D]] offsets [0, 0] sizes [3, 8]
// CHECK-DAG: %[[K:.*]] = pg.slice %[[D]] offsets [3, 0] sizes [1, 8]
// CHECK-DAG: pg.accumulate %[[Q]], @"q:grad"
// CHECK-DAG: pg.accumulate %[[K]], @"k:grad"
// CHECK-NOT: pg.matmul
// CHECK: return
func.func @slices(%a0: tensor<6x4xf32>, %b0: tensor<6x8xf32>, %a1: tensor<6x4xf32>, %b1: tensor<6x8xf32>) attributes {pg.role = "train"} {
  %0 = pg.matmul %a0, %b0 {transpose_a} : (tensor<6x4xf32>, tensor<6x8xf32>) -> tensor<4x8xf32>
  %q0 = pg.slice %0 offsets [0, 0] sizes [3, 8] : (tensor<4x8xf32>) -> tensor<3x8xf32>
  %k0 = pg.slice %0 offsets [3, 0] sizes [1, 8] : (tensor<4x8xf32>) -> tensor<1x8xf32>
  pg.accumulate %q0, @"q:grad" : tensor<3x8xf32>
  pg.accumulate %k0, @"k:grad" : tensor<1x8xf32>
  %1 = pg.matmul %a1, %b1 {transpose_a} : (tensor<6x4xf32>, tensor<6x8xf32>) -> tensor<4x8xf32>
  %k1 = pg.slice %1 offsets [3, 0] sizes [1, 8] : (tensor<4x8xf32>) -> tensor<1x8xf32>
  %q1 = pg.slice %1 offsets [0, 0] sizes [3, 8] : (tensor<4x8xf32>) -> tensor<3x8xf32>
  pg.accumulate %k1, @"k:grad" : tensor<1x8xf32>
  pg.accumulate %q1, @"q:grad" : tensor<3x8xf32>
  return
}

// -----

pg.variable @"w:grad" : tensor<4x8xf32> {space = "gradient"}
pg.variable @"v:grad" : tensor<4x8xf32> {space = "gradient"}

// Left alone: a product that something else reads; a variable that is read; other variables.
// CHECK-LABEL: func.func @apart
// CHECK-NOT: pg.concat
// CHECK: return
func.func @apart(%a0: tensor<6x4xf32>, %b0: tensor<6x8xf32>, %a1: tensor<6x4xf32>, %b1: tensor<6x8xf32>) -> (tensor<4x8xf32>, tensor<4x8xf32>) attributes {pg.role = "train"} {
  %0 = pg.matmul %a0, %b0 {transpose_a} : (tensor<6x4xf32>, tensor<6x8xf32>) -> tensor<4x8xf32>
  pg.accumulate %0, @"w:grad" : tensor<4x8xf32>
  %w = pg.load @"w:grad" : tensor<4x8xf32>
  %1 = pg.matmul %a1, %b1 {transpose_a} : (tensor<6x4xf32>, tensor<6x8xf32>) -> tensor<4x8xf32>
  pg.accumulate %1, @"w:grad" : tensor<4x8xf32>
  %2 = pg.matmul %a0, %b1 {transpose_a} : (tensor<6x4xf32>, tensor<6x8xf32>) -> tensor<4x8xf32>
  pg.accumulate %2, @"v:grad" : tensor<4x8xf32>
  %3 = pg.matmul %a1, %b0 {transpose_a} : (tensor<6x4xf32>, tensor<6x8xf32>) -> tensor<4x8xf32>
  pg.accumulate %3, @"v:grad" : tensor<4x8xf32>
  return %w, %3 : tensor<4x8xf32>, tensor<4x8xf32>
}
