// RUN: pg-opt %s | pg-opt | FileCheck %s
// Operations that make, move and sum elements, printed and parsed again.

func.func @f(%x: tensor<2x3x4xf32>, %s: f64, %row: tensor<4xf32>) {
  // CHECK: pg.constant dense<1.500000e+00> : tensor<2x3xf32>
  %0 = pg.constant dense<1.500000e+00> : tensor<2x3xf32>
  // CHECK: pg.splat {{.*}} : (f64) -> tensor<f32>
  %1 = pg.splat %s : (f64) -> tensor<f32>
  // CHECK: pg.step
  %2 = pg.step
  // CHECK: pg.progress
  %3 = pg.progress
  // CHECK: pg.iota axis 1 : tensor<2x3xi64>
  %4 = pg.iota axis 1 : tensor<2x3xi64>
  // CHECK: pg.reduce sum {{.*}} axes [0, 2] : (tensor<2x3x4xf32>) -> tensor<1x3x1xf32>
  %5 = pg.reduce sum %x axes [0, 2] : (tensor<2x3x4xf32>) -> tensor<1x3x1xf32>
  // CHECK: pg.reduce max {{.*}} axes [1] : (tensor<2x3x4xf32>) -> tensor<2x1x4xf32>
  %6 = pg.reduce max %x axes [1] : (tensor<2x3x4xf32>) -> tensor<2x1x4xf32>
  // CHECK: pg.partial_sum {{.*}} {chunks = 4 : i64, outer = 2 : i64} : (tensor<2x3x4xf32>) -> tensor<4x4xf32>
  %7 = pg.partial_sum %x {chunks = 4 : i64, outer = 2 : i64} : (tensor<2x3x4xf32>) -> tensor<4x4xf32>
  // CHECK: pg.cumsum {{.*}} axis 1 : (tensor<2x3x4xf32>) -> tensor<2x3x4xf32>
  %8 = pg.cumsum %x axis 1 : (tensor<2x3x4xf32>) -> tensor<2x3x4xf32>
  // CHECK: pg.cumsum {{.*}} axis 1 reverse : (tensor<2x3x4xf32>) -> tensor<2x3x4xf32>
  %9 = pg.cumsum %x axis 1 reverse : (tensor<2x3x4xf32>) -> tensor<2x3x4xf32>
  // CHECK: pg.shift {{.*}} axis 1 by -2 : (tensor<2x3x4xf32>) -> tensor<2x3x4xf32>
  %10 = pg.shift %x axis 1 by -2 : (tensor<2x3x4xf32>) -> tensor<2x3x4xf32>
  // CHECK: pg.reshape {{.*}} : (tensor<2x3x4xf32>) -> tensor<6x4xf32>
  %11 = pg.reshape %x : (tensor<2x3x4xf32>) -> tensor<6x4xf32>
  // CHECK: pg.transpose {{.*}} permutation [2, 0, 1] : (tensor<2x3x4xf32>) -> tensor<4x2x3xf32>
  %12 = pg.transpose %x permutation [2, 0, 1] : (tensor<2x3x4xf32>) -> tensor<4x2x3xf32>
  // CHECK: pg.slice {{.*}} offsets [0, 1, 0] sizes [2, 2, 1] : (tensor<2x3x4xf32>) -> tensor<2x2x1xf32>
  %13 = pg.slice %x offsets [0, 1, 0] sizes [2, 2, 1] : (tensor<2x3x4xf32>) -> tensor<2x2x1xf32>
  // CHECK: pg.pad {{.*}} low [0, 1, 0] high [0, 0, 2] : (tensor<2x3x4xf32>) -> tensor<2x4x6xf32>
  %14 = pg.pad %x low [0, 1, 0] high [0, 0, 2] : (tensor<2x3x4xf32>) -> tensor<2x4x6xf32>
  // CHECK: pg.broadcast {{.*}} : (tensor<4xf32>) -> tensor<2x3x4xf32>
  %15 = pg.broadcast %row : (tensor<4xf32>) -> tensor<2x3x4xf32>
  return
}
