// RUN: pg-opt %s --differentiate --decompose --canonicalize --cse | FileCheck %s
// Closed forms share with the forward pass what both need.

pg.variable @p : tensor<2x8xf32> {space = "parameter"}

// CHECK-LABEL: func.func @train.rms
func.func @forward.rms(%c: tensor<2x8xf32>) -> (tensor<f32> {pg.name = "loss"}) attributes {pg.role = "forward"} {
  // CHECK-COUNT-1: pg.rsqrt
  // CHECK-NOT: pg.rsqrt
  %p = pg.load @p : tensor<2x8xf32>
  %y = pg.rms_norm %p : (tensor<2x8xf32>) -> tensor<2x8xf32>
  %z = pg.mul %y, %c : (tensor<2x8xf32>, tensor<2x8xf32>) -> tensor<2x8xf32>
  %m = pg.mean %z axes [0, 1] : (tensor<2x8xf32>) -> tensor<1x1xf32>
  %l = pg.reshape %m : (tensor<1x1xf32>) -> tensor<f32>
  return %l : tensor<f32>
}

// CHECK-LABEL: func.func @train.cross_entropy
func.func @forward.cross_entropy(%ids: tensor<2xi64>) -> (tensor<f32> {pg.name = "loss"}) attributes {pg.role = "forward"} {
  // CHECK-DAG: %[[N:.*]] = pg.constant dense<5.000000e-01> : tensor<f32>
  // CHECK: %[[T:.*]] = pg.tanh
  // CHECK: %[[E:.*]] = pg.exp
  // CHECK: %[[SUM:.*]] = pg.reduce sum %[[E]] axes [1]
  // CHECK: %[[I:.*]] = pg.div %{{.*}}, %[[SUM]]
  // CHECK: %[[P:.*]] = pg.mul %[[E]], %[[I]]
  // CHECK: %[[HOT:.*]] = pg.convert
  // CHECK: %[[D:.*]] = pg.sub %[[P]], %[[HOT]]
  // CHECK: pg.mul %[[D]], %[[N]]
  // CHECK: pg.mul %[[T]], %[[T]]
  // CHECK: pg.accumulate
  %p = pg.load @p : tensor<2x8xf32>
  %z = pg.tanh_cap %p {cap = 30.0 : f64} : (tensor<2x8xf32>) -> tensor<2x8xf32>
  %l = pg.cross_entropy %z, %ids : (tensor<2x8xf32>, tensor<2xi64>) -> tensor<f32>
  return %l : tensor<f32>
}
