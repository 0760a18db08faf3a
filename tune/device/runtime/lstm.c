#include "cell.c"

/* Gates: input, forget, new, output (Hochreiter & Schmidhuber 1997; Gers et al. 2000). */
static void step_lstm(const struct cell *cell, const float *x, number *restrict state, number *restrict gates)
{
    const int n = cell->n_hidden;
    float *memory = state + n;
    copy(gates, cell->bias, 4 * n);
    add_product(cell->input, x, gates);
    add_product(cell->recurrent, state, gates);
    for (int k = 0; k < n; k++) {
        memory[k] = sigmoid(gates[n + k]) * memory[k] + sigmoid(gates[k]) * hyperbolic(gates[2 * n + k]);
        state[k] = sigmoid(gates[3 * n + k]) * hyperbolic(memory[k]);
    }
}
