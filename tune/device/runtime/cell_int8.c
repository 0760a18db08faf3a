#include "activation_int8.c"
#include "product.c"

typedef int number;

/* A recurrent cell of whole numbers: gates count 1/4096, and a state, which begins with what is put out, 1/32767. */
struct cell {
    void (*step)(const struct cell *cell, number *restrict state, number *restrict gates);
    const struct product *input; /* Of what comes in, */
    const struct product *recurrent; /* and of the state. */
    const number *bias;
    int n_inputs, n_hidden, n_state, n_gates;
};

/* share / 32768 of a value. */
static int scaled(int share, int value)
{
    return (int)(((long long)share * value + 16384) >> 15);
}

/* gates += weights * x; beyond 256 a gate is open or shut, whatever else is added. */
static void add_gates(const struct product *product, const signed char *x, number *gates)
{
    int sums[4], width;
    for (int from = 0; from < product->n_outputs; from += width) {
        width = sum_up(product, x, from, sums);
        for (int j = 0; j < width; j++) {
            const long long value = ((long long)sums[j] * product->multipliers[from + j] + 32768) >> 16;
            gates[from + j] += value > 1048576 ? 1048576 : value < -1048576 ? -1048576 : (int)value;
        }
    }
}

static void run_cell(const struct cell *cell, const float *x, number *state, number *gates)
{
    memcpy(gates, cell->bias, (size_t)cell->n_gates * sizeof *gates);
    to_bytes(cell->input, x, bytes);
    add_gates(cell->input, bytes, gates);
    for (int k = 0; k < cell->n_hidden; k++) {
        bytes[k] = (signed char)((state[k] * 127 + 16384) >> 15);
    }
    add_gates(cell->recurrent, bytes, gates + cell->n_gates - cell->recurrent->n_outputs);
    cell->step(cell, state, gates);
}

static void put_out(const struct cell *cell, const number *state, float *out)
{
    for (int k = 0; k < cell->n_hidden; k++) {
        out[k] = (float)state[k] * (1.0f / 32767.0f);
    }
}
