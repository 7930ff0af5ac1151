// RUN: pg-opt %s | pg-opt | FileCheck %s
// Variables and their uses, printed and parsed again.

// CHECK: pg.variable @blocks.0.scale : tensor<4xf32> {group = "scalar", init = {kind = "constant", value = dense<1.000000e+00> : tensor<f32>}, space = "parameter"}
pg.variable @blocks.0.scale : tensor<4xf32> {group = "scalar", init = {kind = "constant", value = dense<1.000000e+00> : tensor<f32>}, space = "parameter"}
// CHECK: pg.variable @"blocks.0.scale:grad" : tensor<4xf32> {space = "gradient"}
pg.variable @"blocks.0.scale:grad" : tensor<4xf32> {space = "gradient"}
func.func @f() {
  // CHECK: pg.load @blocks.0.scale : tensor<4xf32>
  %0 = pg.load @blocks.0.scale : tensor<4xf32>
  // CHECK: pg.accumulate {{.*}}, @"blocks.0.scale:grad" : tensor<4xf32>
  pg.accumulate %0, @"blocks.0.scale:grad" : tensor<4xf32>
  // CHECK: pg.store {{.*}}, @blocks.0.scale : tensor<4xf32>
  pg.store %0, @blocks.0.scale : tensor<4xf32>
  return
}
