// RUN: pg-opt %s --differentiate -split-input-file -verify-diagnostics

pg.variable @p : tensor<2x8xf32> {space = "parameter"}
func.func @forward.newton(%c: tensor<2x8xf32>) -> (tensor<f32> {pg.name = "loss"}) attributes {pg.role = "forward"} {
  %p = pg.load @p : tensor<2x8xf32>
  // expected-error @+1 {{has no gradient, but the loss depends on a parameter through it}}
  %y = pg.newton_schulz plain %p {coeffs = array<f64: 3.0, -4.0, 2.0>} : (tensor<2x8xf32>) -> tensor<2x8xf32>
  %m = pg.reduce sum %y axes [0, 1] : (tensor<2x8xf32>) -> tensor<1x1xf32>
  %l = pg.reshape %m : (tensor<1x1xf32>) -> tensor<f32>
  return %l : tensor<f32>
}

// -----

// expected-error @+1 {{has no result named 'loss' to differentiate}}
func.func @forward.lossless(%x: tensor<f32>) -> tensor<f32> attributes {pg.role = "forward"} {
  return %x : tensor<f32>
}

// -----

// expected-error @+1 {{needs a loss of shape [] and of floats, not 'tensor<2xf32>'}}
func.func @forward.vector(%x: tensor<2xf32>) -> (tensor<2xf32> {pg.name = "loss"}) attributes {pg.role = "forward"} {
  return %x : tensor<2xf32>
}
