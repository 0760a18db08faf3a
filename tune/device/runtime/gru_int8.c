#include "cell.c"

/* See gru.c. */
static void step_gru(const struct cell *cell, number *restrict state, number *restrict gates)
{
    const int n = cell->n_hidden;
    const number *reset = gates + n, *update = gates + 2 * n, *own = gates + 3 * n;
    for (int k = 0; k < n; k++) {
        const int candidate = fixed_tanh(gates[k] + scaled(fixed_sigmoid(reset[k]), own[k]));
        state[k] = candidate + scaled(fixed_sigmoid(update[k]), state[k] - candidate);
    }
}
