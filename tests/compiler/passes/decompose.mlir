// RUN: pg-opt %s --decompose --verify-primitive | FileCheck %s
// RUN: pg-opt %s --decompose=keep=pg.token_nll | FileCheck %s --check-prefix=KEEP

// CHECK-LABEL: @rms_norm
func.func @rms_norm(%x: tensor<2x8xf32>) -> tensor<2x8xf32> {
  // CHECK-NEXT: %[[SQUARE:.*]] = pg.mul %arg0, %arg0
  // CHECK-NEXT: %[[SUM:.*]] = pg.reduce sum %[[SQUARE]] axes [1]
  // CHECK-NEXT: %[[N:.*]] = pg.constant dense<1.250000e-01>
  // CHECK-NEXT: %[[MEAN:.*]] = pg.mul %[[SUM]], %[[N]]
  // CHECK-NEXT: %[[EPS:.*]] = pg.constant dense<1.1920929E-7>
  // CHECK-NEXT: %[[ADD:.*]] = pg.add %[[MEAN]], %[[EPS]]
  // CHECK-NEXT: %[[R:.*]] = pg.rsqrt %[[ADD]]
  // CHECK-NEXT: pg.mul %arg0, %[[R]]
  %0 = pg.rms_norm %x : (tensor<2x8xf32>) -> tensor<2x8xf32>
  return %0 : tensor<2x8xf32>
}

// CHECK-LABEL: @skip_gate
func.func @skip_gate(%x: tensor<2x8xf32>, %s: tensor<2x8xf32>, %g: tensor<8xf32>) -> tensor<2x8xf32> {
  // CHECK-NEXT: %[[T:.*]] = pg.sigmoid %arg2
  // CHECK-NEXT: %[[D:.*]] = pg.sub %arg0, %arg1
  // CHECK-NEXT: %[[M:.*]] = pg.mul %[[T]], %[[D]]
  // CHECK-NEXT: pg.add %arg1, %[[M]]
  %0 = pg.skip_gate %x, %s, %g : (tensor<2x8xf32>, tensor<2x8xf32>, tensor<8xf32>) -> tensor<2x8xf32>
  return %0 : tensor<2x8xf32>
}

// The heads of a group share their value: they get an axis of their own.
// CHECK-LABEL: @xsa
func.func @xsa(%y: tensor<1x2x4x8xf32>, %v: tensor<1x2x2x8xf32>) -> tensor<1x2x4x8xf32> {
  // CHECK: %[[N:.*]] = pg.div %arg1
  // CHECK-NEXT: %[[Y5:.*]] = pg.reshape %arg0 : (tensor<1x2x4x8xf32>) -> tensor<1x2x2x2x8xf32>
  // CHECK-NEXT: %[[N5:.*]] = pg.reshape %[[N]] : (tensor<1x2x2x8xf32>) -> tensor<1x2x2x1x8xf32>
  // CHECK-NEXT: %[[P:.*]] = pg.mul %[[Y5]], %[[N5]]
  // CHECK-NEXT: %[[DOT:.*]] = pg.reduce sum %[[P]] axes [4]
  // CHECK-NEXT: %[[ALONG:.*]] = pg.mul %[[DOT]], %[[N5]]
  // CHECK-NEXT: %[[REST:.*]] = pg.sub %[[Y5]], %[[ALONG]]
  %0 = pg.xsa %y, %v : (tensor<1x2x4x8xf32>, tensor<1x2x2x8xf32>) -> tensor<1x2x4x8xf32>
  return %0 : tensor<1x2x4x8xf32>
}

// CHECK-LABEL: @cross_entropy
// KEEP-LABEL: @cross_entropy
func.func @cross_entropy(%z: tensor<2x8xf32>, %ids: tensor<2xi64>) -> tensor<f32> {
  // CHECK: pg.pick
  // KEEP: pg.token_nll
  // KEEP: pg.reduce sum
  %0 = pg.cross_entropy %z, %ids : (tensor<2x8xf32>, tensor<2xi64>) -> tensor<f32>
  return %0 : tensor<f32>
}
