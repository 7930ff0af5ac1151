// RUN: pg-opt %s --canonicalize -split-input-file | FileCheck %s

// CHECK-LABEL: @neutral
func.func @neutral(%x: tensor<4xf32>) -> tensor<4xf32> {
  // CHECK-NEXT: return %arg0
  %zero = pg.constant dense<0.0> : tensor<f32>
  %one = pg.constant dense<1.0> : tensor<4xf32>
  %0 = pg.add %zero, %x : (tensor<f32>, tensor<4xf32>) -> tensor<4xf32>
  %1 = pg.sub %0, %zero : (tensor<4xf32>, tensor<f32>) -> tensor<4xf32>
  %2 = pg.mul %1, %one : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  %3 = pg.div %2, %one : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  %4 = pg.pow %3, %one : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  %5 = pg.neg %4 : (tensor<4xf32>) -> tensor<4xf32>
  %6 = pg.neg %5 : (tensor<4xf32>) -> tensor<4xf32>
  return %6 : tensor<4xf32>
}

// -----

// A neutral element that spreads the other operand stays.
// CHECK-LABEL: @spreads
func.func @spreads(%x: tensor<f32>) -> tensor<4xf32> {
  // CHECK: pg.mul
  %one = pg.constant dense<1.0> : tensor<4xf32>
  %0 = pg.mul %x, %one : (tensor<f32>, tensor<4xf32>) -> tensor<4xf32>
  return %0 : tensor<4xf32>
}

// -----

// CHECK-LABEL: @numbers
func.func @numbers() -> (tensor<2xf32>, tensor<i64>, tensor<i64>, tensor<i64>) {
  // CHECK-DAG: dense<7.500000e-01> : tensor<2xf32>
  // CHECK-DAG: dense<-4> : tensor<i64>
  // CHECK-DAG: dense<1> : tensor<i64>
  // CHECK-DAG: dense<0> : tensor<i64>
  %a = pg.constant dense<3.0> : tensor<2xf32>
  %b = pg.constant dense<4.0> : tensor<f32>
  %c = pg.constant dense<-7> : tensor<i64>
  %d = pg.constant dense<2> : tensor<i64>
  %e = pg.constant dense<0> : tensor<i64>
  %0 = pg.div %a, %b : (tensor<2xf32>, tensor<f32>) -> tensor<2xf32>
  %1 = pg.floordiv %c, %d : (tensor<i64>, tensor<i64>) -> tensor<i64>
  %2 = pg.mod %c, %d : (tensor<i64>, tensor<i64>) -> tensor<i64>
  %3 = pg.mod %c, %e : (tensor<i64>, tensor<i64>) -> tensor<i64>
  return %0, %1, %2, %3 : tensor<2xf32>, tensor<i64>, tensor<i64>, tensor<i64>
}

// -----

// CHECK-LABEL: @rounding
func.func @rounding() -> (tensor<f32>, tensor<bf16>, tensor<f32>) {
  // CHECK-DAG: dense<2.000000e+00> : tensor<f32>
  // CHECK-DAG: dense<1.000000e+00> : tensor<bf16>
  // CHECK-DAG: dense<1.000000e+00> : tensor<f32>
  %a = pg.constant dense<2.5> : tensor<f32>
  %b = pg.constant dense<1.001> : tensor<f32>
  %m = pg.constant dense<true> : tensor<i1>
  %0 = pg.round %a : (tensor<f32>) -> tensor<f32>
  %1 = pg.convert %b : (tensor<f32>) -> tensor<bf16>
  %2 = pg.convert %m : (tensor<i1>) -> tensor<f32>
  return %0, %1, %2 : tensor<f32>, tensor<bf16>, tensor<f32>
}

// -----

// CHECK-LABEL: @comparison
func.func @comparison(%x: tensor<2xf32>, %y: tensor<2xf32>) -> tensor<2xf32> {
  // CHECK-NEXT: return %arg1
  %a = pg.constant dense<1> : tensor<i64>
  %b = pg.constant dense<2> : tensor<i64>
  %c = pg.compare gt %a, %b : (tensor<i64>, tensor<i64>) -> tensor<i1>
  %0 = pg.select %c, %x, %y : (tensor<i1>, tensor<2xf32>, tensor<2xf32>) -> tensor<2xf32>
  return %0 : tensor<2xf32>
}

// -----

// CHECK-LABEL: @powers
func.func @powers(%x: tensor<2xf32>) -> (tensor<2xf32>, tensor<2xf32>, tensor<2xf32>) {
  // CHECK-DAG: pg.mul %arg0, %arg0
  // CHECK-DAG: pg.sqrt %arg0
  // CHECK-DAG: pg.pow
  %a = pg.constant dense<2.0> : tensor<f32>
  %b = pg.constant dense<0.5> : tensor<f32>
  %c = pg.constant dense<1.5> : tensor<f32>
  %0 = pg.pow %x, %a : (tensor<2xf32>, tensor<f32>) -> tensor<2xf32>
  %1 = pg.pow %x, %b : (tensor<2xf32>, tensor<f32>) -> tensor<2xf32>
  %2 = pg.pow %x, %c : (tensor<2xf32>, tensor<f32>) -> tensor<2xf32>
  return %0, %1, %2 : tensor<2xf32>, tensor<2xf32>, tensor<2xf32>
}

// -----

// CHECK-LABEL: @signs
func.func @signs(%x: tensor<2xf32>, %y: tensor<2xf32>) -> (tensor<2xf32>, tensor<2xf32>) {
  // CHECK-DAG: pg.sub %arg0, %arg1
  // CHECK-DAG: pg.add %arg0, %arg1
  %n = pg.neg %y : (tensor<2xf32>) -> tensor<2xf32>
  %0 = pg.add %n, %x : (tensor<2xf32>, tensor<2xf32>) -> tensor<2xf32>
  %1 = pg.sub %x, %n : (tensor<2xf32>, tensor<2xf32>) -> tensor<2xf32>
  return %0, %1 : tensor<2xf32>, tensor<2xf32>
}

// -----

// What the operation spreads itself need not be spread before.
// CHECK-LABEL: @broadcast
func.func @broadcast(%x: tensor<3x4xf32>, %y: tensor<4xf32>) -> tensor<3x4xf32> {
  // CHECK: %[[HALF:.*]] = pg.constant dense<5.000000e-01> : tensor<f32>
  // CHECK-NEXT: %[[Y:.*]] = pg.sub %arg0, %arg1
  // CHECK-NEXT: pg.mul %[[Y]], %[[HALF]]
  %half = pg.constant dense<0.5> : tensor<3x4xf32>
  %0 = pg.broadcast %y : (tensor<4xf32>) -> tensor<3x4xf32>
  %1 = pg.sub %x, %0 : (tensor<3x4xf32>, tensor<3x4xf32>) -> tensor<3x4xf32>
  %2 = pg.mul %1, %half : (tensor<3x4xf32>, tensor<3x4xf32>) -> tensor<3x4xf32>
  return %2 : tensor<3x4xf32>
}
