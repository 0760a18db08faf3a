#include "cell.c"

/* Gates: what the input says of the new state, reset, update, what the state says of it (Cho et al. 2014; torch). */
static void step_gru(const struct cell *cell, const float *x, number *restrict state, number *restrict gates)
{
    const int n = cell->n_hidden;
    const float *reset = gates + n, *update = gates + 2 * n, *own = gates + 3 * n;
    copy(gates, cell->bias, 4 * n);
    add_product(cell->input, x, gates);
    add_product(cell->recurrent, state, gates + n);
    for (int k = 0; k < n; k++) {
        const float candidate = hyperbolic(gates[k] + sigmoid(reset[k]) * own[k]);
        state[k] = candidate + sigmoid(update[k]) * (state[k] - candidate);
    }
}
