#include "cell.c"

/* Gates: input, forget, new, output (Hochreiter & Schmidhuber 1997; Gers et al. 2000). */
static void step_lstm(const struct cell *cell, const float *x, float *state, float *gates)
{
    const int n = cell->n_hidden;
    float *memory = state + n;
    copy(gates, cell->bias, 4 * n);
    add_product(cell->input, x, cell->n_inputs, 4 * n, gates);
    add_product(cell->recurrent, state, n, 4 * n, gates);
    for (int k = 0; k < n; k++) {
        memory[k] = sigmoid(gates[n + k]) * memory[k] + sigmoid(gates[k]) * tanhf(gates[2 * n + k]);
        state[k] = sigmoid(gates[3 * n + k]) * tanhf(memory[k]);
    }
}
