#include "stage.c"

/* A matrix, all its outputs for one input after the other. */
struct product {
    const float *weights;
    int n_inputs, n_outputs;
};

/*
 * out += weights * x. Outputs lie side by side and do not wait for each other, which compilers turn into instructions
 * for several at once; with four inputs at a time every sum is fetched and stored a fourth as often.
 */
static void add_product(const struct product *product, const float *restrict x, float *restrict out)
{
    const int n = product->n_outputs;
    const float *first = product->weights;
    int k = 0;
    for (; k + 4 <= product->n_inputs; k += 4, first += 4 * n) {
        const float *second = first + n, *third = second + n, *fourth = third + n;
        const float a = x[k], b = x[k + 1], c = x[k + 2], d = x[k + 3];
        for (int j = 0; j < n; j++) {
            out[j] += a * first[j] + b * second[j] + c * third[j] + d * fourth[j];
        }
    }
    for (; k < product->n_inputs; k++, first += n) {
        for (int j = 0; j < n; j++) {
            out[j] += x[k] * first[j];
        }
    }
}
