#include "activation.c"
#include "product.c"

typedef float number;

/* A recurrent cell: what it keeps from one step to the next begins with what it puts out. */
struct cell {
    void (*step)(const struct cell *cell, const float *x, number *restrict state, number *restrict gates);
    const struct product *input; /* Of what comes in, */
    const struct product *recurrent; /* and of the state. */
    const float *bias;
    int n_inputs, n_hidden, n_state;
};

static void run_cell(const struct cell *cell, const float *x, number *state, number *gates)
{
    cell->step(cell, x, state, gates);
}

static void put_out(const struct cell *cell, const number *state, float *out)
{
    copy(out, state, cell->n_hidden);
}
