// RUN: pg-opt %s --canonicalize -split-input-file | FileCheck %s

// CHECK-LABEL: @nothing_moves
func.func @nothing_moves(%x: tensor<2x1x3xf32>) -> tensor<2x1x3xf32> {
  // CHECK-NEXT: return %arg0
  %0 = pg.reduce sum %x axes [1] : (tensor<2x1x3xf32>) -> tensor<2x1x3xf32>
  %1 = pg.shift %0 axis 0 by 0 : (tensor<2x1x3xf32>) -> tensor<2x1x3xf32>
  %2 = pg.transpose %1 permutation [0, 1, 2] : (tensor<2x1x3xf32>) -> tensor<2x1x3xf32>
  %3 = pg.slice %2 offsets [0, 0, 0] sizes [2, 1, 3] : (tensor<2x1x3xf32>) -> tensor<2x1x3xf32>
  %4 = pg.pad %3 low [0, 0, 0] high [0, 0, 0] : (tensor<2x1x3xf32>) -> tensor<2x1x3xf32>
  %5 = pg.broadcast %4 : (tensor<2x1x3xf32>) -> tensor<2x1x3xf32>
  %6 = pg.reshape %5 : (tensor<2x1x3xf32>) -> tensor<6xf32>
  %7 = pg.reshape %6 : (tensor<6xf32>) -> tensor<2x1x3xf32>
  return %7 : tensor<2x1x3xf32>
}

// -----

// CHECK-LABEL: @transposes
func.func @transposes(%x: tensor<2x3x4xf32>) -> tensor<3x4x2xf32> {
  // CHECK: pg.transpose %arg0 permutation [1, 2, 0]
  // CHECK-NEXT: return
  %0 = pg.transpose %x permutation [2, 0, 1] : (tensor<2x3x4xf32>) -> tensor<4x2x3xf32>
  %1 = pg.transpose %0 permutation [2, 0, 1] : (tensor<4x2x3xf32>) -> tensor<3x4x2xf32>
  return %1 : tensor<3x4x2xf32>
}

// -----

// CHECK-LABEL: @constants
func.func @constants() -> (tensor<2x2xf32>, tensor<f32>) {
  // CHECK-DAG: pg.constant dense<3.000000e+00> : tensor<2x2xf32>
  // CHECK-DAG: pg.constant dense<5.000000e-01> : tensor<f32>
  %a = pg.constant dense<3.0> : tensor<2xf32>
  %b = arith.constant 0.5 : f64
  %0 = pg.broadcast %a : (tensor<2xf32>) -> tensor<2x2xf32>
  %1 = pg.splat %b : (f64) -> tensor<f32>
  return %0, %1 : tensor<2x2xf32>, tensor<f32>
}
