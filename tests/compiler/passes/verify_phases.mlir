// RUN: pg-opt %s --verify-expanded --verify-differentiated --verify-primitive -split-input-file -verify-diagnostics

func.func @recurrence(%x: tensor<4xf32>) -> tensor<4xf32> {
  // expected-error @+1 {{is left after expand-recurrence}}
  %0 = pg.recur(%x) order [0] skips 0 : tensor<4xf32>
  layer (%a: tensor<4xf32>) {
    pg.yield %a : tensor<4xf32>
  }
  return %0 : tensor<4xf32>
}

// -----

// expected-error @+1 {{is left after differentiate}}
func.func @forward.plain() attributes {pg.role = "forward"} {
  return
}

// -----

pg.variable @w : tensor<4xf32> {space = "parameter"}
func.func @train.plain(%x: tensor<4xf32>) attributes {pg.role = "train"} {
  // expected-error @+1 {{changes a variable in a training function}}
  pg.store %x, @w : tensor<4xf32>
  // expected-error @+1 {{adds to a variable that is no gradient in a training function}}
  pg.accumulate %x, @w : tensor<4xf32>
  return
}

// -----

func.func @composite(%x: tensor<4xf32>) -> tensor<4xf32> {
  // expected-error @+1 {{is not primitive}}
  %0 = pg.rms_norm %x : (tensor<4xf32>) -> tensor<4xf32>
  return %0 : tensor<4xf32>
}
