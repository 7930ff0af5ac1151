// RUN: pg-opt %s | pg-opt | FileCheck %s
// Composites, printed and parsed again.

func.func @f(%x: tensor<2x3x4xf32>, %g: tensor<4xf32>, %ids: tensor<2x3xi64>, %u: tensor<3x5xf32>) {
  // CHECK: pg.leaky_relu {{.*}} {slope = 5.000000e-01 : f64} : (tensor<2x3x4xf32>) -> tensor<2x3x4xf32>
  %0 = pg.leaky_relu %x {slope = 5.000000e-01 : f64} : (tensor<2x3x4xf32>) -> tensor<2x3x4xf32>
  // CHECK: pg.clamp {{.*}} {hi = 1.000000e+00 : f64, lo = -1.000000e+00 : f64} : (tensor<2x3x4xf32>) -> tensor<2x3x4xf32>
  %1 = pg.clamp %x {hi = 1.000000e+00 : f64, lo = -1.000000e+00 : f64} : (tensor<2x3x4xf32>) -> tensor<2x3x4xf32>
  // CHECK: pg.lerp {{.*}}, {{.*}}, {{.*}} : (tensor<2x3x4xf32>, tensor<4xf32>, tensor<4xf32>) -> tensor<2x3x4xf32>
  %2 = pg.lerp %x, %g, %g : (tensor<2x3x4xf32>, tensor<4xf32>, tensor<4xf32>) -> tensor<2x3x4xf32>
  // CHECK: pg.skip_gate {{.*}}, {{.*}}, {{.*}} : (tensor<2x3x4xf32>, tensor<2x3x4xf32>, tensor<4xf32>) -> tensor<2x3x4xf32>
  %3 = pg.skip_gate %x, %x, %g : (tensor<2x3x4xf32>, tensor<2x3x4xf32>, tensor<4xf32>) -> tensor<2x3x4xf32>
  // CHECK: pg.tanh_cap {{.*}} {cap = 3.000000e+01 : f64} : (tensor<2x3x4xf32>) -> tensor<2x3x4xf32>
  %4 = pg.tanh_cap %x {cap = 3.000000e+01 : f64} : (tensor<2x3x4xf32>) -> tensor<2x3x4xf32>
  // CHECK: pg.rms_norm {{.*}} : (tensor<2x3x4xf32>) -> tensor<2x3x4xf32>
  %5 = pg.rms_norm %x : (tensor<2x3x4xf32>) -> tensor<2x3x4xf32>
  // CHECK: pg.normalize {{.*}} : (tensor<2x3x4xf32>) -> tensor<2x3x4xf32>
  %6 = pg.normalize %x : (tensor<2x3x4xf32>) -> tensor<2x3x4xf32>
  // CHECK: pg.mean {{.*}} axes [0, 1] : (tensor<2x3x4xf32>) -> tensor<1x1x4xf32>
  %7 = pg.mean %x axes [0, 1] : (tensor<2x3x4xf32>) -> tensor<1x1x4xf32>
  // CHECK: pg.norm {{.*}} axes [2] : (tensor<2x3x4xf32>) -> tensor<2x3x1xf32>
  %8 = pg.norm %x axes [2] : (tensor<2x3x4xf32>) -> tensor<2x3x1xf32>
  // CHECK: pg.std {{.*}} axes [2] : (tensor<2x3x4xf32>) -> tensor<2x3x1xf32>
  %9 = pg.std %x axes [2] : (tensor<2x3x4xf32>) -> tensor<2x3x1xf32>
  // CHECK: pg.logsumexp {{.*}} axis 2 : (tensor<2x3x4xf32>) -> tensor<2x3x1xf32>
  %10 = pg.logsumexp %x axis 2 : (tensor<2x3x4xf32>) -> tensor<2x3x1xf32>
  // CHECK: pg.quantile {{.*}} {axis = 1 : i64, q = 9.000000e-01 : f64} : (tensor<2x3x4xf32>) -> tensor<2x1x4xf32>
  %11 = pg.quantile %x {axis = 1 : i64, q = 9.000000e-01 : f64} : (tensor<2x3x4xf32>) -> tensor<2x1x4xf32>
  // CHECK: pg.token_nll {{.*}}, {{.*}} : (tensor<2x3x4xf32>, tensor<2x3xi64>) -> tensor<2x3xf32>
  %12 = pg.token_nll %x, %ids : (tensor<2x3x4xf32>, tensor<2x3xi64>) -> tensor<2x3xf32>
  // CHECK: pg.cross_entropy {{.*}}, {{.*}} : (tensor<2x3x4xf32>, tensor<2x3xi64>) -> tensor<f32>
  %13 = pg.cross_entropy %x, %ids : (tensor<2x3x4xf32>, tensor<2x3xi64>) -> tensor<f32>
  // CHECK: pg.newton_schulz gram {{.*}} {aol, coeffs = array<f64: 3.000000e+00, -4.000000e+00, 2.000000e+00>} : (tensor<3x5xf32>) -> tensor<3x5xf32>
  %14 = pg.newton_schulz gram %u {aol, coeffs = array<f64: 3.000000e+00, -4.000000e+00, 2.000000e+00>} : (tensor<3x5xf32>) -> tensor<3x5xf32>
  return
}
