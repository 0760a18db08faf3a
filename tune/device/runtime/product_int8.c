#include "stage.c"

/* A matrix of bytes. What it is multiplied with becomes bytes as well, by a scale that was calibrated. */
struct product {
    const signed char *weights;
    const float *scales; /* Of every row: its own, times that of x. */
    float inverse; /* One divided by the scale of x. */
    int n_inputs, n_outputs;
};

static signed char bytes[MOST_INPUTS];

/* out += weights * x, summed up in 32 bits; four rows of the matrix stand together, column by column. */
static void add_product(const struct product *product, const float *x, float *out)
{
    const signed char *weights = product->weights;
    for (int k = 0; k < product->n_inputs; k++) {
        const float value = x[k] * product->inverse;
        const float limited = value > 127.0f ? 127.0f : value > -127.0f ? value : -127.0f;
        bytes[k] = (signed char)(limited + (limited < 0.0f ? -0.5f : 0.5f));
    }
    for (int row = 0; row < product->n_outputs; row += 4) {
        int a = 0, b = 0, c = 0, d = 0;
        for (int k = 0; k < product->n_inputs; k++, weights += 4) {
            const int value = bytes[k];
            a += value * weights[0];
            b += value * weights[1];
            c += value * weights[2];
            d += value * weights[3];
        }
        const int sums[4] = {a, b, c, d};
        for (int k = 0; k < 4 && row + k < product->n_outputs; k++) {
            out[row + k] += (float)sums[k] * product->scales[row + k];
        }
    }
}
