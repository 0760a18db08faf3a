#include "cell.c"

static void step_rnn(const struct cell *cell, const float *x, number *restrict state, number *restrict gates)
{
    const int n = cell->n_hidden;
    copy(gates, cell->bias, n);
    add_product(cell->input, x, gates);
    add_product(cell->recurrent, state, gates);
    for (int k = 0; k < n; k++) {
        state[k] = hyperbolic(gates[k]);
    }
}
