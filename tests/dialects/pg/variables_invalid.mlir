// RUN: pg-opt %s -split-input-file -verify-diagnostics

func.func @nowhere() {
  // expected-error @+1 {{names no variable: @w}}
  %0 = pg.load @w : tensor<4xf32>
  return
}

// -----

// expected-note @+1 {{the variable is here}}
pg.variable @w : tensor<4xf32> {space = "parameter"}
func.func @type(%x: tensor<3xf32>) {
  // expected-error @+1 {{has type 'tensor<3xf32>', the variable 'tensor<4xf32>'}}
  pg.store %x, @w : tensor<3xf32>
  return
}

// -----

// expected-error @+1 {{has an init of unknown kind 'uniform'}}
pg.variable @w : tensor<4xf32> {space = "parameter", init = {kind = "uniform"}}

// -----

// expected-error @+1 {{has an init that does not spread to its shape}}
pg.variable @w : tensor<4xf32> {space = "parameter", init = {kind = "constant", value = dense<0.0> : tensor<3xf32>}}
