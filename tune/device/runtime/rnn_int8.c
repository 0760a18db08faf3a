#include "cell.c"

static void step_rnn(const struct cell *cell, number *restrict state, number *restrict gates)
{
    for (int k = 0; k < cell->n_hidden; k++) {
        state[k] = fixed_tanh(gates[k]);
    }
}
