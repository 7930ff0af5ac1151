// RUN: pg-opt %s --capture-hessians | FileCheck %s

// q and k have one input, which is computed twice: they share a Hessian. v has another one more: it does not. r has no
// quantiser that reads one.
// CHECK: pg.variable @q : {{.*}}hessian = @"q:hessian"
// CHECK: pg.variable @k : {{.*}}hessian = @"q:hessian"
// CHECK: pg.variable @v : {{.*}}hessian = @"v:hessian"
// CHECK: pg.variable @r
// CHECK-NOT: hessian =
// CHECK: pg.variable @t : {{.*}}hessian = @"t:hessian"
// CHECK-NEXT: pg.variable @"q:hessian" : tensor<4x4xf32>
// CHECK-NEXT: pg.variable @"v:hessian" : tensor<4x4xf32>
// CHECK-NEXT: pg.variable @"t:hessian" : tensor<5x5xf32>
pg.variable @q : tensor<6x4xf32> {space = "parameter"}
pg.variable @k : tensor<5x4xf32> {space = "parameter"}
pg.variable @v : tensor<5x4xf32> {space = "parameter"}
pg.variable @r : tensor<5x5xf32> {space = "parameter"}
pg.variable @t : tensor<8x5xf32> {space = "parameter"}
pg.variable @"q:hessian" : tensor<4x4xf32> {space = "hessian"}
pg.variable @"k:hessian" : tensor<4x4xf32> {space = "hessian"}
pg.variable @"v:hessian" : tensor<4x4xf32> {space = "hessian"}
pg.variable @"t:hessian" : tensor<5x5xf32> {space = "hessian"}

// All leading axes are rows; what only the result needs is gone, and so are the targets.
// CHECK-LABEL: func.func @capture(%arg0: tensor<2x3xi64>) attributes
// CHECK-DAG: %[[X:.*]] = pg.neg
// CHECK-DAG: %[[ROWS:.*]] = pg.reshape %[[X]] : (tensor<2x3x4xf32>) -> tensor<6x4xf32>
// CHECK-DAG: %[[XX:.*]] = pg.matmul %[[ROWS]], %[[ROWS]] {transpose_a} : (tensor<6x4xf32>, tensor<6x4xf32>) -> tensor<4x4xf32>
// CHECK-DAG: %[[C:.*]] = pg.constant dense<2.500000e-01> : tensor<f32>
// CHECK: %[[SCALED:.*]] = pg.mul %[[XX]], %[[C]]
// CHECK: pg.accumulate %[[SCALED]], @"q:hessian" : tensor<4x4xf32>
// CHECK-NOT: @"q:hessian"
// CHECK: pg.accumulate %{{.*}}, @"v:hessian" : tensor<4x4xf32>
// CHECK: pg.accumulate %{{.*}}, @"v:hessian" : tensor<4x4xf32>
// CHECK: pg.reshape %{{.*}} : (tensor<2x3x5xf32>) -> tensor<6x5xf32>
// CHECK: pg.accumulate %{{.*}}, @"t:hessian" : tensor<5x5xf32>
// CHECK-NOT: pg.token_nll
// CHECK: return{{$}}
func.func @capture(%tokens: tensor<2x3xi64>, %targets: tensor<2x3xi64>) -> (tensor<2x3xf32> {pg.name = "nll"}, tensor<2x3x6xf32>)
    attributes {pg.role = "capture", pg.batches = 4 : i64} {
  %q = pg.load @q : tensor<6x4xf32>
  %k = pg.load @k : tensor<5x4xf32>
  %v = pg.load @v : tensor<5x4xf32>
  %r = pg.load @r : tensor<5x5xf32>
  %t = pg.load @t : tensor<8x5xf32>
  %x = pg.embed %q, %tokens : (tensor<6x4xf32>, tensor<2x3xi64>) -> tensor<2x3x4xf32>
  %y0 = pg.neg %x : (tensor<2x3x4xf32>) -> tensor<2x3x4xf32>
  %y1 = pg.neg %x : (tensor<2x3x4xf32>) -> tensor<2x3x4xf32>
  %0 = pg.linear %y0, %q : (tensor<2x3x4xf32>, tensor<6x4xf32>) -> tensor<2x3x6xf32>
  %1 = pg.linear %y1, %k : (tensor<2x3x4xf32>, tensor<5x4xf32>) -> tensor<2x3x5xf32>
  %2 = pg.linear %y1, %v : (tensor<2x3x4xf32>, tensor<5x4xf32>) -> tensor<2x3x5xf32>
  %3 = pg.linear %x, %v : (tensor<2x3x4xf32>, tensor<5x4xf32>) -> tensor<2x3x5xf32>
  %4 = pg.add %1, %2 : (tensor<2x3x5xf32>, tensor<2x3x5xf32>) -> tensor<2x3x5xf32>
  %5 = pg.add %3, %4 : (tensor<2x3x5xf32>, tensor<2x3x5xf32>) -> tensor<2x3x5xf32>
  %6 = pg.linear %5, %r : (tensor<2x3x5xf32>, tensor<5x5xf32>) -> tensor<2x3x5xf32>
  %7 = pg.transpose %t permutation [1, 0] : (tensor<8x5xf32>) -> tensor<5x8xf32>
  %8 = pg.matmul %6, %7 : (tensor<2x3x5xf32>, tensor<5x8xf32>) -> tensor<2x3x8xf32>
  %nll = pg.token_nll %8, %targets : (tensor<2x3x8xf32>, tensor<2x3xi64>) -> tensor<2x3xf32>
  return %nll, %0 : tensor<2x3xf32>, tensor<2x3x6xf32>
}

// Whoever reads a Hessian that is shared reads the one that is left.
// CHECK-LABEL: @quantize
// CHECK: pg.load @"q:hessian"
// CHECK: pg.load @"q:hessian"
func.func @quantize() -> (tensor<4x4xf32>, tensor<4x4xf32>) attributes {pg.role = "quantize"} {
  %0 = pg.load @"q:hessian" : tensor<4x4xf32>
  %1 = pg.load @"k:hessian" : tensor<4x4xf32>
  return %0, %1 : tensor<4x4xf32>, tensor<4x4xf32>
}
