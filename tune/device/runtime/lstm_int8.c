#include "cell.c"

/* See lstm.c. */
static void step_lstm(const struct cell *cell, number *restrict state, number *restrict gates)
{
    const int n = cell->n_hidden;
    number *memory = state + n;
    for (int k = 0; k < n; k++) {
        memory[k] = scaled(fixed_sigmoid(gates[n + k]), memory[k]);
        memory[k] += scaled(fixed_sigmoid(gates[k]), fixed_tanh(gates[2 * n + k]));
        state[k] = scaled(fixed_sigmoid(gates[3 * n + k]), fixed_tanh(memory[k] >> 3));
    }
}
