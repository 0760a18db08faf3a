#include "cell.c"

/* Gates: reset, update, what the state and what the input say of the new state (Cho et al. 2014, as torch has it). */
static void step_gru(const struct cell *cell, const float *x, float *state, float *gates)
{
    const int n = cell->n_hidden;
    const float *reset = gates, *update = gates + n, *own = gates + 2 * n, *new = gates + 3 * n;
    copy(gates, cell->bias, 4 * n);
    add_product(cell->input, x, gates);
    add_product(cell->input_new, x, gates + 3 * n);
    add_product(cell->recurrent, state, gates);
    for (int k = 0; k < n; k++) {
        const float candidate = hyperbolic(new[k] + sigmoid(reset[k]) * own[k]);
        state[k] = candidate + sigmoid(update[k]) * (state[k] - candidate);
    }
}
