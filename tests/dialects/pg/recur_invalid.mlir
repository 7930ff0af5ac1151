// RUN: pg-opt %s -split-input-file -verify-diagnostics

func.func @unvisited(%x: tensor<4xf32>) {
  // expected-error @+1 {{never visits layer 0}}
  %0 = pg.recur(%x) order [1] skips 0 : tensor<4xf32>
  layer (%a: tensor<4xf32>) {
    pg.yield %a : tensor<4xf32>
  } layer (%a: tensor<4xf32>) {
    pg.yield %a : tensor<4xf32>
  }
  return
}

// -----

func.func @missing_merge(%x: tensor<4xf32>) {
  // expected-error @+1 {{needs 1 layers and 1 merges, but has 1 regions}}
  %0 = pg.recur(%x) order [0, 0] skips 2 : tensor<4xf32>
  layer (%a: tensor<4xf32>) {
    pg.yield %a : tensor<4xf32>
  }
  return
}

// -----

func.func @merge_without_skip(%x: tensor<4xf32>) {
  // expected-error @+1 {{has a merge whose arguments are not the state and a skip}}
  %0 = pg.recur(%x) order [0, 0] skips 1 : tensor<4xf32>
  layer (%a: tensor<4xf32>) {
    pg.yield %a : tensor<4xf32>
  } merge (%a: tensor<4xf32>) {
    pg.yield %a : tensor<4xf32>
  }
  return
}

// -----

func.func @other_state(%x: tensor<4xf32>, %y: tensor<3xf32>) {
  %0 = pg.recur(%x) order [0] skips 0 : tensor<4xf32>
  layer (%a: tensor<4xf32>) {
    // expected-error @+1 {{must give the state that the recurrence takes}}
    pg.yield %y : tensor<3xf32>
  }
  return
}

// -----

func.func @labels(%x: tensor<4xf32>) {
  // expected-error @+1 {{needs a label for each of its 2 visits}}
  %0 = pg.recur(%x) order [0, 0] skips 0 labels [1] : tensor<4xf32>
  layer (%a: tensor<4xf32>) {
    pg.yield %a : tensor<4xf32>
  }
  return
}

// -----

func.func @layer_after_merge(%x: tensor<4xf32>) {
  %0 = pg.recur(%x) order [0, 1] skips 1 : tensor<4xf32>
  layer (%a: tensor<4xf32>) {
    pg.yield %a : tensor<4xf32>
  } merge (%a: tensor<4xf32>, %b: tensor<4xf32>) {
    pg.yield %a : tensor<4xf32>
  // expected-error @+1 {{layers come before merges}}
  } layer (%a: tensor<4xf32>) {
    pg.yield %a : tensor<4xf32>
  }
  return
}
