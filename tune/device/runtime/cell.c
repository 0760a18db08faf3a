#include "activation.c"
#include "product.c"

/* A recurrent cell: what it keeps from one step to the next begins with what it puts out. */
struct cell {
    void (*step)(const struct cell *cell, const float *x, float *state, float *gates);
    const struct product *input; /* Of what comes in … */
    const struct product *input_new; /* (of a GRU, that of the new state by itself) */
    const struct product *recurrent; /* … and of the state. */
    const float *bias;
    int n_inputs, n_hidden, n_state;
};
