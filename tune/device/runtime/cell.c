#include "product.c"

/* A recurrent cell: what it keeps from one step to the next begins with what it puts out. */
struct cell {
    void (*step)(const struct cell *cell, const float *x, float *state, float *gates);
    const float *input; /* Matrices of what comes in … */
    const float *input_new; /* (of a GRU, those of the new state by themselves) */
    const float *recurrent; /* … and of the state. */
    const float *bias;
    int n_inputs, n_hidden, n_state;
};

static float sigmoid(float x)
{
    return 1.0f / (1.0f + expf(-x));
}
