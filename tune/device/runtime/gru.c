#include "cell.c"

/* Gates: reset, update, what the state and what the input say of the new state (Cho et al. 2014, as torch has it). */
static void step_gru(const struct cell *cell, const float *x, float *state, float *gates)
{
    const int n = cell->n_hidden;
    const float *reset = gates, *update = gates + n, *own = gates + 2 * n, *new = gates + 3 * n;
    copy(gates, cell->bias, 4 * n);
    add_product(cell->input, x, cell->n_inputs, 2 * n, gates);
    add_product(cell->input_new, x, cell->n_inputs, n, gates + 3 * n);
    add_product(cell->recurrent, state, n, 3 * n, gates);
    for (int k = 0; k < n; k++) {
        const float candidate = tanhf(new[k] + sigmoid(reset[k]) * own[k]);
        state[k] = candidate + sigmoid(update[k]) * (state[k] - candidate);
    }
}
