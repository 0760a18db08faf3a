#include "stage.c"

/* A matrix. */
struct product {
    const float *weights;
    int n_inputs, n_outputs;
};

/*
 * out += weights * x. Four rows of the matrix stand together, column by column: every number of x is loaded once for
 * four of them, and a compiler sees four sums that need not wait for each other.
 */
static void add_product(const struct product *product, const float *x, float *out)
{
    const float *weights = product->weights;
    for (int row = 0; row < product->n_outputs; row += 4) {
        float a = 0.0f, b = 0.0f, c = 0.0f, d = 0.0f;
        for (int k = 0; k < product->n_inputs; k++, weights += 4) {
            const float value = x[k];
            a += value * weights[0];
            b += value * weights[1];
            c += value * weights[2];
            d += value * weights[3];
        }
        const float sums[4] = {a, b, c, d};
        for (int k = 0; k < 4 && row + k < product->n_outputs; k++) {
            out[row + k] += sums[k];
        }
    }
}
