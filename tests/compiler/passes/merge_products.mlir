// RUN: pg-opt %s --merge-products --split-input-file | FileCheck %s
// RUN: pg-opt %s --merge-products --differentiate --decompose --canonicalize --cse --prune --split-input-file | FileCheck %s --check-prefix=GRAD

pg.variable @q : tensor<8x16xf32> {space = "parameter"}
pg.variable @k : tensor<4x16xf32> {space = "parameter"}
pg.variable @scale : tensor<f32> {space = "parameter"}

// Any number and any widths; what a weight is made of moves along.
// CHECK-LABEL: func.func @forward
// CHECK-SAME: %[[X:.*]]: tensor<2x3x16xf32>
// CHECK-DAG: %[[Q:.*]] = pg.load @q
// CHECK-DAG: %[[K:.*]] = pg.load @k
// CHECK-DAG: %[[S:.*]] = pg.mul %[[K]], %{{.*}}
// CHECK: %[[W:.*]] = pg.concat %[[Q]], %[[K]], %[[S]] : (tensor<8x16xf32>, tensor<4x16xf32>, tensor<4x16xf32>) -> tensor<16x16xf32>
// CHECK: %[[Y:.*]] = pg.linear %[[X]], %[[W]] : (tensor<2x3x16xf32>, tensor<16x16xf32>) -> tensor<2x3x16xf32>
// CHECK: pg.slice %[[Y]] offsets [0, 0, 0] sizes [2, 3, 8]
// CHECK: pg.slice %[[Y]] offsets [0, 0, 8] sizes [2, 3, 4]
// CHECK: pg.slice %[[Y]] offsets [0, 0, 12] sizes [2, 3, 4]
// CHECK-NOT: pg.linear

// The backward pass has one product for x, were it asked for, and one for all weights.
// GRAD-LABEL: func.func @train
// GRAD: pg.linear
// GRAD: %[[D:.*]] = pg.matmul %{{.*}}, %{{.*}} {transpose_a} : (tensor<6x16xf32>, tensor<6x16xf32>) -> tensor<16x16xf32>
// GRAD-NOT: pg.matmul
// GRAD-DAG: %[[DQ:.*]] = pg.slice %[[D]] offsets [0, 0] sizes [8, 16]
// GRAD-DAG: pg.accumulate %[[DQ]], @"q:grad"
func.func @forward(%x: tensor<2x3x16xf32>) -> (tensor<f32> {pg.name = "loss"}) attributes {pg.role = "forward", pg.phase = ""} {
  %q = pg.load @q : tensor<8x16xf32>
  %0 = pg.linear %x, %q : (tensor<2x3x16xf32>, tensor<8x16xf32>) -> tensor<2x3x8xf32>
  %k = pg.load @k : tensor<4x16xf32>
  %1 = pg.linear %x, %k : (tensor<2x3x16xf32>, tensor<4x16xf32>) -> tensor<2x3x4xf32>
  %s = pg.load @scale : tensor<f32>
  %ks = pg.mul %k, %s : (tensor<4x16xf32>, tensor<f32>) -> tensor<4x16xf32>
  %2 = pg.linear %x, %ks : (tensor<2x3x16xf32>, tensor<4x16xf32>) -> tensor<2x3x4xf32>
  %a = pg.reduce sum %0 axes [0, 1, 2] : (tensor<2x3x8xf32>) -> tensor<1x1x1xf32>
  %b = pg.reduce sum %1 axes [0, 1, 2] : (tensor<2x3x4xf32>) -> tensor<1x1x1xf32>
  %c = pg.reduce sum %2 axes [0, 1, 2] : (tensor<2x3x4xf32>) -> tensor<1x1x1xf32>
  %ab = pg.add %a, %b : (tensor<1x1x1xf32>, tensor<1x1x1xf32>) -> tensor<1x1x1xf32>
  %abc = pg.mul %ab, %c : (tensor<1x1x1xf32>, tensor<1x1x1xf32>) -> tensor<1x1x1xf32>
  %l = pg.reshape %abc : (tensor<1x1x1xf32>) -> tensor<f32>
  return %l : tensor<f32>
}

// -----
// Apart stay products that end in elementwise work, that are to be kept in float32, or whose weights are no parameters.

pg.variable @a : tensor<8x16xf32> {space = "parameter"}
pg.variable @b : tensor<8x16xf32> {space = "parameter"}

// CHECK-LABEL: func.func @score
// CHECK-NOT: pg.concat
func.func @score(%x: tensor<3x16xf32>, %w: tensor<8x16xf32>) -> tensor<3x8xf32> attributes {pg.role = "score", pg.phase = ""} {
  %a = pg.load @a : tensor<8x16xf32>
  %b = pg.load @b : tensor<8x16xf32>
  %bf = pg.f32 %b : (tensor<8x16xf32>) -> tensor<8x16xf32>
  %0 = pg.linear %x, %a : (tensor<3x16xf32>, tensor<8x16xf32>) -> tensor<3x8xf32>
  %1 = pg.linear %x, %bf : (tensor<3x16xf32>, tensor<8x16xf32>) -> tensor<3x8xf32>
  %2 = pg.linear %x, %w : (tensor<3x16xf32>, tensor<8x16xf32>) -> tensor<3x8xf32>
  %3 = pg.linear %x, %b : (tensor<3x16xf32>, tensor<8x16xf32>) -> tensor<3x8xf32>
  %4 = pg.mul %3, %3 : (tensor<3x8xf32>, tensor<3x8xf32>) -> tensor<3x8xf32>
  %r = pg.reduce sum %0 axes [1] : (tensor<3x8xf32>) -> tensor<3x1xf32>
  %t = pg.reduce sum %1 axes [1] : (tensor<3x8xf32>) -> tensor<3x1xf32>
  %u = pg.reduce sum %2 axes [1] : (tensor<3x8xf32>) -> tensor<3x1xf32>
  %rt = pg.add %r, %t : (tensor<3x1xf32>, tensor<3x1xf32>) -> tensor<3x1xf32>
  %rtu = pg.add %rt, %u : (tensor<3x1xf32>, tensor<3x1xf32>) -> tensor<3x1xf32>
  %y = pg.mul %4, %rtu : (tensor<3x8xf32>, tensor<3x1xf32>) -> tensor<3x8xf32>
  return %y : tensor<3x8xf32>
}
