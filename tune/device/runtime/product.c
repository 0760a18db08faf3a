#include "stage.c"

/*
 * out += weights * x. Four rows of the matrix stand together, column by column: every number of x is loaded once for
 * four of them, and a compiler sees four sums that need not wait for each other.
 */
static void add_product(const float *weights, const float *x, int n_inputs, int n_outputs, float *out)
{
    for (int row = 0; row < n_outputs; row += 4) {
        float sums[4];
        float a = 0.0f, b = 0.0f, c = 0.0f, d = 0.0f;
        for (int k = 0; k < n_inputs; k++, weights += 4) {
            const float value = x[k];
            a += value * weights[0];
            b += value * weights[1];
            c += value * weights[2];
            d += value * weights[3];
        }
        sums[0] = a, sums[1] = b, sums[2] = c, sums[3] = d;
        for (int k = 0; k < 4 && row + k < n_outputs; k++) {
            out[row + k] += sums[k];
        }
    }
}
