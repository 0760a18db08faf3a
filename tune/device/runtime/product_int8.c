#include "stage.c"

enum { AT_ONCE = 32 };

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

/* Of some outputs weights * x in 32 bits; see product.c for the order. Returns how many outputs these are. */
static int sum_up(const struct product *product, const signed char *restrict x, int from, int *restrict sums)
{
    const int n = product->n_outputs, width = n - from < AT_ONCE ? n - from : AT_ONCE;
    const signed char *first = product->weights + from;
    int k = 0;
    memset(sums, 0, AT_ONCE * sizeof *sums);
    for (; k + 4 <= product->n_inputs; k += 4, first += 4 * n) {
        const signed char *second = first + n, *third = second + n, *fourth = third + n;
        const int a = x[k], b = x[k + 1], c = x[k + 2], d = x[k + 3];
        for (int j = 0; j < width; j++) {
            sums[j] += a * first[j] + b * second[j] + c * third[j] + d * fourth[j];
        }
    }
    for (; k < product->n_inputs; k++, first += n) {
        for (int j = 0; j < width; j++) {
            sums[j] += x[k] * first[j];
        }
    }
    return width;
}

/* out += weights * x */
static void add_bytes(const struct product *product, const signed char *x, float *out)
{
    int sums[AT_ONCE], width;
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
