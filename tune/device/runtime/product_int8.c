#include "stage.c"

/* A matrix of bytes, all its outputs for one input after the other. What it is multiplied with becomes bytes as well. */
struct product {
    const signed char *weights;
    const float *scales; /* Of every output: what its sum is to be multiplied with, */
    const int *multipliers; /* or, in 1/65536, to come to 1/4096 in a recurrent cell. */
    float inverse; /* One divided by what a byte of x is worth. */
    int n_inputs, n_outputs;
};

static signed char bytes[MOST_INPUTS];

static void to_bytes(const struct product *product, const float *x, signed char *out)
{
    for (int k = 0; k < product->n_inputs; k++) {
        const float value = x[k] * product->inverse;
        const float limited = value > 127.0f ? 127.0f : value > -127.0f ? value : -127.0f;
        out[k] = (signed char)(limited + (limited < 0.0f ? -0.5f : 0.5f));
    }
}

/*
 * weights * x of four outputs, or of one where no four are left; returns how many. They are summed up in 32 bits, and in
 * registers: small processors have enough of them for four.
 */
static int sum_up(const struct product *product, const signed char *x, int from, int sums[4])
{
    const signed char *weights = product->weights + from;
    const int together = product->n_outputs - from < 4 ? 1 : 4;
    int a = 0, b = 0, c = 0, d = 0;
    for (int k = 0; k < product->n_inputs; k++, weights += product->n_outputs) {
        const int value = x[k];
        a += value * weights[0];
        if (together == 4) {
            b += value * weights[1];
            c += value * weights[2];
            d += value * weights[3];
        }
    }
    sums[0] = a, sums[1] = b, sums[2] = c, sums[3] = d;
    return together;
}

/* out += weights * x */
static void add_bytes(const struct product *product, const signed char *x, float *out)
{
    int sums[4], width;
    for (int from = 0; from < product->n_outputs; from += width) {
        width = sum_up(product, x, from, sums);
        for (int j = 0; j < width; j++) {
            out[from + j] += (float)sums[j] * product->scales[from + j];
        }
    }
}

static void add_product(const struct product *product, const float *x, float *out)
{
    to_bytes(product, x, bytes);
    add_bytes(product, bytes, out);
}
